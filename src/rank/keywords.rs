//! What the plain modes look for.

use rustc_hash::FxHashMap;

use super::tuning;
use crate::text::{Analyzer, both_ends};

/// The distinct terms of a query without its stop words, or with them if nothing else is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keywords {
    /// Each term and how often it is asked for, in the order of first occurrence.
    pub counts: Vec<(String, u32)>,
}

impl Keywords {
    /// Of a text, or of the [`both_ends`] of one that has more than [`tuning::MAX_QUERY_BYTES`].
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
    places: FxHashMap<String, usize>,
    counts: Vec<(String, u32)>,
}

impl KeywordCounter {
    fn add(&mut self, term: &str) {
        match self.places.get(term) {
            Some(&place) => self.counts[place].1 += 1,
            None => {
                self.places.insert(term.to_owned(), self.counts.len());
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
    fn stop_words_go_if_something_stays() {
        assert_eq!(counts("What does Alice like? Alice!"), [("alic".to_owned(), 2), ("like".to_owned(), 1)]);
        assert_eq!(counts("Who is who"), [("who".to_owned(), 2), ("is".to_owned(), 1)]);
        assert!(counts(" ?!").is_empty());
    }

    #[test]
    fn long_queries_are_cut() {
        assert!(counts(&"ä ".repeat(100_000))[0].1 < 6000);
    }
}
