//! Reading journals.

use rusqlite::types::Value;
use rusqlite::{Connection, Rows};

use super::entry::{COLUMNS, entry, named};
use super::{LIVE, id};
use crate::backend::encoding::limit as row_limit;
use crate::backend::journals::{JournalTotals, Journals};
use crate::backend::sqlite::sqlite_error::unexplained_message;
use crate::backend::sqlite::view::View;
use crate::error::{Error, Result};
use crate::journal::{Entry, Keys, Number, Range, end_of_prefix};
use crate::record::Micros;

impl Journals for View<'_> {
    fn log(&self, name: &str, range: Range, skip_damaged: bool) -> Result<Vec<Entry>> {
        self.explained(read(&self.reader, name, range, self.now, skip_damaged))
    }

    fn entries(&self, name: &str, keys: &[String]) -> Result<Vec<Entry>> {
        self.explained(get(&self.reader, name, keys, self.now))
    }

    fn items(&self, name: &str, wanted: &Keys) -> Result<Vec<Entry>> {
        self.explained(items(&self.reader, name, wanted, self.now))
    }

    fn keys(&self, name: &str, wanted: &Keys) -> Result<Vec<String>> {
        self.explained(keys(&self.reader, name, wanted, self.now))
    }

    fn journals(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        self.explained(names(&self.reader, prefix, after, limit, self.now))
    }

    fn journal_totals(&self) -> Result<JournalTotals> {
        self.explained(totals(&self.reader, self.now))
    }

    fn each_entry(&self, visit: &mut dyn FnMut(Result<(String, Entry)>) -> Result<bool>) -> Result<()> {
        let explain = |error| self.pool.explain(error);
        self.explained(each(&self.reader, self.now, |entry| visit(entry.map_err(explain))))
    }
}

/// Entries of the log of `name`, oldest first.
///
/// # Errors
/// [`Error::Corrupt`] at a damaged entry, unless damaged ones are to be skipped; [`Error::Backend`].
pub fn read(
    conn: &Connection,
    name: &str,
    range: Range,
    now: Micros,
    skip_damaged: bool,
) -> Result<Vec<Entry>> {
    let journal = id(conn, name)?;
    let (after, limit, order) = match range {
        Range::Last(limit) => (Number::MIN, limit, "DESC"),
        Range::After(after, limit) => (after, limit, "ASC"),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM entries WHERE journal = ? AND key IS NULL AND number > ? ORDER BY number {order}"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut entries = collect(statement.query((journal, after))?, name, now, limit, skip_damaged)?;
    if matches!(range, Range::Last(_)) {
        entries.reverse();
    }
    Ok(entries)
}

/// The entries of these keys, in this order; keys without one are left out.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Backend`].
pub fn get(conn: &Connection, name: &str, keys: &[String], now: Micros) -> Result<Vec<Entry>> {
    let journal = id(conn, name)?;
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE journal = ? AND key = ? AND key IS NOT NULL");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.extend(collect(statement.query((journal, key))?, name, now, 1, false)?);
    }
    Ok(found)
}

/// Entries of the map of `name`.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Backend`].
pub fn items(conn: &Connection, name: &str, keys: &Keys, now: Micros) -> Result<Vec<Entry>> {
    let journal = id(conn, name)?;
    let mut statement = conn.prepare_cached(&select_keys(COLUMNS, keys.reverse))?;
    let (first, end) = bounds(&keys.prefix, keys.after.as_deref(), keys.reverse);
    collect(statement.query((journal, first, end))?, name, now, keys.limit, false)
}

