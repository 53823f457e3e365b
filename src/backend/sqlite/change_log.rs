//! The log of changes for users: rows of `records` by number, and rows of `deletions` at their places among them.

use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::vec::IntoIter;

use rusqlite::Connection;

use super::{changes, meta, records};
use crate::backend::change_log::{Cursor, LogPage, LoggedChange};
use crate::error::Result;
use crate::record::{Filter, Micros, Order, Page, Record, Seq, Viewer};

/// A row of `deletions`: its number, the versions, and the newest version when they were deleted.
type Deletion = (i64, RangeInclusive<Seq>, Seq);

/// At most `limit` changes since `after` that the viewer may see; without `after`, from the oldest record that is there.
/// With a limit of 0 the cursor is the current position.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn since(
    conn: &Connection,
    after: Option<Cursor>,
    limit: usize,
    viewer: &Viewer,
    now: Micros,
) -> Result<LogPage> {
    let newest = changes::newest(conn)?;
    let start = after.unwrap_or(Cursor { deletion: newest.deletion, ..Cursor::default() });
    let forgotten = meta::get::<i64>(conn, meta::PRUNED)?.unwrap_or_default();
    let complete = start.deletion >= forgotten;
    let current = Cursor { version: newest.seq, deletion: newest.deletion, within: 0 };
    if limit == 0 {
        return Ok(LogPage { items: Vec::new(), cursor: current, complete });
    }
    let page = Page { order: Order::Written, after: Some(start.version), limit, offset: 0 };
    let filter = Filter { viewer: viewer.clone(), ..Filter::default() };
    let writes = records::select(conn, &filter, page, now)?;
    let more_writes = writes.len() == limit;
    let deletions = deletions(conn, start.deletion, limit)?;
    let more_deletions = deletions.len() == limit;
    let mut merge = LogMerge {
        writes: writes.into_iter().peekable(),
        deletions: deletions.into_iter().peekable(),
        cursor: start,
        items: Vec::new(),
    };
    let ended = merge.run(limit, more_writes);
    let cursor = if ended && !more_writes && !more_deletions { current } else { merge.cursor };
    Ok(LogPage { items: merge.items, cursor, complete })
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

fn deletions(conn: &Connection, after: i64, limit: usize) -> Result<Vec<Deletion>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, first, last, coalesce(newest, last) FROM deletions
         WHERE seq > ? AND hidden IS NULL ORDER BY seq LIMIT ?",
    )?;
    let rows = statement.query_map((after, super::limit(limit)), |row| {
        Ok((row.get(0)?, row.get(1)?..=row.get(2)?, row.get(3)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
