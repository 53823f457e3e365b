//! The query's terms and grams in the passages of the candidates.
//!
//! The passage of a short text is the whole text. Of a long one it is its label and the [`window`] with most of the query.

use std::borrow::Cow;
use std::ops::Range;

use super::dense_ids::DenseIds;
use super::hash_ids::HashIds;
use super::query::ParsedQuery;
use super::texts::{ChunkedText, Texts};
use super::tuning::{B, K1, LABELLED_B, LONGEST, label as limit};
use super::window;
use crate::record::Seq;
use crate::text::TermInterner;

/// An occurrence of a query term in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence {
    /// The number of terms before it.
    pub position: u32,
    pub term: u32,
}

/// The frequency of a query term or gram in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    /// The number of the term, or of the gram.
    pub number: u32,
    pub frequency: u32,
    /// Position of the first occurrence.
    pub first: u32,
}

/// What the texts of the candidates hold of a query. All texts share the lists.
#[derive(Debug, Default)]
pub(super) struct Passages {
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
pub(super) struct Passage<'a> {
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
        self.chunk_table.entries.len()
    }

    /// The terms of a chunk, as ids of the interner of the texts.
    #[inline]
    pub fn terms_of(&self, chunk: u32) -> &[u32] {
        let ChunkEntry { terms, held, .. } = self.chunk_table.entry(chunk);
        &self.chunk_table.terms[terms as usize..][..held as usize]
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

/// The part of a text that is its passage.
#[derive(Debug)]
struct TextPart<'a> {
    label: &'a [u32],
    /// The chunks behind the label.
    rest: &'a [u32],
    /// The position in the text of the first term of `rest`, if the label is not directly before it.
    first_term: u32,
    /// See [`Passages::characters`].
    characters: Option<Range<usize>>,
}

impl<'a> TextPart<'a> {
    fn of(text: ChunkedText<'a>, known: &KnownTerms<'_>, interner: &TermInterner, weights: &[f64]) -> Self {
        let (label, rest) = text.chunks.split_at(text.label);
        let whole = Self { label, rest, first_term: 0, characters: None };
        if text.pieces.is_empty() {
            return whole;
        }
        let Some(window) = window::best(text, interner, weights, |term| known.numbers(term).iter().copied())
        else {
            return whole;
        };
        let (first, last) = (text.pieces[window.pieces.start], text.pieces[window.pieces.end - 1]);
        Self {
            label,
            rest: &text.chunks[first.chunks.range().start.max(text.label)..last.chunks.range().end],
            first_term: first.terms.start,
            characters: Some(text.characters(window.core)),
        }
    }

    fn len(&self) -> usize {
        self.label.len() + self.rest.len()
    }
}

/// The terms of each distinct chunk, and the query's terms and grams in it. Chunks have dense ids in the order of first
/// appearance.
#[derive(Debug, Default)]
struct ChunkTable {
    entries: Vec<ChunkEntry>,
    terms: Vec<u32>,
    /// Where the hits and the grams of a chunk end, for the chunks that have any. They begin where the ones before end.
    ends: Vec<(u32, u32)>,
    hits: Vec<Occurrence>,
    grams: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct ChunkEntry {
    /// The start and the number of its terms.
    terms: u32,
    held: u32,
    /// Its index in [`ChunkTable::ends`]; [`ChunkEntry::NOTHING`] if it holds nothing of the query.
    found: u32,
}

impl ChunkEntry {
    const NOTHING: u32 = u32::MAX;
}

impl ChunkTable {
    /// Finds the terms and grams of the query in each of these chunks.
    fn new(query: &ParsedQuery, known: &KnownTerms<'_>, interner: &TermInterner, chunks: &[u32]) -> Self {
        let entries = || chunks.iter().map(|&chunk| interner.chunk(chunk));
        // This first pass makes the processor fetch many entries at a time.
        let terms = entries().map(|chunk| chunk.terms.len()).sum();
        let mut chunk_table = Self {
            entries: Vec::with_capacity(chunks.len()),
            terms: Vec::with_capacity(terms),
            ends: Vec::with_capacity(chunks.len() / 2),
            hits: Vec::with_capacity(chunks.len() / 4),
            grams: Vec::with_capacity(chunks.len()),
        };
        for chunk in entries() {
            let before = (chunk_table.hits.len(), chunk_table.grams.len());
            for (position, &term) in (0..).zip(chunk.terms) {
                for &term in known.numbers(term) {
                    chunk_table.hits.push(Occurrence { position, term });
                }
            }
            for &gram in chunk.grams {
                if let Some(gram) = query.grams_by_hash.find(gram.into()) {
                    chunk_table.grams.push(gram);
                }
            }
            let (terms, held) = (chunk_table.terms.len() as u32, chunk.terms.len() as u32);
            chunk_table.terms.extend_from_slice(chunk.terms);
            let mut found = ChunkEntry::NOTHING;
            if (chunk_table.hits.len(), chunk_table.grams.len()) != before {
                found = chunk_table.ends.len() as u32;
                chunk_table.ends.push((chunk_table.hits.len() as u32, chunk_table.grams.len() as u32));
            }
            chunk_table.entries.push(ChunkEntry { terms, held, found });
        }
        chunk_table
    }

    #[inline]
    fn entry(&self, chunk: u32) -> ChunkEntry {
        self.entries[chunk as usize]
    }

