//! What the passages of the candidates hold of a query.

use std::ops::Range;

use super::chunk_table::ChunkTable;
use super::known_terms::KnownTerms;
use super::occurrence::Occurrence;
use super::text_part::TextPart;
use crate::rank::dense_ids::DenseIds;
use crate::rank::frequency_counter::{Count, FrequencyCounter};
use crate::rank::query::ParsedQuery;
use crate::rank::texts::Texts;
use crate::rank::tuning::{B, K1, LABELLED_B, LONGEST};
use crate::record::Seq;

/// What the texts of the candidates hold of a query. All texts share the lists.
#[derive(Debug, Default)]
pub struct Passages {
    /// The share of the texts that have a label.
    pub labelled: f64,
    spans: Vec<PassageSpan>,
    chunk_table: ChunkTable,
    /// The chunks of all texts, as ids of the chunk table.
    chunks: Vec<u32>,
    hits: Vec<Occurrence>,
    terms: Vec<Count>,
    grams: Vec<Count>,
}

#[derive(Debug, Default)]
struct PassageSpan {
    chunks: Range<usize>,
    hits: Range<usize>,
    terms: Range<usize>,
    grams: Range<usize>,
    label: u32,
    characters: Option<Range<usize>>,
    norm: f64,
    single: f64,
}

/// One passage.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// Its chunks in order, as ids of the chunk table; see [`Passages::terms_of`].
    pub chunks: &'a [u32],
    /// The occurrences of query terms, in order.
    pub hits: &'a [Occurrence],
    /// The distinct query terms.
    pub terms: &'a [Count],
    /// The distinct grams of query words.
    pub grams: &'a [Count],
    /// The number of terms in its label, which are the first ones.
    pub label: u32,
    /// `k1 (1 - b + b length / mean length)`.
    norm: f64,
    /// The saturation of a term that occurs once.
    single: f64,
}

impl Passages {
    /// Finds the terms and grams of `query` in the texts of `seqs`. `weights` are those of the query's terms, by which the passages
    /// of long texts are chosen. `mean_length` is that of the store's records.
    pub fn new(query: &ParsedQuery, weights: &[f64], texts: &Texts, seqs: &[Seq], mean_length: f32) -> Self {
        let known = KnownTerms::new(query, texts.interner());
        let parts: Vec<TextPart<'_>> = seqs
            .iter()
            .map(|&seq| TextPart::of(texts.get(seq).unwrap_or_default(), &known, texts.interner(), weights))
            .collect();
        let total = parts.iter().map(TextPart::len).sum();
        let (mut chunks, mut numbers) = (Vec::with_capacity(total), DenseIds::with_capacity(total / 2));
        for part in parts.iter().flat_map(|part| [part.label, part.rest]) {
            chunks.extend(part.iter().map(|&chunk| numbers.of(chunk)));
        }
        let chunk_table = ChunkTable::new(query, &known, texts.interner(), numbers.sparse());
        let labels = parts.iter().filter(|part| !part.label.is_empty()).count();
        let labelled = labels as f64 / seqs.len().max(1) as f64;
        let mut passages = Self {
            spans: Vec::with_capacity(seqs.len()),
            labelled,
            chunk_table,
            chunks,
            hits: Vec::with_capacity(total / 4),
            terms: Vec::with_capacity(total / 4),
            grams: Vec::with_capacity(total),
        };
        let mut counters =
            (FrequencyCounter::new(query.terms.len()), FrequencyCounter::new(query.grams_by_hash.len()));
        let mut end = 0;
        for part in parts {
            let start = end;
            end += part.len();
            passages.read(start..end, &part, mean_length, &mut counters);
        }
        passages
    }

