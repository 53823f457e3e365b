//! The log of changes for users: rows of `records` by number, and rows of `deletions` at their places among them.

use rusqlite::Connection;

use super::{changes, meta, selection};
use crate::backend::change_log::{Cursor, Deletion, LogPage, merge};
use crate::backend::encoding;
use crate::error::Result;
use crate::record::{Filter, Micros, Order, Page, Viewer};

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
    let writes = selection::select(conn, &filter, page, now)?;
    let deletions = deletions(conn, start.deletion, limit)?;
    let (items, cursor) = merge(writes, deletions, start, limit);
    Ok(LogPage { items, cursor: cursor.unwrap_or(current), complete })
}

fn deletions(conn: &Connection, after: i64, limit: usize) -> Result<Vec<Deletion>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, first, last, coalesce(newest, last) FROM deletions
         WHERE seq > ? AND hidden IS NULL ORDER BY seq LIMIT ?",
    )?;
    let rows = statement.query_map((after, encoding::limit(limit)), |row| {
        Ok((row.get(0)?, row.get(1)?..=row.get(2)?, row.get(3)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
