//! Interns the chunks and terms of many texts: a chunk that occurs again is not analyzed again.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::words::words_of_chunk;
use super::{grams, is_stop_term, rarity, tokenizer};

/// The hash that stands for a term. It has 64 bits: a collision between two terms of a store is less likely than a memory
/// error.
pub fn term_hash(term: &str) -> u64 {
    xxh3_64(term.as_bytes())
}

/// The distinct chunks of texts and the distinct terms in them. Each chunk and each term has a number. Chunks are the pieces of a
/// text between characters that always separate words.
#[derive(Debug, Default)]
pub struct TermInterner {
    chunks: HashTable<u32>,
    /// The entries of all chunks, one after another: the hash in two halves, the number of terms, the number of grams, the
    /// terms, the grams. The number of a chunk is the start of its entry.
    entries: Vec<u32>,
    numbers: HashTable<u32>,
    terms: Vec<InternedTerm>,
    /// All terms, one after another.
    text: String,
}

#[derive(Debug)]
struct InternedTerm {
    hash: u64,
    end: u32,
    rarity: f32,
    stops: bool,
}

/// The contents of a chunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chunk<'a> {
    /// The numbers of its terms, in order.
    pub terms: &'a [u32],
    /// The [`word_grams`](super::word_grams) of its words.
    pub grams: &'a [u32],
}

/// The length of an entry before its terms.
const HEAD: usize = 4;

impl TermInterner {
    /// Calls `visit` with the number of every chunk of `text`, in order.
    pub fn read(&mut self, text: &str, mut visit: impl FnMut(u32)) {
        tokenizer::each_chunk(text, |chunk| {
            let hash = xxh3_64(chunk.as_bytes());
            visit(self.find(hash).unwrap_or_else(|| self.analyze(chunk, hash)));
        });
    }

    /// The number in this interner of a chunk of another one.
    pub fn adopt(&mut self, other: &Self, chunk: u32) -> u32 {
        let hash = hash_at(&other.entries, chunk);
        if let Some(known) = self.find(hash) {
            return known;
        }
        let start = self.begin(hash);
        let Chunk { terms, grams } = other.chunk(chunk);
        for &term in terms {
            let number = self.number(other.term(term), other.terms[term as usize].hash);
            self.entries.push(number);
        }
        self.entries.extend_from_slice(grams);
        self.finish(start, terms.len())
    }

    /// The contents of a chunk.
    #[inline]
    pub fn chunk(&self, chunk: u32) -> Chunk<'_> {
        let entry = &self.entries[chunk as usize..];
        let (terms, grams) = (entry[2] as usize, entry[3] as usize);
        let (terms, rest) = entry[HEAD..].split_at(terms);
        Chunk { terms, grams: &rest[..grams] }
    }

    /// How many distinct terms there are. They are numbered from 0.
    pub fn terms(&self) -> usize {
        self.terms.len()
    }

    /// The term with this number.
    pub fn term(&self, number: u32) -> &str {
        let start = (number as usize).checked_sub(1).map_or(0, |before| self.terms[before].end);
        &self.text[start as usize..self.terms[number as usize].end as usize]
    }

    /// [`is_stop_term`] of the term with this number.
    pub fn stops(&self, number: u32) -> bool {
        self.terms[number as usize].stops
    }

    /// [`rarity`] of the term with this number.
    pub fn rarity(&self, number: u32) -> f32 {
        self.terms[number as usize].rarity
    }

    /// The number of a chunk with exactly this spelling.
    pub fn chunk_number(&self, chunk: &str) -> Option<u32> {
        self.find(xxh3_64(chunk.as_bytes()))
    }

    /// [`term_hash`] of the term with this number.
    pub fn hash(&self, number: u32) -> u64 {
        self.terms[number as usize].hash
    }

    /// The number of the term with this hash.
    pub fn number_of(&self, hash: u64) -> Option<u32> {
        self.numbers.find(hash, |&number| self.terms[number as usize].hash == hash).copied()
    }

    /// Bytes on the heap, approximately.
    pub fn bytes(&self) -> usize {
        (self.chunks.capacity() + self.numbers.capacity()) * 6
            + self.entries.capacity() * size_of::<u32>()
            + self.terms.capacity() * size_of::<InternedTerm>()
            + self.text.capacity()
    }

    fn find(&self, hash: u64) -> Option<u32> {
        self.chunks.find(hash, |&chunk| hash_at(&self.entries, chunk) == hash).copied()
    }

    /// Analyzes a chunk and inserts it.
    fn analyze(&mut self, chunk: &str, hash: u64) -> u32 {
        let start = self.begin(hash);
        let mut found = Vec::new();
        words_of_chunk(chunk, |word| {
            word.terms(|_, term| {
                let number = self.number(term, term_hash(term));
                self.entries.push(number);
            });
            if word.has_grams() {
                grams::word_grams(&word.folded(), |gram| found.push(gram));
            }
        });
        let terms = self.entries.len() - start - HEAD;
        self.entries.extend_from_slice(&found);
        self.finish(start, terms)
    }

    fn begin(&mut self, hash: u64) -> usize {
        let start = self.entries.len();
        self.entries.extend([hash as u32, (hash >> 32) as u32, 0, 0]);
        start
    }

    /// Numbers fit in u32: an interner is dropped when it holds a few MB, or with its query.
    fn finish(&mut self, start: usize, terms: usize) -> u32 {
        let grams = self.entries.len() - start - HEAD - terms;
        self.entries[start + 2] = terms as u32;
        self.entries[start + 3] = grams as u32;
        let entries = &self.entries;
        let hash = hash_at(entries, start as u32);
        self.chunks.insert_unique(hash, start as u32, |&chunk| hash_at(entries, chunk));
        start as u32
    }

    fn number(&mut self, term: &str, hash: u64) -> u32 {
        if let Some(number) = self.number_of(hash) {
            return number;
        }
        let number = self.terms.len() as u32;
        self.text.push_str(term);
        let end = self.text.len() as u32;
        self.terms.push(InternedTerm { hash, end, rarity: rarity(term), stops: is_stop_term(term) });
        let terms = &self.terms;
        self.numbers.insert_unique(hash, number, |&number| terms[number as usize].hash);
        number
    }
}

