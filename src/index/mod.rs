//! The index of terms and vectors: immutable segments hold the older records, a mutable memtable the newest.
//!
//! It knows records by sequence number alone, is caught up from the change feed, and opens no connection.
//! A deletion marks a document; merging drops the marked documents.

pub mod allowed;
mod among;
mod bits;
mod counted;
mod counts;
mod cursor;
mod doc_set;
mod flush;
#[allow(clippy::module_inception, reason = "it holds the type Index")]
mod index;
mod late_vectors;
mod mapped;
mod memtable;
mod merge;
mod norm;
mod part;
mod part_vectors;
mod position;
mod postings;
mod scan;
mod scorer;
mod search;
mod segment;
#[cfg(test)]
mod tests;
pub mod vector;
mod vocabulary;

pub use allowed::{Allowed, Listing};
pub use index::{Index, Size};
pub use position::Position;
pub use search::Scoring;
pub use segment::Segment;

/// A segment is damaged, in the named part. The index has to be rebuilt from the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("damaged index segment: {0}")]
pub struct Damaged(&'static str);

impl Damaged {
    /// A segment that is whole but not the one that was asked for.
    pub const FOREIGN: Self = Self("not the file that the manifest names");
}

impl From<Damaged> for std::io::Error {
    fn from(damaged: Damaged) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, damaged)
    }
}
