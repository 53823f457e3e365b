//! Term statistics for tests.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;

use super::Statistics;
use super::collection::Collection;
use crate::text::Analyzer;

/// Statistics that a test sets. Reading them never fails.
#[derive(Debug, Default)]
pub(super) struct FakeStatistics {
    pub collection: Collection,
    /// Document frequencies of single terms.
    pub frequencies: HashMap<String, u64>,
    /// The document frequency of every other term.
    pub other_frequency: u64,
    pub generation: u32,
    /// How many document frequencies were read.
    pub lookups: Cell<u32>,
}

impl FakeStatistics {
    /// The statistics of a store with one record for each text.
    pub fn of_texts(texts: &[&str]) -> Self {
        let mut statistics = Self::default();
        for text in texts {
            let mut terms = Analyzer::new().term_list(text);
            statistics.collection.records += 1;
            statistics.collection.terms += terms.len() as u64;
            terms.sort();
            terms.dedup();
            terms.into_iter().for_each(|term| *statistics.frequencies.entry(term).or_default() += 1);
        }
        statistics
    }

    /// Sets the document frequency of each of these terms.
    pub fn with(mut self, terms: &[&str], frequency: u64) -> Self {
        self.frequencies.extend(terms.iter().map(|&term| (term.to_owned(), frequency)));
        self
    }
}

impl Statistics for FakeStatistics {
    type Error = Infallible;

    fn collection(&self) -> Collection {
        self.collection
    }

    fn document_frequency(&self, term: &str) -> Result<u64, Infallible> {
        self.lookups.set(self.lookups.get() + 1);
        Ok(self.frequencies.get(term).copied().unwrap_or(self.other_frequency))
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), Infallible> {
        let begins = |term: &&String| prefixes.iter().any(|prefix| term.starts_with(prefix));
        self.frequencies.keys().filter(begins).for_each(|term| visit(term));
        Ok(())
    }

    fn generation(&self) -> u32 {
        self.generation
    }
}
