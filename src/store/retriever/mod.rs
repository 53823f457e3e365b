//! What search modes ask of a store: candidates, texts and term statistics, seen through the query's filter.

mod disk;
mod memory;

use super::search_error::SearchError;
use super::text_cache::ReadTexts;
use crate::backend::Snapshot;
use crate::backend::budget::Budget;
use crate::index::Scoring;
use crate::rank::fusion::Spread;
use crate::rank::{Statistics, WeightedTerm};
use crate::record::Seq;

pub use disk::{DiskRetriever, no_full_text};
pub use memory::MemoryRetriever;

/// The first stage of a search. Lists are best first; of equal scores the newer record comes first.
pub trait Retriever: Statistics<Error = SearchError> {
    /// The moment that is searched.
    fn snapshot(&self) -> &dyn Snapshot;

    /// The best `k` records for `terms`.
    ///
    /// # Errors
    /// Damaged index files; what the database says.
    fn top(&self, terms: &[WeightedTerm], k: usize, scoring: Scoring)
    -> Result<Vec<(Seq, f32)>, SearchError>;

    /// The nearest `k` records by cosine of vectors. `spread` takes in the cosines of all records.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`](crate::Error::DimensionMismatch); otherwise as [`Retriever::top`].
    fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        spread: Option<&mut Spread>,
    ) -> Result<Vec<(Seq, f32)>, SearchError>;

    /// The texts of the first of these records, as far as the budget goes.
    ///
    /// # Errors
    /// [`SearchError::Outdated`] when one is gone; what the database says.
    fn texts(&self, seqs: &[Seq], budget: Budget) -> Result<ReadTexts<'_>, SearchError>;

    /// Whether a record of the query's scope is one that the viewer may see.
    fn sees(&self, seq: Seq) -> bool;

    /// Whether the filter lets this record be found.
    fn allows(&self, seq: Seq) -> bool;
}
