//! Journals in SQLite: the tables `journals` and `entries`.
//!
//! The indexes are partial, so every statement has the condition `key IS NULL` (the log) or `key IS NOT NULL` (the map).

use rusqlite::types::{ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Rows};

use super::changes;
use super::snapshot::View;
use super::sqlite_error::unexplained_message;
use crate::backend::checksum;
use crate::backend::journals::{JournalTotals, Journals};
use crate::error::{Conflict, Error, Result};
use crate::journal::{Change, Changed, Entry, Keys, Number, Range, Value, end_of_prefix};
use crate::record::Micros;

/// What [`entry`] reads.
const COLUMNS: &str = "number, key, value, written_at, expires_at, checksum";

/// Entries that have not expired at `?now`.
const LIVE: &str = "(expires_at IS NULL OR expires_at > ?)";

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

// Reading

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
    let (from, to) = bounds(keys);
    collect(statement.query((journal, &keys.prefix, from, to))?, name, now, keys.limit, false)
}

/// The keys of the map of `name`.
///
/// # Errors
/// [`Error::Backend`].
pub fn keys(conn: &Connection, name: &str, keys: &Keys, now: Micros) -> Result<Vec<String>> {
    let journal = id(conn, name)?;
    let mut statement = conn.prepare_cached(&select_keys("key, expires_at", keys.reverse))?;
    let (from, to) = bounds(keys);
    let mut rows = statement.query((journal, &keys.prefix, from, to))?;
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
         WHERE name >= ? AND (?2 IS NULL OR name > ?2) AND (?3 IS NULL OR name < ?3)
               AND (EXISTS (SELECT 1 FROM entries WHERE journal = journals.id AND key IS NULL AND {live})
                    OR EXISTS (SELECT 1 FROM entries WHERE journal = journals.id AND key IS NOT NULL AND {live}))
         ORDER BY name LIMIT ?5",
        live = LIVE.replace('?', "?4"),
    ))?;
    let rows = statement
        .query_map((prefix, after, end_of_prefix(prefix), now, super::limit(limit)), |row| row.get(0))?;
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

// Writing; all of it belongs in a write transaction.

/// Checks what `change` requires.
///
/// # Errors
/// [`Error::Conflict`] if not; [`Error::Backend`].
pub fn check(conn: &Connection, name: &str, change: &Change, now: Micros) -> Result<()> {
    let (key, expected) = match change {
        Change::Extend { if_last: Some(last), .. } | Change::Clear { if_last: Some(last) } => (None, *last),
        Change::Put { key, if_number: Some(number), .. } => (Some(key), *number),
        _ => return Ok(()),
    };
    let journal = id(conn, name)?;
    let found = match key {
        None => newest(conn, journal, now)?,
        Some(key) => number_of(conn, journal, key, now)?,
    };
    if found == expected {
        return Ok(());
    }
    let what = Conflict::Journal { name: name.to_owned(), key: key.cloned() };
    Err(Error::Conflict { what, expected, found })
}

