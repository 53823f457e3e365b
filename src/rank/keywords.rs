//! The terms that the modes "bm25" and "tfidf" search for.

use rustc_hash::FxHashMap;

use super::tuning;
use crate::text::{Analyzer, both_ends};

/// The distinct terms of a query without its stop words, or with them if it has no other words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keywords {
    /// Each term and its count, in the order of first occurrence.
    pub counts: Vec<(String, u32)>,
}

impl Keywords {
    /// The keywords of a query. Of a query of more than [`tuning::MAX_QUERY_BYTES`] only the [`both_ends`] count.
    pub fn new(text: &str) -> Self {
        let text = &*both_ends(text, tuning::MAX_QUERY_BYTES);
        let mut counter = KeywordCounter::default();
        Analyzer::new().keywords(text, |term| counter.add(term));
        if counter.counts.is_empty() {
            Analyzer::new().terms(text, |term| counter.add(term));
        }
        Self { counts: counter.counts }
    }
}

#[derive(Default)]
struct KeywordCounter {
    /// The index of each term in `counts`.
    indexes: FxHashMap<String, usize>,
    counts: Vec<(String, u32)>,
}

impl KeywordCounter {
    fn add(&mut self, term: &str) {
        match self.indexes.get(term) {
            Some(&index) => self.counts[index].1 += 1,
            None => {
                self.indexes.insert(term.to_owned(), self.counts.len());
                self.counts.push((term.to_owned(), 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Keywords;

    fn counts(text: &str) -> Vec<(String, u32)> {
        Keywords::new(text).counts
    }

    #[test]
    fn stop_words_are_dropped_unless_there_are_no_other_words() {
        assert_eq!(counts("What does Alice like? Alice!"), [("alic".to_owned(), 2), ("like".to_owned(), 1)]);
        assert_eq!(counts("Who is who"), [("who".to_owned(), 2), ("is".to_owned(), 1)]);
        assert!(counts(" ?!").is_empty());
    }

    #[test]
    fn long_queries_are_cut() {
        assert!(counts(&"ä ".repeat(100_000))[0].1 < 6000);
    }
}
