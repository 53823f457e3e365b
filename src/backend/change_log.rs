//! The log of writes and deletions that users read. The index follows [`super::feed`] instead.

use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::vec::IntoIter;

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

/// A deletion: its number, the versions, and the newest version when they were deleted.
pub type Deletion = (i64, RangeInclusive<Seq>, Seq);

/// Merges the next writes and the next deletions, at most `limit` of each, to at most `limit` changes. Also returns where the
/// next part starts; `None` if there is no more.
pub fn merge(
    writes: Vec<(Seq, Record)>,
    deletions: Vec<Deletion>,
    start: Cursor,
    limit: usize,
) -> (Vec<LoggedChange>, Option<Cursor>) {
    let more_writes = writes.len() == limit;
    let more_deletions = deletions.len() == limit;
    let mut merge = LogMerge {
        writes: writes.into_iter().peekable(),
        deletions: deletions.into_iter().peekable(),
        cursor: start,
        items: Vec::new(),
    };
    let ended = merge.run(limit, more_writes);
    let cursor = (!ended || more_writes || more_deletions).then_some(merge.cursor);
    (merge.items, cursor)
}

/// Merges two ordered lists.
struct LogMerge {
    writes: Peekable<IntoIter<(Seq, Record)>>,
    deletions: Peekable<IntoIter<Deletion>>,
    cursor: Cursor,
    items: Vec<LoggedChange>,
}

impl LogMerge {
    /// True if both lists were merged to their ends. False if the limit was reached, or if writes that were not read yet may
    /// precede the next deletion.
    fn run(&mut self, limit: usize, more_writes: bool) -> bool {
        while self.items.len() < limit {
            let next_write = self.writes.peek().map(|(seq, _)| *seq);
            let next_deletion = self.deletions.peek().map(|(_, _, newest)| *newest);
            match (next_write, next_deletion) {
                (None, None) => return true,
                (None, Some(_)) if more_writes => return false,
                (Some(write), Some(deletion)) if deletion < write => self.delete(limit),
                (None, Some(_)) => self.delete(limit),
                (Some(_), _) => self.write(),
            }
        }
        self.writes.peek().is_none() && self.deletions.peek().is_none()
    }

    fn write(&mut self) {
        if let Some((seq, record)) = self.writes.next() {
            self.cursor.version = seq;
            self.items.push(LoggedChange::Write(Box::new(record)));
        }
    }

    /// Adds the versions of the next deletion, up to the limit.
    fn delete(&mut self, limit: usize) {
        let Some((number, versions, _)) = self.deletions.peek().cloned() else { return };
        for version in *versions.start().max(&self.cursor.within.saturating_add(1))..=*versions.end() {
            if self.items.len() == limit {
                return;
            }
            self.items.push(LoggedChange::Delete(version));
            self.cursor.within = version;
        }
        self.deletions.next();
        self.cursor.deletion = number;
        self.cursor.within = 0;
    }
}
