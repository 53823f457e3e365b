//! Where in the change feed an index is.

use crate::record::Seq;

/// How far an index has followed the change feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The highest sequence number taken in.
    pub seq: Seq,
    /// The last deletion taken in.
    pub deletion: i64,
    /// The last entry taken in of the log of vectors that came after their records.
    pub vectors: i64,
    /// Which server was read, if commits may be lost when another takes its place; otherwise 0.
    pub era: i64,
}
