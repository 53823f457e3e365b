//! Writing journals. All of it belongs in a write transaction.

use rusqlite::{Connection, OptionalExtension, Rows};

use super::entry::{COLUMNS, entry, insert, named};
use super::read::totals;
use super::{LIVE, id, numbers};
use crate::backend::encoding::limit as row_limit;
use crate::backend::journals;
use crate::backend::sqlite::batch::Batch;
use crate::backend::sqlite::write_connection::WriteConnection;
use crate::backend::write_transaction::WriteJournals;
use crate::error::{Error, Result};
use crate::journal::{Change, Changed, Entry, Number, Value};
use crate::record::Micros;

impl WriteJournals for Batch<'_> {
    fn check_journal(&self, name: &str, change: &Change) -> Result<()> {
        check(self.conn, name, change, self.now)
    }

    fn change_journal(&mut self, name: &str, change: &Change) -> Result<Changed> {
        apply(self.conn, name, change, self.now)
    }

    fn remove_journals(&mut self) -> Result<u64> {
        remove_all(self.conn, self.now)
    }

    fn sweep_journals(&mut self, limit: usize) -> Result<u64> {
        sweep(self.conn, self.now, limit)
    }
}

/// Checks what `change` requires.
///
/// # Errors
/// [`Error::Conflict`] if not; [`Error::Backend`].
pub fn check(conn: &Connection, name: &str, change: &Change, now: Micros) -> Result<()> {
    journals::check(name, change, |key| {
        let journal = id(conn, name)?;
        key.map_or_else(|| newest(conn, journal, now), |key| number_of(conn, journal, key, now))
    })
}

/// Applies a change. [`check`] must have checked what it requires.
///
/// # Errors
/// [`Error::Corrupt`] when a damaged entry would be popped; [`Error::InvalidRecord`] when a restored entry has the number of
/// another; [`Error::Backend`].
pub fn apply(conn: &WriteConnection, name: &str, change: &Change, now: Micros) -> Result<Changed> {
    match change {
        Change::Extend { values, expires_at, .. } => extend(conn, name, values, *expires_at, now),
        Change::Put { key, value, expires_at, .. } => {
            let entry = Entry {
                number: *numbers::take(conn, &conn.numbers, 1)?.start(),
                key: Some(key.clone()),
                value: value.clone(),
                written_at: now,
                expires_at: *expires_at,
            };
            insert(conn, find_or_add(conn, name)?, name, &entry)?;
            Ok(Changed::Written(vec![entry.number]))
        }
        Change::Restore(entries) => restore(conn, name, entries, now),
        Change::Pop => remove(conn, name, |journal| pop(conn, journal, name, now)),
        Change::Prune { keep, before } => {
            remove(conn, name, |journal| prune(conn, journal, *keep, *before, now))
        }
        Change::Delete { keys, numbers } => {
            remove(conn, name, |journal| delete(conn, journal, keys, numbers, now))
        }
        Change::Clear { .. } => remove(conn, name, |journal| clear(conn, journal, now)),
    }
}

/// Deletes at most `limit` entries that have expired. A damaged entry stays, because its date may be damaged.
///
/// # Errors
/// [`Error::Backend`].
pub fn sweep(conn: &Connection, now: Micros, limit: usize) -> Result<u64> {
    let sql = format!(
        "SELECT {COLUMNS}, name, journal FROM entries JOIN journals ON journals.id = entries.journal
         WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query((now, row_limit(limit)))?;
    let mut expired: Vec<(Number, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        if named(row).is_ok() {
            expired.push((row.get(0)?, row.get(7)?));
        }
    }
    drop(rows);
    if expired.is_empty() {
        return Ok(0);
    }
    let mut delete = conn.prepare_cached("DELETE FROM entries WHERE number = ?")?;
    for (number, _) in &expired {
        delete.execute([number])?;
    }
    for (_, journal) in &expired {
        drop_if_empty(conn, *journal)?;
    }
    Ok(expired.len() as u64)
}

/// Deletes all journals. Returns how many unexpired entries they had.
///
/// # Errors
/// [`Error::Backend`].
pub fn remove_all(conn: &Connection, now: Micros) -> Result<u64> {
    let live = totals(conn, now)?.entries;
    conn.execute("DELETE FROM entries", [])?;
    conn.execute("DELETE FROM journals", [])?;
    Ok(live)
}

fn extend(
    conn: &WriteConnection,
    name: &str,
    values: &[Value],
    expires_at: Option<Micros>,
    now: Micros,
) -> Result<Changed> {
    if values.is_empty() {
        return Ok(Changed::Written(Vec::new()));
    }
    let journal = find_or_add(conn, name)?;
    let mut written = Vec::with_capacity(values.len());
    for (number, value) in numbers::take(conn, &conn.numbers, values.len())?.zip(values) {
        let entry = Entry { number, key: None, value: value.clone(), written_at: now, expires_at };
        insert(conn, journal, name, &entry)?;
        written.push(number);
    }
    Ok(Changed::Written(written))
}

fn restore(conn: &WriteConnection, name: &str, entries: &[Entry], now: Micros) -> Result<Changed> {
    let journal = find_or_add(conn, name)?;
    let is_taken = |key: &String| Ok::<_, Error>(number_of(conn, journal, key, now)? != 0);
    let mut owner = conn.prepare_cached("SELECT journal FROM entries WHERE number = ?")?;
    let mut written = Vec::new();
    for entry in entries {
        match owner.query_row([entry.number], |row| row.get::<_, i64>(0)).optional()? {
            None if entry.key.as_ref().map_or(Ok(false), is_taken)? => {}
            None => {
                insert(conn, journal, name, entry)?;
                written.push(entry.number);
            }
            Some(other) if other == journal => {}
            Some(_) => {
                return Err(journals::number_taken(name, entry.number));
            }
        }
    }
    // Their numbers were not taken.
    conn.numbers.set(None);
    Ok(Changed::Written(written))
}

/// Removes entries of a journal, and the journal if it becomes empty.
fn remove(conn: &Connection, name: &str, work: impl FnOnce(i64) -> Result<Changed>) -> Result<Changed> {
    let journal = id(conn, name)?;
    let outcome = work(journal)?;
    drop_if_empty(conn, journal)?;
    Ok(outcome)
}

fn pop(conn: &Connection, journal: i64, name: &str, now: Micros) -> Result<Changed> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries WHERE journal = ? AND key IS NULL AND {LIVE} ORDER BY number DESC LIMIT 1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let entry = statement.query_row((journal, now), |row| entry(row, name)).optional()?;
    if let Some(entry) = &entry {
        conn.prepare_cached("DELETE FROM entries WHERE number = ?")?.execute([entry.number])?;
    }
    Ok(Changed::Popped(entry))
}