/// The keys of the map of `name`.
///
/// # Errors
/// [`Error::Backend`].
pub fn keys(conn: &Connection, name: &str, keys: &Keys, now: Micros) -> Result<Vec<String>> {
    let journal = id(conn, name)?;
    let mut statement = conn.prepare_cached(&select_keys("key, expires_at", keys.reverse))?;
    let (first, end) = bounds(&keys.prefix, keys.after.as_deref(), keys.reverse);
    let mut rows = statement.query((journal, first, end))?;
    let mut found = Vec::new();
    while found.len() < keys.limit
        && let Some(row) = rows.next()?
    {
        if is_live(row.get(1)?, now) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

/// The names of journals with at least one entry, in the order of code points.
///
/// # Errors
/// [`Error::Backend`].
pub fn names(
    conn: &Connection,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    now: Micros,
) -> Result<Vec<String>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT name FROM journals
         WHERE name >= ?1 AND name < ?2
               AND (EXISTS (SELECT 1 FROM entries WHERE journal = journals.id AND key IS NULL AND {live})
                    OR EXISTS (SELECT 1 FROM entries WHERE journal = journals.id AND key IS NOT NULL AND {live}))
         ORDER BY name LIMIT ?4",
        live = LIVE.replace('?', "?3"),
    ))?;
    let (first, end) = bounds(prefix, after, false);
    let rows = statement.query_map((first, end, now, row_limit(limit)), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many journals and entries there are.
///
/// # Errors
/// [`Error::Backend`].
pub fn totals(conn: &Connection, now: Micros) -> Result<JournalTotals> {
    let journals = names(conn, "", None, usize::MAX, now)?.len() as u64;
    let mut statement = conn.prepare_cached(&format!("SELECT count(*) FROM entries WHERE {LIVE}"))?;
    Ok(JournalTotals { journals, entries: statement.query_row([now], |row| row.get(0))? })
}

/// Passes every unexpired entry with its journal's name to `take`, in the order of numbers, until it returns false. For a
/// damaged entry it passes the error.
///
/// # Errors
/// [`Error::Backend`], and what `take` raises.
pub fn each(
    conn: &Connection,
    now: Micros,
    mut take: impl FnMut(Result<(String, Entry)>) -> Result<bool>,
) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS}, name FROM entries LEFT JOIN journals ON journals.id = entries.journal ORDER BY number"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match named(row) {
            Ok((_, entry)) if !is_live(entry.expires_at, now) => {}
            found => {
                if !take(found.map_err(Error::from))? {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// One line for each damaged entry.
///
/// # Errors
/// [`Error::Backend`].
pub fn problems(conn: &Connection) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    each(conn, Micros::MIN, |entry| {
        problems.extend(entry.err().map(|error| unexplained_message(&error)));
        Ok(true)
    })?;
    Ok(problems)
}

/// At most `limit` unexpired entries.
fn collect(
    mut rows: Rows<'_>,
    name: &str,
    now: Micros,
    limit: usize,
    skip_damaged: bool,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while entries.len() < limit
        && let Some(row) = rows.next()?
    {
        match entry(row, name) {
            Ok(entry) if is_live(entry.expires_at, now) => entries.push(entry),
            Ok(_) => {}
            Err(_) if skip_damaged => {}
            Err(damaged) => return Err(damaged.into()),
        }
    }
    Ok(entries)
}

fn is_live(expires_at: Option<Micros>, now: Micros) -> bool {
    expires_at.is_none_or(|at| at > now)
}

/// Part of a map by its keys: the parameters are the journal and the [`bounds`]. Any other condition on the key would not
/// bound the search in the index.
pub(super) fn select_keys(columns: &str, reverse: bool) -> String {
    let order = if reverse { "DESC" } else { "ASC" };
    format!(
        "SELECT {columns} FROM entries WHERE journal = ? AND key IS NOT NULL AND key >= ? AND key < ? ORDER BY key {order}"
    )
}

/// The first text that may begin with `prefix` and stand behind `after` in the order that is read, and what all such texts
/// are less than.
fn bounds(prefix: &str, after: Option<&str>, reverse: bool) -> (String, Value) {
    let first = match after {
        // The text that follows `after`: neither names nor keys hold NUL.
        Some(after) if !reverse => prefix.to_owned().max(format!("{after}\0")),
        _ => prefix.to_owned(),
    };
    let ends = end_of_prefix(prefix).into_iter().chain(after.filter(|_| reverse).map(str::to_owned));
    // In SQLite's order, bytes come behind all texts.
    (first, ends.min().map_or(Value::Blob(Vec::new()), Value::Text))
}
