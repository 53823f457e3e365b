//! The log of writes and deletions that users read. The index follows [`super::feed`] instead.

use crate::record::{Record, Seq};

/// How far a reader has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cursor {
    /// All writes up to this version were returned.
    pub version: Seq,
    /// All deletions up to this one were returned.
    pub deletion: i64,
    /// Of the next deletion, versions up to this one were returned.
    pub within: Seq,
}

/// A write or a deletion.
#[derive(Debug, Clone, PartialEq)]
pub enum LoggedChange {
    /// A record that was written and still exists.
    Write(Box<Record>),
    /// The version of a record that was deleted, or that another version replaced.
    Delete(Seq),
}

/// One part of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The changes, in order.
    pub items: Vec<LoggedChange>,
    /// Where the next part starts.
    pub cursor: Cursor,
    /// False if deletions since the cursor were pruned.
    pub complete: bool,
}
