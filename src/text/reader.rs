//! Reads many texts for one query: what comes again is looked at once.

use std::cell::RefCell;
use std::ops::Range;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::words::words;
use super::{grams, terms_of_chunk, tokenizer};

/// Longer chunks hardly come twice.
const MAX_CHUNK_BYTES: usize = 48;

/// A memo that holds more is emptied before the next query; it takes a few MB for each thread.
const MAX_CHUNKS: usize = 1 << 14;
/// See [`MAX_CHUNKS`].
const MAX_TERMS: usize = 1 << 16;

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// The hash that stands for a term. Two terms of a store have the same one less often than memory fails.
pub fn term_hash(term: &str) -> u64 {
    xxh3_64(term.as_bytes())
}

/// Cuts texts into chunks, pieces between characters that are certain to part words. Each distinct chunk has a number,
/// counted from 0 by every reader, and is analyzed once.
#[derive(Debug)]
pub struct Reader {
    memo: Memo,
    chunks: Vec<Chunk>,
}

impl Reader {
    /// A reader that has read nothing.
    pub fn new() -> Self {
        let mut memo = MEMO.try_with(RefCell::take).unwrap_or_default();
        memo.turn_page();
        Self { memo, chunks: Vec::new() }
    }

    /// Hands the number of every chunk of `text` to `visit`, in order.
    #[inline]
    pub fn read(&mut self, text: &str, mut visit: impl FnMut(u32)) {
        for chunk in tokenizer::chunks(text) {
            visit(self.number(chunk));
        }
    }

    /// How many distinct chunks were read.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// The terms of a chunk, those that the analyzer finds, and their hashes.
    pub fn terms(&self, chunk: u32) -> impl Iterator<Item = (&str, u64)> {
        self.known(chunk).iter().map(|term| (&self.memo.known.text[span(&term.text)], term.hash))
    }

    /// [`term_hash`] of each term of a chunk.
    pub fn hashes(&self, chunk: u32) -> impl Iterator<Item = u64> {
        self.known(chunk).iter().map(|term| term.hash)
    }

    fn known(&self, chunk: u32) -> &[Term] {
        &self.memo.known.terms[span(&self.chunks[chunk as usize].terms)]
    }

    /// [`word_grams`](super::word_grams) of each word of a chunk.
    pub fn grams(&self, chunk: u32) -> &[u32] {
        &self.memo.known.grams[span(&self.chunks[chunk as usize].grams)]
    }

