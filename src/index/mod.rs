//! The index in memory, of terms and of vectors: immutable segments over older records, a mutable memtable over the newest.
//!
//! It knows records by sequence number alone, is caught up from the change feed, and opens no connection.
//! Deleting marks a document deleted; merging segments leaves the deleted documents out.

pub mod allowed;
mod bits;
mod builder;
mod cursor;
mod inverted;
mod mapped;
mod memtable;
mod norm;
mod postings;
mod scan;
mod scorer;
mod search;
mod segment;
pub mod vector;

pub use crate::rank::WeightedTerm;
pub use allowed::Allowed;
pub use inverted::{Flush, Index, Merge, Position, Size};
pub use search::Scoring;
pub use segment::Segment;

/// A segment's bytes are not what was written; says which part. The index must be rebuilt from the records.
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