fn prune(
    conn: &Connection,
    journal: i64,
    keep: Option<usize>,
    before: Option<Micros>,
    now: Micros,
) -> Result<Changed> {
    // The newest entry that is not kept; 0 if all are kept.
    let cut: Number = match keep {
        None => Number::MAX,
        Some(keep) => {
            let sql = format!(
                "SELECT number FROM entries WHERE journal = ? AND key IS NULL AND {LIVE}
                 ORDER BY number DESC LIMIT 1 OFFSET ?"
            );
            let mut statement = conn.prepare_cached(&sql)?;
            statement.query_row((journal, now, row_limit(keep)), |row| row.get(0)).optional()?.unwrap_or(0)
        }
    };
    let sql = format!(
        "DELETE FROM entries WHERE journal = ? AND key IS NULL AND number <= ? AND written_at < ? RETURNING {LIVE}"
    );
    count_live(conn.prepare_cached(&sql)?.query((journal, cut, before.unwrap_or(Micros::MAX), now))?)
}

fn delete(
    conn: &Connection,
    journal: i64,
    keys: &[String],
    numbers: &[Number],
    now: Micros,
) -> Result<Changed> {
    let mut removed = 0;
    let by_key =
        format!("DELETE FROM entries WHERE journal = ? AND key = ? AND key IS NOT NULL RETURNING {LIVE}");
    let mut statement = conn.prepare_cached(&by_key)?;
    for key in keys {
        removed += live_in(statement.query((journal, key, now))?)?;
    }
    let by_number = format!("DELETE FROM entries WHERE journal = ? AND number = ? RETURNING {LIVE}");
    let mut statement = conn.prepare_cached(&by_number)?;
    for number in numbers {
        removed += live_in(statement.query((journal, number, now))?)?;
    }
    Ok(Changed::Removed(removed))
}

fn clear(conn: &Connection, journal: i64, now: Micros) -> Result<Changed> {
    let mut removed = 0;
    for part in ["key IS NULL", "key IS NOT NULL"] {
        let sql = format!("DELETE FROM entries WHERE journal = ? AND {part} RETURNING {LIVE}");
        removed += live_in(conn.prepare_cached(&sql)?.query((journal, now))?)?;
    }
    Ok(Changed::Removed(removed))
}

fn count_live(rows: Rows<'_>) -> Result<Changed> {
    Ok(Changed::Removed(live_in(rows)?))
}

/// How many of the rows of a `RETURNING` clause were live.
fn live_in(mut rows: Rows<'_>) -> Result<u64> {
    let mut live = 0;
    while let Some(row) = rows.next()? {
        live += u64::from(row.get::<_, bool>(0)?);
    }
    Ok(live)
}

fn find_or_add(conn: &Connection, name: &str) -> Result<i64> {
    let known = id(conn, name)?;
    if known > 0 {
        return Ok(known);
    }
    conn.prepare_cached("INSERT INTO journals(name) VALUES (?)")?.execute([name])?;
    Ok(conn.last_insert_rowid())
}

fn drop_if_empty(conn: &Connection, journal: i64) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM journals WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM entries WHERE journal = ?1 AND key IS NULL)
         AND NOT EXISTS (SELECT 1 FROM entries WHERE journal = ?1 AND key IS NOT NULL)",
    )?
    .execute([journal])?;
    Ok(())
}

/// The number of the newest unexpired entry of a log; 0 if there is none.
fn newest(conn: &Connection, journal: i64, now: Micros) -> Result<Number> {
    let sql = format!(
        "SELECT number FROM entries WHERE journal = ? AND key IS NULL AND {LIVE} ORDER BY number DESC LIMIT 1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row((journal, now), |row| row.get(0)).optional()?.unwrap_or(0))
}

/// The number of a key's unexpired entry; 0 if there is none.
fn number_of(conn: &Connection, journal: i64, key: &str, now: Micros) -> Result<Number> {
    let sql =
        format!("SELECT number FROM entries WHERE journal = ? AND key = ? AND key IS NOT NULL AND {LIVE}");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row((journal, key, now), |row| row.get(0)).optional()?.unwrap_or(0))
}
