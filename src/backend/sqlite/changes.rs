//! The change feed: what was added and deleted since a position.

use std::ops::RangeInclusive;

use rusqlite::Connection;

use super::late_vectors::{self, Logged};
use super::numbers::{newest_deletion, newest_record};
use super::{meta, row};
use crate::backend::feed::{Added, Feed, FeedText, Known, Position};
use crate::error::Result;
use crate::record::Seq;

/// The newest number that a record, and a deletion, ever had.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn newest(conn: &Connection) -> Result<Position> {
    Ok(Position {
        seq: newest_record(conn)?,
        deletion: newest_deletion(conn)?,
        vectors: late_vectors::newest(conn)?,
        era: 0,
    })
}

/// See [`Snapshot::feed`](crate::backend::Snapshot::feed). Belongs in a transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn since(conn: &Connection, from: Position, limit: usize, known: Known<'_>) -> Result<Option<Feed>> {
    let deletion = newest_deletion(conn)?;
    let mut deleted = Vec::new();
    if deletion > from.deletion {
        if from.deletion < meta::get::<i64>(conn, meta::PRUNED)?.unwrap_or_default() {
            return Ok(None);
        }
        deleted = deletions(conn, from.deletion)?;
    }
    let added = added(conn, from.seq, limit, known)?;
    let seq = added.last().map_or(from.seq, |last| last.seq);
    let late = if added.len() < limit {
        late_vectors::since(conn, from.vectors)?
    } else {
        Logged { vectors: Vec::new(), last: from.vectors, complete: false }
    };
    let position = Position { seq, deletion, vectors: late.last, era: 0 };
    Ok(Some(Feed { added, vectors: late.vectors, deleted, position, complete: late.complete }))
}

/// Records the deletion of these records. Belongs in the transaction that deletes them.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn record_deletions(conn: &Connection, mut seqs: Vec<Seq>, hidden: bool) -> Result<()> {
    seqs.sort_unstable();
    let newest = newest_record(conn)?;
    for range in seqs.chunk_by(|a, b| a + 1 == *b) {
        if let (Some(first), Some(last)) = (range.first(), range.last()) {
            record_deletion(conn, *first..=*last, newest, hidden)?;
        }
    }
    Ok(())
}

/// Records the deletion of all records in `range`, while `newest` was the newest number. Users do not see hidden
/// deletions.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn record_deletion(
    conn: &Connection,
    range: RangeInclusive<Seq>,
    newest: Seq,
    hidden: bool,
) -> Result<()> {
    conn.prepare_cached("INSERT INTO deletions(first, last, newest, hidden) VALUES (?, ?, ?, ?)")?
        .execute((range.start(), range.end(), newest, hidden.then_some(1)))?;
    Ok(())
}

/// Drops deletions up to and including `upto`. A reader at an earlier position must load everything again. Belongs in a
/// write transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn prune(conn: &Connection, upto: i64) -> Result<()> {
    let dropped = conn.prepare_cached("DELETE FROM deletions WHERE seq <= ?")?.execute([upto])?;
    if dropped > 0 {
        meta::set(conn, meta::PRUNED, upto)?;
    }
    Ok(())
}

fn deletions(conn: &Connection, after: i64) -> Result<Vec<RangeInclusive<Seq>>> {
    let mut statement =
        conn.prepare_cached("SELECT first, last FROM deletions WHERE seq > ? ORDER BY seq")?;
    let rows = statement.query_map([after], |row| Ok(row.get(0)?..=row.get(1)?))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The records after `after`, with the texts of those that are not `known`. Each page is read once: reading all numbers
/// before the texts would read it twice.
fn added(conn: &Connection, after: Seq, limit: usize, known: Known<'_>) -> Result<Vec<Added>> {
    let mut added: Vec<Added> = Vec::new();
    let last = |added: &[Added]| added.last().map_or(after, |last| last.seq);
    loop {
        let more = read_known(conn, last(&added), limit, known, &mut added)?
            && read_texts(conn, last(&added), limit, known, &mut added)?;
        if !more {
            return Ok(added);
        }
    }
}

/// Adds the numbers of the records after `after`, up to one that is not `known`; false if there is none within the limit.
fn read_known(
    conn: &Connection,
    after: Seq,
    limit: usize,
    known: Known<'_>,
    added: &mut Vec<Added>,
) -> Result<bool> {
    let mut statement = conn.prepare_cached("SELECT seq FROM records WHERE seq > ? ORDER BY seq")?;
    let mut rows = statement.query([after])?;
    while added.len() < limit
        && let Some(row) = rows.next()?
    {
        let seq = row.get(0)?;
        if !known(seq) {
            return Ok(true);
        }
        added.push(Added { seq, text: None });
    }
    Ok(false)
}

/// Adds the texts of the records after `after`, up to one that is `known`; false if there is none within the limit.
fn read_texts(
    conn: &Connection,
    after: Seq,
    limit: usize,
    known: Known<'_>,
    added: &mut Vec<Added>,
) -> Result<bool> {
    let mut statement = conn.prepare_cached(
        "SELECT records.seq, content, vector FROM records LEFT JOIN embeddings ON embeddings.seq = records.seq
         WHERE records.seq > ? ORDER BY records.seq",
    )?;
    let mut rows = statement.query([after])?;
    while added.len() < limit
        && let Some(row) = rows.next()?
    {
        let seq = row.get(0)?;
        if known(seq) {
            return Ok(true);
        }
        let text = FeedText { content: row::content(row, 1).to_owned(), embedding: row::vector(row, 2) };
        added.push(Added { seq, text: Some(text) });
    }
    Ok(false)
}

/// A number that changes when another connection, in this process or another, has committed.
/// See <https://www.sqlite.org/pragma.html#pragma_data_version>.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn data_version(conn: &Connection) -> Result<i64> {
    let mut statement = conn.prepare_cached("PRAGMA data_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}