    /// Appends a passage, given by its chunks.
    fn read(
        &mut self,
        chunks: Range<usize>,
        part: &TextPart<'_>,
        mean_length: f32,
        counters: &mut (FrequencyCounter, FrequencyCounter),
    ) {
        let (hits, terms, grams) = (self.hits.len(), self.terms.len(), self.grams.len());
        let behind_label = chunks.start + part.label.len();
        let (in_label, in_rest) = (chunks.start..behind_label, behind_label..chunks.end);
        let mut found = |chunks: Range<usize>, mut position: u32| {
            for &chunk in &self.chunks[chunks] {
                let entry = self.chunk_table.entry(chunk);
                if let Some((in_terms, in_grams)) = self.chunk_table.found(entry) {
                    for hit in in_terms {
                        let position = position + hit.position;
                        self.hits.push(Occurrence { position, term: hit.term });
                        counters.0.count(&mut self.terms, terms, hit.term, position);
                    }
                    for &gram in in_grams {
                        counters.1.count(&mut self.grams, grams, gram, position);
                    }
                }
                position += entry.held;
            }
            position
        };
        let label = found(in_label, 0);
        let start = label.max(part.first_term);
        let length = label + found(in_rest, start) - start;
        let b = if self.labelled > 0.5 { LABELLED_B } else { B };
        let relative_length = f64::from(length) / f64::from(mean_length);
        let norm = K1 * (1.0 - b + b * relative_length.min(LONGEST));
        self.spans.push(PassageSpan {
            chunks,
            hits: hits..self.hits.len(),
            terms: terms..self.terms.len(),
            grams: grams..self.grams.len(),
            label,
            characters: part.characters.clone(),
            norm,
            single: saturation(1, norm),
        });
    }

    /// The characters of the passage of a long text: of the shortest part of it that holds the same words of the query.
    pub fn characters(&self, i: usize) -> Option<Range<usize>> {
        self.spans[i].characters.clone()
    }

    /// The number of distinct chunks.
    pub fn chunks(&self) -> usize {
        self.chunk_table.len()
    }

    /// The terms of a chunk, as ids of the interner of the texts.
    #[inline]
    pub fn terms_of(&self, chunk: u32) -> &[u32] {
        self.chunk_table.terms_of(chunk)
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn get(&self, i: usize) -> Passage<'_> {
        let span = &self.spans[i];
        Passage {
            chunks: &self.chunks[span.chunks.clone()],
            hits: &self.hits[span.hits.clone()],
            terms: &self.terms[span.terms.clone()],
            grams: &self.grams[span.grams.clone()],
            label: span.label,
            norm: span.norm,
            single: span.single,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Passage<'_>> {
        (0..self.len()).map(|i| self.get(i))
    }
}

impl Passage<'_> {
    /// The factor of BM25 that depends on the text.
    #[inline]
    pub fn saturation(&self, frequency: u32) -> f64 {
        if frequency == 1 { self.single } else { saturation(frequency, self.norm) }
    }
}

fn saturation(frequency: u32, norm: f64) -> f64 {
    let frequency = f64::from(frequency);
    frequency * (K1 + 1.0) / (frequency + norm)
}

#[cfg(test)]
impl Passages {
    /// Of the texts of records numbered from 0.
    pub fn of(query: &ParsedQuery, texts: &[&str], mean_length: f32) -> Self {
        let seqs: Vec<Seq> = (0..texts.len() as Seq).collect();
        Self::new(query, &vec![1.0; query.terms.len()], &Texts::of(texts), &seqs, mean_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_and_grams_are_found_where_they_are() {
        let query = ParsedQuery::new("Does Alice's parser parse logs?");
        let texts = ["Alice: it parses; it parses, Alice", "nothing", "Bob reparsed"];
        let passages = Passages::of(&query, &texts, 5.0);
        let first = passages.get(0);
        let hits: Vec<(u32, &str)> =
            first.hits.iter().map(|hit| (hit.position, &*query.terms[hit.term as usize].text)).collect();
        assert_eq!(hits, [(0, "alic"), (2, "pars"), (4, "pars"), (5, "alic")]);
        let counts: Vec<(u32, u32)> =
            first.terms.iter().map(|count| (count.first, count.frequency)).collect();
        assert_eq!(counts, [(0, 2), (2, 2)]);
        assert_eq!((first.label, first.chunks.len()), (1, 6));
        assert!(passages.get(1).hits.is_empty() && passages.get(1).grams.is_empty());
        assert!(passages.get(2).hits.is_empty() && !passages.get(2).grams.is_empty());
        assert_eq!(passages.len(), 3);
    }
}
