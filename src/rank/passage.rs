//! What candidates say about a query.

use std::ops::Range;

use super::query::Query;
use super::recipe::{B, K1, label as limit};
use crate::text::Reader;

/// A query term in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    /// How many terms stand before it.
    pub position: u32,
    pub term: u32,
}

/// How often a text holds something of the query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    /// A term, or a gram.
    pub number: u32,
    pub frequency: u32,
    /// Position of the first.
    pub first: u32,
}

/// Texts seen through a query; their parts lie one after the other in common lists.
#[derive(Debug, Default)]
pub(super) struct Passages {
    /// Who read them, and knows their chunks by number.
    pub reader: Reader,
    places: Vec<Place>,
    chunks: Vec<u32>,
    hits: Vec<Hit>,
    terms: Vec<Count>,
    grams: Vec<Count>,
}

#[derive(Debug, Default)]
struct Place {
    chunks: Range<usize>,
    hits: Range<usize>,
    terms: Range<usize>,
    grams: Range<usize>,
    /// Chunks of the label, from the first.
    label: usize,
    in_label: u32,
    norm: f64,
}

/// One text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage<'a> {
    /// All its chunks, in order.
    pub chunks: &'a [u32],
    /// Query terms in order.
    pub hits: &'a [Hit],
    /// Distinct query terms.
    pub terms: &'a [Count],
    /// Distinct grams of query words.
    pub grams: &'a [Count],
    /// How many of its first terms are a label.
    pub label: u32,
    /// `k1 (1 - b + b length / mean length)`.
    norm: f64,
}

impl Passages {
    /// Looks through `texts` for the terms and grams of `query`; `mean_length` is the store's.
    pub fn new(query: &Query, texts: &[&str], mean_length: f32) -> Self {
        let mut passages = Self::default();
        for text in texts {
            let start = passages.chunks.len();
            let (label, rest) = text.split_at(label_end(text));
            passages.reader.read(label, |chunk| passages.chunks.push(chunk));
            let label = passages.chunks.len() - start;
            passages.reader.read(rest, |chunk| passages.chunks.push(chunk));
            passages.places.push(Place { chunks: start..passages.chunks.len(), label, ..Place::default() });
        }
        let glossary = Glossary::new(query, &passages.reader);
        let mut counters = (Counter::new(query.terms.len()), Counter::new(query.grams_by_hash.len()));
        for i in 0..texts.len() {
            passages.look_through(i, &glossary, mean_length, &mut counters);
        }
        passages
    }

    fn look_through(&mut self, i: usize, glossary: &Glossary, mean: f32, counters: &mut (Counter, Counter)) {
        let place = &mut self.places[i];
        let (hits, terms, grams) = (self.hits.len(), self.terms.len(), self.grams.len());
        let mut position = 0;
        for (chunk, &number) in self.chunks[place.chunks.clone()].iter().enumerate() {
            let (held, in_terms, in_grams) = glossary.entry(number);
            for hit in in_terms {
                let position = position + hit.position;
                self.hits.push(Hit { position, term: hit.term });
                counters.0.count(&mut self.terms, terms, hit.term, position);
            }
            for &gram in in_grams {
                counters.1.count(&mut self.grams, grams, gram, position);
            }
            position += held;
            if chunk < place.label {
                place.in_label = position;
            }
        }
        place.hits = hits..self.hits.len();
        place.terms = terms..self.terms.len();
        place.grams = grams..self.grams.len();
        place.norm = K1 * (1.0 - B + B * f64::from(position) / f64::from(mean));
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn get(&self, i: usize) -> Passage<'_> {
        let place = &self.places[i];
        Passage {
            chunks: &self.chunks[place.chunks.clone()],
            hits: &self.hits[place.hits.clone()],
            terms: &self.terms[place.terms.clone()],
            grams: &self.grams[place.grams.clone()],
            label: place.in_label,
            norm: place.norm,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Passage<'_>> {
        (0..self.len()).map(|i| self.get(i))
    }
}

/// What each distinct chunk holds of a query.
struct Glossary {
    entries: Vec<Entry>,
    hits: Vec<Hit>,
    grams: Vec<u32>,
}

struct Entry {
    /// All its terms.
    terms: u32,
    hits: Range<u32>,
    grams: Range<u32>,
}

impl Glossary {
    fn new(query: &Query, reader: &Reader) -> Self {
        let entries = Vec::with_capacity(reader.chunks());
        let mut glossary = Self { entries, hits: Vec::new(), grams: Vec::new() };
        for chunk in 0..reader.chunks() as u32 {
            let (hits, grams) = (glossary.hits.len() as u32, glossary.grams.len() as u32);
            let mut position = 0;
            for hash in reader.hashes(chunk) {
                if let Some(term) = query.terms_by_hash.find(hash) {
                    glossary.hits.push(Hit { position, term });
                }
                position += 1;
            }
            let found = reader.grams(chunk).iter().filter_map(|&gram| query.grams_by_hash.find(gram.into()));
            glossary.grams.extend(found);
            glossary.entries.push(Entry {
                terms: position,
                hits: hits..glossary.hits.len() as u32,
                grams: grams..glossary.grams.len() as u32,
            });
        }
        glossary
    }

    /// How many terms a chunk has, which of them the query asks for, and grams of the query.
    #[inline]
    fn entry(&self, chunk: u32) -> (u32, &[Hit], &[u32]) {
        let Entry { terms, hits, grams } = &self.entries[chunk as usize];
        let hits = &self.hits[hits.start as usize..hits.end as usize];
        (*terms, hits, &self.grams[grams.start as usize..grams.end as usize])
    }
}

/// Counts numbers in one list after another.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// Where each number was counted last, in whatever list.
    places: Vec<u32>,
}

impl Counter {
    /// For numbers below `numbers`.
    pub fn new(numbers: usize) -> Self {
        Self { places: vec![0; numbers] }
    }

    /// Makes room for one number more.
    pub fn grow(&mut self) {
        self.places.push(0);
    }

    /// Counts one more of `number` in the list that begins at `start`.
    #[inline]
    pub fn count(&mut self, counts: &mut Vec<Count>, start: usize, number: u32, position: u32) {
        let place = &mut self.places[number as usize];
        match counts.get_mut(*place as usize) {
            Some(count) if *place as usize >= start && count.number == number => count.frequency += 1,
            _ => {
                *place = counts.len() as u32;
                counts.push(Count { number, frequency: 1, first: position });
            }
        }
    }
}

impl Passage<'_> {
    /// The part of BM25 that depends on the text.
    #[inline]
    pub fn saturation(&self, frequency: u32) -> f64 {
        let frequency = f64::from(frequency);
        frequency * (K1 + 1.0) / (frequency + self.norm)
    }
}

/// Where the label ends that a text begins with: a speaker ("Alice: ..."), an entity ("Alice(Person): ..."), a topic. 0
/// if it has none. It begins with a capital or a letter without case, is short, and a colon ends it.
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

/// The length of a short remark in brackets.
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
        let query = Query::new("Does Alice's parser parse logs?");
        let texts = ["Alice: it parses; it parses, Alice", "nothing", "Bob reparsed"];
        let passages = Passages::new(&query, &texts, 5.0);
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
