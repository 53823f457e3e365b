//! Why a search ends without a result.

use crate::error::Error;
use crate::index::Damaged;

/// What ends one attempt at a search. After the first two, the search is tried again.
#[derive(Debug)]
pub enum SearchError {
    /// Index and snapshot show different states: the index lacks a record, or has one that was deleted.
    Outdated,
    /// An index file is damaged; the index has to be built from the records.
    Damaged(Damaged),
    /// The search cannot be answered.
    Failed(Error),
}

impl From<Damaged> for SearchError {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

impl From<Error> for SearchError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