    fn number(&mut self, chunk: &str) -> u32 {
        let next = self.chunks.len() as u32;
        if chunk.len() > MAX_CHUNK_BYTES {
            self.chunks.push(self.memo.known.learn(chunk));
            return next;
        }
        let Memo { entries, known, page } = &mut self.memo;
        let entry = entries.entry(key(chunk)).or_insert_with(|| Entry {
            chunk: known.learn(chunk),
            page: 0,
            number: 0,
        });
        if entry.page != *page {
            entry.page = *page;
            entry.number = next;
            self.chunks.push(entry.chunk.clone());
        }
        entry.number
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Reader {
    /// Leaves what was learned to the thread's next reader.
    fn drop(&mut self) {
        let memo = std::mem::take(&mut self.memo);
        // Fails only while the thread ends, when nobody needs the memo any more.
        let _ = MEMO.try_with(|place| place.replace(memo));
    }
}

/// The chunks seen last, bounded, one memo for each thread.
#[derive(Debug, Default)]
struct Memo {
    entries: FxHashMap<(u64, u64), Entry>,
    known: Known,
    /// Counts the readers.
    page: u32,
}

#[derive(Debug)]
struct Entry {
    chunk: Chunk,
    /// The last reader that read it, and the number that it gave.
    page: u32,
    number: u32,
}

impl Memo {
    fn turn_page(&mut self) {
        let full = self.entries.len() > MAX_CHUNKS || self.known.terms.len() > MAX_TERMS;
        if full || self.page == u32::MAX {
            self.entries.clear();
            self.known.clear();
            self.page = 0;
        }
        self.page += 1;
    }
}

/// What stands for a chunk: itself if it is short, else its hash. No chunk holds a NUL.
fn key(chunk: &str) -> (u64, u64) {
    let bytes = chunk.as_bytes();
    match (bytes.len(), bytes.first_chunk(), bytes.last_chunk()) {
        (8..=16, Some(head), Some(tail)) => {
            let overlap = 8 * (16 - bytes.len() as u32);
            (u64::from_le_bytes(*head), u64::from_le_bytes(*tail).checked_shr(overlap).unwrap_or(0))
        }
        (..8, _, _) => (bytes.iter().rev().fold(0, |key, &byte| key << 8 | u64::from(byte)), 0),
        _ => {
            let hash = xxh3_128(bytes);
            (hash as u64, (hash >> 64) as u64)
        }
    }
}

/// Terms and grams, one chunk's behind the other's.
#[derive(Debug, Default)]
struct Known {
    text: String,
    terms: Vec<Term>,
    grams: Vec<u32>,
}

#[derive(Debug)]
struct Term {
    hash: u64,
    text: Range<u32>,
}

/// Where a chunk's terms and grams are.
#[derive(Debug, Clone)]
struct Chunk {
    terms: Range<u32>,
    grams: Range<u32>,
}

impl Known {
    fn learn(&mut self, chunk: &str) -> Chunk {
        let (terms, grams) = (self.terms.len(), self.grams.len());
        terms_of_chunk(chunk, &mut |term| {
            let start = self.text.len();
            self.text.push_str(term);
            self.terms.push(Term { hash: term_hash(term), text: place(start, self.text.len()) });
        });
        words(chunk, |word| {
            if word.is_spaced() {
                grams::word_grams(&word.folded(), |gram| self.grams.push(gram));
            }
        });
        Chunk { terms: place(terms, self.terms.len()), grams: place(grams, self.grams.len()) }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.terms.clear();
        self.grams.clear();
    }
}

/// Offsets fit in u32: a reader reads no more than one query's candidates.
fn place(from: usize, to: usize) -> Range<u32> {
    from as u32..to as u32
}

fn span(place: &Range<u32>) -> Range<usize> {
    place.start as usize..place.end as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::text::{Analyzer, word_grams};

    fn terms(reader: &mut Reader, text: &str) -> Vec<String> {
        let mut chunks = Vec::new();
        reader.read(text, |chunk| chunks.push(chunk));
        let terms = chunks.into_iter().flat_map(|chunk| reader.terms(chunk));
        terms
            .inspect(|(term, hash)| assert_eq!(*hash, term_hash(term)))
            .map(|(term, _)| term.to_owned())
            .collect()
    }

    proptest! {
        #[test]
        fn the_terms_are_the_analyzers(
            texts in prop::collection::vec("(\\PC|[a-zA-Z ,'_:上한]){0,80}", 1..4),
        ) {
            let mut reader = Reader::new();
            for text in texts.iter().chain(&texts) {
                prop_assert_eq!(terms(&mut reader, text), Analyzer::new().term_list(text));
            }
        }

        #[test]
        fn a_key_stands_for_one_chunk(chunks in prop::collection::vec("[ab]{1,9}|[aé]{4,30}", 0..200)) {
            let mut keys = HashMap::new();
            for chunk in &chunks {
                prop_assert_eq!(keys.entry(key(chunk)).or_insert(chunk), &chunk);
            }
        }
    }

    #[test]
    fn a_chunk_has_one_number() {
        for _ in 0..2 {
            let mut reader = Reader::new();
            let mut numbers = Vec::new();
            reader.read("one two one", |number| numbers.push(number));
            reader.read("three, two", |number| numbers.push(number));
            assert_eq!((numbers, reader.chunks()), (vec![0, 1, 0, 2, 1], 3));
        }
    }

    #[test]
    fn grams_are_those_of_the_words() {
        let mut reader = Reader::new();
        reader.read("Zoë's", |_| ());
        reader.read("手机", |_| ());
        let mut expected = Vec::new();
        word_grams("zoe", |gram| expected.push(gram));
        assert_eq!((reader.grams(0), reader.grams(1)), (&*expected, &[][..]));
    }

    #[test]
    fn the_memo_stays_small() {
        for round in 0..4 {
            let mut reader = Reader::new();
            for n in 0..MAX_CHUNKS {
                assert_eq!(terms(&mut reader, &format!("r{round}n{n}")), [format!("r{round}n{n}")]);
            }
            assert!(reader.memo.entries.len() <= 2 * MAX_CHUNKS);
        }
    }
}
