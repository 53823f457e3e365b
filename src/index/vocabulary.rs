//! [`Vocabulary`]: distinct terms and their numbers.

use std::ops::Range;

use hashbrown::HashTable;

use crate::text::term_hash;

/// Distinct terms, numbered in the order in which they came. One string has them all, because most are short and many.
#[derive(Debug, Default)]
pub struct Vocabulary {
    text: String,
    /// Where each term ends in the text, and the next one begins.
    ends: Vec<usize>,
    numbers: HashTable<Entry>,
}

/// The hash is kept so that a table that grows reads no terms.
#[derive(Debug)]
struct Entry {
    hash: u64,
    number: u32,
}

impl Vocabulary {
    /// The number of a term, if it is there.
    pub fn find(&self, term: &str) -> Option<u32> {
        self.find_hashed(term, term_hash(term))
    }

    /// The number of a term, which is taken in if it is not there.
    pub fn number(&mut self, term: &str) -> u32 {
        let hash = term_hash(term);
        if let Some(number) = self.find_hashed(term, hash) {
            return number;
        }
        let number = self.ends.len() as u32;
        self.text.push_str(term);
        self.ends.push(self.text.len());
        self.numbers.insert_unique(hash, Entry { hash, number }, |entry| entry.hash);
        number
    }

    /// All terms, by number.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|number| &self.text[self.span(number)])
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes on the heap, about.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 8 + self.numbers.capacity() * size_of::<Entry>()
    }

    fn find_hashed(&self, term: &str, hash: u64) -> Option<u32> {
        let text = self.text.as_bytes();
        let same =
            |entry: &Entry| entry.hash == hash && text[self.span(entry.number as usize)] == *term.as_bytes();
        self.numbers.find(hash, same).map(|entry| entry.number)
    }

    /// Where the term with this number is in the text.
    fn span(&self, number: usize) -> Range<usize> {
        number.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[number]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_numbers_terms_in_the_order_in_which_they_come(terms in prop::collection::vec("[a-c]{0,3}|\\PC{1,2}", 0..60)) {
            let (mut vocabulary, mut expected) = (Vocabulary::default(), BTreeMap::new());
            for term in &terms {
                let next = expected.len() as u32;
                prop_assert_eq!(vocabulary.number(term), *expected.entry(term.as_str()).or_insert(next));
            }
            prop_assert_eq!(vocabulary.len(), expected.len());
            for (term, number) in &expected {
                prop_assert_eq!(vocabulary.find(term), Some(*number));
                prop_assert_eq!(vocabulary.terms().nth(*number as usize), Some(*term));
            }
            prop_assert_eq!(vocabulary.find("not there"), None);
        }
    }
}
