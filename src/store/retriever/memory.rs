//! Searches in the index in memory.

use super::Retriever;
use crate::backend::Snapshot;
use crate::backend::budget::Budget;
use crate::index::vector::Nearest;
use crate::index::{Allowed, Damaged, Index, Scoring};
use crate::rank::Collection;
use crate::rank::fusion::Spread;
use crate::rank::{Statistics, WeightedTerm};
use crate::record::Seq;
use crate::store::search_error::SearchError;
use crate::store::text_cache::{ReadTexts, TextCache};

/// The index in memory, seen through a filter.
pub struct MemoryRetriever<'a> {
    /// Not older than `snapshot` in anything that `allowed` depends on.
    pub index: &'a Index,
    /// The statistics of the population: the records of the query's scope that its viewer may see.
    pub statistics: &'a dyn Statistics<Error = Damaged>,
    /// An index over the population alone, if there is one, and what the filter lets through of that.
    pub own: Option<(&'a Index, Option<&'a Allowed>)>,
    /// The texts that searches read.
    pub texts: &'a TextCache,
    /// The population; `None` for everything.
    pub visible: Option<&'a Allowed>,
    /// What the filter lets through; `None` for everything.
    pub allowed: Option<&'a Allowed>,
    /// Where texts and vectors are read.
    pub snapshot: &'a dyn Snapshot,
}

impl Statistics for MemoryRetriever<'_> {
    type Error = SearchError;

    fn collection(&self) -> Collection {
        self.statistics.collection()
    }

    fn document_frequency(&self, term: &str) -> Result<u64, SearchError> {
        Ok(self.statistics.document_frequency(term)?)
    }

    fn document_frequencies(&self, terms: &[&str]) -> Result<Vec<u64>, SearchError> {
        Ok(self.statistics.document_frequencies(terms)?)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), SearchError> {
        Ok(self.statistics.terms_with(prefixes, visit)?)
    }

    fn generation(&self) -> u32 {
        self.statistics.generation()
    }
}

impl Retriever for MemoryRetriever<'_> {
    fn snapshot(&self) -> &dyn Snapshot {
        self.snapshot
    }

    fn top(
        &self,
        terms: &[WeightedTerm],
        k: usize,
        scoring: Scoring,
    ) -> Result<Vec<(Seq, f32)>, SearchError> {
        let (index, allowed) = self.own.unwrap_or((self.index, self.allowed));
        Ok(index.top(terms, k, scoring, self.collection().mean_length(), allowed)?)
    }

    fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        spread: Option<&mut Spread>,
    ) -> Result<Vec<(Seq, f32)>, SearchError> {
        self.snapshot.check_dimension(vector.len())?;
        let mut nearest = Nearest::new(vector, k);
        // The index holds rounded vectors: those of the candidates are compared exactly.
        let candidates = self.index.near(vector, k, self.allowed, spread)?;
        for (seq, vector) in self.snapshot.vectors(&candidates)? {
            nearest.push(seq, &vector);
        }
        Ok(nearest.into_sorted())
    }

    fn texts(&self, seqs: &[Seq], budget: Budget) -> Result<ReadTexts<'_>, SearchError> {
        self.texts.get(self.snapshot, seqs, budget)
    }

    fn sees(&self, seq: Seq) -> bool {
        self.visible.is_none_or(|visible| visible.holds(seq))
    }

    fn allows(&self, seq: Seq) -> bool {
        self.allowed.is_none_or(|allowed| allowed.holds(seq))
    }
}