#[inline]
fn hash_at(entries: &[u32], chunk: u32) -> u64 {
    let at = chunk as usize;
    u64::from(entries[at + 1]) << 32 | u64::from(entries[at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{Analyzer, word_grams};

    fn chunks(interner: &mut TermInterner, text: &str) -> Vec<u32> {
        let mut chunks = Vec::new();
        interner.read(text, |chunk| chunks.push(chunk));
        chunks
    }

    fn terms(interner: &TermInterner, chunks: &[u32]) -> Vec<String> {
        let numbers = chunks.iter().flat_map(|&chunk| interner.chunk(chunk).terms);
        numbers
            .inspect(|&&number| {
                let term = interner.term(number);
                assert_eq!(interner.number_of(term_hash(term)), Some(number));
                assert_eq!(interner.hash(number), term_hash(term));
                assert_eq!(interner.stops(number), is_stop_term(term));
            })
            .map(|&number| interner.term(number).to_owned())
            .collect()
    }

    proptest! {
        #[test]
        fn the_terms_are_the_analyzers(
            texts in prop::collection::vec("(\\PC|[a-zA-Z ,'_:上한]){0,80}", 1..4),
        ) {
            let (mut one, mut other) = (TermInterner::default(), TermInterner::default());
            for text in texts.iter().chain(&texts) {
                let expected = Analyzer::new().term_list(text);
                let read = chunks(&mut one, text);
                prop_assert_eq!(&terms(&one, &read), &expected);
                let adopted: Vec<u32> = read.iter().map(|&chunk| other.adopt(&one, chunk)).collect();
                prop_assert_eq!(terms(&other, &adopted), expected);
                for (&mine, &theirs) in read.iter().zip(&adopted) {
                    prop_assert_eq!(one.chunk(mine).grams, other.chunk(theirs).grams);
                }
            }
        }
    }

    #[test]
    fn a_chunk_has_one_number() {
        let mut interner = TermInterner::default();
        let first = chunks(&mut interner, "one two one");
        assert!(first[0] == first[2] && first[0] != first[1]);
        assert_eq!(chunks(&mut interner, "three, two")[1], first[1]);
        assert_eq!(interner.terms(), 3);
    }

    #[test]
    fn grams_are_those_of_the_words() {
        let mut interner = TermInterner::default();
        let read = chunks(&mut interner, "Zoë's 手机");
        let mut expected = Vec::new();
        word_grams("zoe", |gram| expected.push(gram));
        assert_eq!((interner.chunk(read[0]).grams, interner.chunk(read[1]).grams), (&*expected, &[][..]));
    }
}