    /// The query's terms and grams in a chunk, if there are any.
    #[inline]
    fn found(&self, entry: ChunkEntry) -> Option<(&[Occurrence], &[u32])> {
        let &(hits, grams) = self.ends.get(entry.found as usize)?;
        let before = (entry.found as usize).checked_sub(1).map_or((0, 0), |before| self.ends[before]);
        Some((&self.hits[before.0 as usize..hits as usize], &self.grams[before.1 as usize..grams as usize]))
    }
}

/// The terms of a query, and their forms, that the interner knows.
struct KnownTerms<'a> {
    /// Ids of the interner.
    terms: HashIds,
    /// The numbers of the query's terms, for each of them.
    numbers: Vec<Cow<'a, [u32]>>,
}

impl<'a> KnownTerms<'a> {
    fn new(query: &'a ParsedQuery, interner: &TermInterner) -> Self {
        let mut known = Self { terms: HashIds::default(), numbers: Vec::new() };
        let terms =
            (0..).zip(query.terms_by_hash.keys()).map(|(number, hash)| (Cow::Owned(vec![number]), hash));
        let forms = query.forms.iter().map(|terms| Cow::Borrowed(&**terms)).zip(query.forms_by_hash.keys());
        for (numbers, &hash) in terms.chain(forms) {
            if let Some(term) = interner.number_of(hash) {
                known.terms.insert(term.into());
                known.numbers.push(numbers);
            }
        }
        known
    }

    /// The numbers of the query's terms that a term of a text is or stands for.
    #[inline]
    fn numbers(&self, term: u32) -> &[u32] {
        self.terms.find(term.into()).map_or(&[], |i| &self.numbers[i as usize])
    }
}

#[cfg(test)]
impl Passages {
    /// Of the texts of records numbered from 0.
    pub fn of(query: &ParsedQuery, texts: &[&str], mean_length: f32) -> Self {
        let seqs: Vec<Seq> = (0..texts.len() as Seq).collect();
        Self::new(query, &vec![1.0; query.terms.len()], &Texts::of(texts), &seqs, mean_length)
    }
}

/// Counts numbers, such as those of terms, in one text after another.
#[derive(Debug, Default)]
pub(super) struct FrequencyCounter {
    /// For each number, the index of its last count.
    last: Vec<u32>,
}

impl FrequencyCounter {
    /// Counts numbers below `numbers`.
    pub fn new(numbers: usize) -> Self {
        Self { last: vec![0; numbers] }
    }

    /// Counts no number yet; memory for `numbers` is there.
    pub fn with_capacity(numbers: usize) -> Self {
        Self { last: Vec::with_capacity(numbers) }
    }

    /// Allows one more number.
    pub fn grow(&mut self) {
        self.last.push(0);
    }

    /// Counts an occurrence of `number` in the text whose counts begin at `start`.
    #[inline]
    pub fn count(&mut self, counts: &mut Vec<Count>, start: usize, number: u32, position: u32) {
        let last = &mut self.last[number as usize];
        match counts.get_mut(*last as usize) {
            Some(count) if *last as usize >= start && count.number == number => count.frequency += 1,
            _ => {
                *last = counts.len() as u32;
                counts.push(Count { number, frequency: 1, first: position });
            }
        }
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

/// The end of the label that a text begins with; 0 if it has none. A label is a speaker ("Alice: ..."), an entity
/// ("Alice(Person): ...") or a topic. It begins with a capital or with a letter that has no case, is short, and ends before a
/// colon.
pub(super) fn label_end(text: &str) -> usize {
    let label = text.trim_start();
    if !label.starts_with(|c: char| c.is_alphabetic() && !c.is_lowercase()) {
        return 0;
    }
    let ends = |c: char| matches!(c, ':' | '：' | '.' | '?' | '!' | ',' | ';' | '\n' | '(');
    let Some((length, (end, mark))) = label.char_indices().enumerate().find(|&(_, (_, c))| ends(c)) else {
        return 0;
    };
    let colon = match mark {
        _ if length > limit::CHARS => None,
        ':' | '：' => Some(end),
        '(' => bracket_len(&label[end..])
            .map(|len| end + len)
            .filter(|&after| label[after..].starts_with([':', '：'])),
        _ => None,
    };
    let words =
        |label: &str| label.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count();
    match colon.filter(|&colon| words(&label[..colon]) <= limit::WORDS) {
        Some(colon) => text.len() - label.len() + colon,
        None => 0,
    }
}

/// The length of a short text in brackets, with the brackets.
fn bracket_len(text: &str) -> Option<usize> {
    let (length, (end, mark)) =
        text.char_indices().enumerate().skip(1).find(|&(_, (_, c))| matches!(c, '(' | ')' | '\n'))?;
    (mark == ')' && (2..=limit::BRACKET_CHARS + 1).contains(&length)).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let table = [
            ("Alice: Hi", "Alice"),
            ("  Alice Smith： Hi", "  Alice Smith"),
            ("Alice(Person): lives", "Alice(Person)"),
            ("小明: 你好", "小明"),
            ("alice: hi", ""),
            ("Well, Bob: hi", ""),
            ("Alice () : hi", ""),
            ("Alice (Person) lives", ""),
            ("One two three four: no", ""),
            ("No label", ""),
            ("", ""),
            ("A sentence that is much too long for one: no", ""),
        ];
        for (text, label) in table {
            assert_eq!(&text[..label_end(text)], label);
        }
    }

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