/// Applies a change. [`check`] must have checked what it requires.
///
/// # Errors
/// [`Error::Corrupt`] when a damaged entry would be popped; [`Error::InvalidRecord`] when a restored entry has the number of
/// another; [`Error::Backend`].
pub fn apply(conn: &Connection, name: &str, change: &Change, now: Micros) -> Result<Changed> {
    match change {
        Change::Extend { values, expires_at, .. } => extend(conn, name, values, *expires_at, now),
        Change::Put { key, value, expires_at, .. } => {
            let entry = Entry {
                number: *changes::numbers_after(newest_ever(conn)?, 1)?.start(),
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
    let mut rows = statement.query((now, super::limit(limit)))?;
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
    conn: &Connection,
    name: &str,
    values: &[Value],
    expires_at: Option<Micros>,
    now: Micros,
) -> Result<Changed> {
    if values.is_empty() {
        return Ok(Changed::Written(Vec::new()));
    }
    let journal = find_or_add(conn, name)?;
    let mut numbers = Vec::with_capacity(values.len());
    for (number, value) in changes::numbers_after(newest_ever(conn)?, values.len())?.zip(values) {
        let entry = Entry { number, key: None, value: value.clone(), written_at: now, expires_at };
        insert(conn, journal, name, &entry)?;
        numbers.push(number);
    }
    Ok(Changed::Written(numbers))
}

fn restore(conn: &Connection, name: &str, entries: &[Entry], now: Micros) -> Result<Changed> {
    let journal = find_or_add(conn, name)?;
    let is_taken = |key: &String| Ok::<_, Error>(number_of(conn, journal, key, now)? != 0);
    let mut owner = conn.prepare_cached("SELECT journal FROM entries WHERE number = ?")?;
    let mut numbers = Vec::new();
    for entry in entries {
        match owner.query_row([entry.number], |row| row.get::<_, i64>(0)).optional()? {
            None if entry.key.as_ref().map_or(Ok(false), is_taken)? => {}
            None => {
                insert(conn, journal, name, entry)?;
                numbers.push(entry.number);
            }
            Some(other) if other == journal => {}
            Some(_) => {
                return Err(Error::InvalidRecord(format!(
                    "entry {} of journal {name:?} cannot keep its number: another journal of this store has it; \
                     import into an empty store",
                    entry.number
                )));
            }
        }
    }
    Ok(Changed::Written(numbers))
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
            statement.query_row((journal, now, super::limit(keep)), |row| row.get(0)).optional()?.unwrap_or(0)
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

// Rows

fn insert(conn: &Connection, journal: i64, name: &str, entry: &Entry) -> Result<()> {
    // REPLACE removes the old entry of the key.
    let mut statement = conn.prepare_cached(
        "INSERT OR REPLACE INTO entries(number, journal, written_at, expires_at, key, value, checksum)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let Entry { number, key, value, written_at, expires_at } = entry;
    statement.execute((number, journal, written_at, expires_at, key, value, checksum::entry(name, entry)))?;
    Ok(())
}

/// An entry of a journal of this name, if it fits its checksum.
fn entry(row: &Row<'_>, name: &str) -> rusqlite::Result<Entry> {
    let number: Number = row.get(0)?;
    let intact = fields(row)
        .and_then(|entry| Ok((checksum::entry(name, &entry) == row.get::<_, i64>(5)?).then_some(entry)));
    intact.ok().flatten().ok_or_else(|| {
        let what = format!(
            "entry {number} of journal {name:?} is not what was written, by its checksum; \
             read(skip_damaged=True) skips it, delete(numbers=[{number}]) removes it"
        );
        rusqlite::Error::FromSqlConversionFailure(5, Type::Text, what.into())
    })
}

/// As [`entry`], where the journal's name is the seventh column.
fn named(row: &Row<'_>) -> rusqlite::Result<(String, Entry)> {
    let name = row.get_ref(6)?.as_str_or_null().ok().flatten().unwrap_or_default();
    Ok((name.to_owned(), entry(row, name)?))
}

fn fields(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        number: row.get(0)?,
        key: row.get(1)?,
        value: match row.get_ref(2)? {
            ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
            text => Value::Json(text.as_str()?.to_owned()),
        },
        written_at: row.get(3)?,
        expires_at: row.get(4)?,
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Json(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
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

/// Part of a map by its keys: the parameters are the journal, the prefix, and the [`bounds`].
fn select_keys(columns: &str, reverse: bool) -> String {
    let order = if reverse { "DESC" } else { "ASC" };
    format!(
        "SELECT {columns} FROM entries
         WHERE journal = ? AND key IS NOT NULL AND key >= ? AND (?3 IS NULL OR key > ?3) AND (?4 IS NULL OR key < ?4)
         ORDER BY key {order}"
    )
}

/// The bounds of the wanted keys, both exclusive; `None` is no bound.
fn bounds(keys: &Keys) -> (Option<&str>, Option<String>) {
    let end = end_of_prefix(&keys.prefix);
    match (&keys.after, keys.reverse) {
        (None, _) => (None, end),
        (Some(after), false) => (Some(after), end),
        (Some(after), true) => (None, Some(end.map_or_else(|| after.clone(), |end| end.min(after.clone())))),
    }
}

/// The row of a journal. Ids start at 1: 0, where there is none, has no entries.
fn id(conn: &Connection, name: &str) -> Result<i64> {
    let mut statement = conn.prepare_cached("SELECT id FROM journals WHERE name = ?")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
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

/// The highest number that an entry of the store ever had.
fn newest_ever(conn: &Connection) -> Result<Number> {
    let mut statement = conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'entries'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
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

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    const NOW: Micros = 1_000_000;

    fn database() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE journals (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
             CREATE TABLE entries (number INTEGER PRIMARY KEY AUTOINCREMENT, journal INTEGER NOT NULL,
                 written_at INTEGER NOT NULL, expires_at INTEGER, key TEXT, value NOT NULL, checksum INTEGER NOT NULL);
             CREATE INDEX entries_log ON entries(journal, number) WHERE key IS NULL;
             CREATE UNIQUE INDEX entries_map ON entries(journal, key) WHERE key IS NOT NULL;",
        )
        .unwrap();
        conn
    }

    fn text(value: &str) -> Value {
        Value::Json(format!("{value:?}"))
    }

    fn append(conn: &Connection, name: &str, value: &str, expires_at: Option<Micros>) -> Number {
        let change = Change::Extend { values: vec![text(value)], expires_at, if_last: None };
        match apply(conn, name, &change, NOW).unwrap() {
            Changed::Written(numbers) => numbers[0],
            other => panic!("{other:?}"),
        }
    }

    fn put(conn: &Connection, name: &str, key: &str, value: &str) -> Number {
        let change = Change::Put { key: key.into(), value: text(value), expires_at: None, if_number: None };
        match apply(conn, name, &change, NOW).unwrap() {
            Changed::Written(numbers) => numbers[0],
            other => panic!("{other:?}"),
        }
    }

    fn values(entries: &[Entry]) -> Vec<Value> {
        entries.iter().map(|entry| entry.value.clone()).collect()
    }

    fn log(conn: &Connection, name: &str, now: Micros) -> Vec<Value> {
        values(&read(conn, name, Range::After(0, usize::MAX), now, false).unwrap())
    }

    fn all_keys(conn: &Connection, prefix: &str, after: Option<&str>, reverse: bool) -> Vec<String> {
        let wanted =
            Keys { prefix: prefix.into(), after: after.map(str::to_owned), limit: usize::MAX, reverse };
        let found = keys(conn, "j", &wanted, NOW).unwrap();
        let items = items(conn, "j", &wanted, NOW).unwrap();
        assert_eq!(items.into_iter().filter_map(|entry| entry.key).collect::<Vec<_>>(), found);
        found
    }

    #[test]
    fn a_log_keeps_its_order_and_a_map_replaces() {
        let conn = database();
        let first = append(&conn, "j", "a", None);
        put(&conn, "j", "key", "old");
        let last = append(&conn, "j", "b", None);
        put(&conn, "j", "key", "new");
        assert!(first < last);
        assert_eq!(log(&conn, "j", NOW), [text("a"), text("b")]);
        assert_eq!(values(&read(&conn, "j", Range::Last(1), NOW, false).unwrap()), [text("b")]);
        assert_eq!(values(&read(&conn, "j", Range::After(first, 9), NOW, false).unwrap()), [text("b")]);
        assert_eq!(values(&get(&conn, "j", &["key".into(), "none".into()], NOW).unwrap()), [text("new")]);
        assert_eq!(log(&conn, "other", NOW), []);
    }

    #[test]
    fn numbers_are_never_used_twice() {
        let conn = database();
        let first = append(&conn, "j", "a", None);
        assert!(matches!(apply(&conn, "j", &Change::Pop, NOW).unwrap(), Changed::Popped(Some(_))));
        assert_eq!(names(&conn, "", None, 9, NOW).unwrap(), [""; 0]);
        assert!(append(&conn, "j", "b", None) > first);
    }

    #[test]
    fn keys_are_read_from_either_end() {
        let conn = database();
        for key in ["a", "b/1", "b/2", "b0", "\u{10FFFF}x", "ü"] {
            put(&conn, "j", key, key);
        }
        assert_eq!(all_keys(&conn, "b/", None, false), ["b/1", "b/2"]);
        assert_eq!(all_keys(&conn, "b/", None, true), ["b/2", "b/1"]);
        assert_eq!(all_keys(&conn, "b", Some("b/1"), false), ["b/2", "b0"]);
        assert_eq!(all_keys(&conn, "b", Some("b/2"), true), ["b/1"]);
        assert_eq!(all_keys(&conn, "", Some("b0"), false), ["ü", "\u{10FFFF}x"]);
        assert_eq!(all_keys(&conn, "\u{10FFFF}", None, true), ["\u{10FFFF}x"]);
    }

    #[test]
    fn what_expired_is_gone_before_it_is_swept() {
        let conn = database();
        append(&conn, "j", "soon", Some(NOW + 5));
        append(&conn, "j", "never", None);
        assert_eq!(log(&conn, "j", NOW + 4).len(), 2);
        assert_eq!(log(&conn, "j", NOW + 5), [text("never")]);
        assert_eq!(sweep(&conn, NOW + 5, 9).unwrap(), 1);
        assert_eq!(totals(&conn, NOW).unwrap(), JournalTotals { journals: 1, entries: 1 });
    }

    #[test]
    fn a_damaged_entry_is_reported_by_number_and_not_swept() {
        let conn = database();
        let number = append(&conn, "j", "a", None);
        append(&conn, "j", "b", None);
        conn.execute("UPDATE entries SET expires_at = 7 WHERE number = ?", [number]).unwrap();
        let error = read(&conn, "j", Range::After(0, 9), NOW, false).unwrap_err().to_string();
        assert!(error.contains(&format!("entry {number} of journal \"j\"")), "{error}");
        assert_eq!(values(&read(&conn, "j", Range::After(0, 9), NOW, true).unwrap()), [text("b")]);
        assert_eq!(sweep(&conn, NOW, 9).unwrap(), 0);
        assert_eq!(problems(&conn).unwrap().len(), 1);
        apply(&conn, "j", &Change::Delete { keys: vec![], numbers: vec![number] }, NOW).unwrap();
        assert_eq!(problems(&conn).unwrap(), [""; 0]);
    }

    #[test]
    fn a_change_requires_the_number_that_it_names() {
        let conn = database();
        let extend =
            |if_last| Change::Extend { values: vec![text("x")], expires_at: None, if_last: Some(if_last) };
        assert!(check(&conn, "j", &extend(0), NOW).is_ok());
        let number = append(&conn, "j", "a", None);
        assert!(check(&conn, "j", &extend(number), NOW).is_ok());
        let error = check(&conn, "j", &extend(0), NOW).unwrap_err();
        assert!(matches!(error, Error::Conflict { expected: 0, found, .. } if found == number));
        let put = |if_number| Change::Put {
            key: "k".into(),
            value: text("x"),
            expires_at: None,
            if_number: Some(if_number),
        };
        assert!(check(&conn, "j", &put(0), NOW).is_ok());
        assert!(matches!(
            check(&conn, "j", &put(3), NOW),
            Err(Error::Conflict { expected: 3, found: 0, .. })
        ));
    }

    #[test]
    fn pruning_keeps_the_newest_and_counts_what_had_not_expired() {
        let conn = database();
        append(&conn, "j", "expired", Some(NOW - 1));
        for value in ["a", "b", "c"] {
            append(&conn, "j", value, None);
        }
        let prune = |keep, before| apply(&conn, "j", &Change::Prune { keep, before }, NOW).unwrap();
        assert_eq!(prune(Some(2), None), Changed::Removed(1));
        assert_eq!(log(&conn, "j", NOW), [text("b"), text("c")]);
        assert_eq!(prune(None, Some(NOW)), Changed::Removed(0));
        assert_eq!(prune(None, Some(NOW + 1)), Changed::Removed(2));
        assert_eq!(names(&conn, "", None, 9, NOW).unwrap(), [""; 0]);
    }
}
