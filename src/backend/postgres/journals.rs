//! Journals: the table `agentmem_entries`.
//!
//! The indexes are partial, so every statement on one journal has the condition `key IS NULL` (the log) or `key IS NOT NULL`
//! (the map).

use std::collections::{HashMap, HashSet};

use tokio_postgres::Row;

use super::batch::Batch;
use super::filter::boxed;
use super::head::numbers_after;
use super::postgres_error::{unexplained_message, unreadable};
use super::query::Sql;
use super::view::View;
use crate::backend::checksum;
use crate::backend::journals::{JournalTotals, Journals};
use crate::error::{Conflict, Error, Result};
use crate::journal::{Change, Changed, Entry, Keys, Number, Range, Value, end_of_prefix};
use crate::record::Micros;

/// What [`entry`] reads.
const COLUMNS: &str = "number, key, json, bytes, written_at, expires_at, checksum, journal";

impl View<'_> {
    /// A statement on the unexpired entries of a journal.
    fn entries_of<'n>(&self, columns: &str, name: &'n str) -> Sql<'n> {
        let mut sql = Sql::new(format!("SELECT {columns} FROM agentmem_entries"));
        self.reach.apply(&mut sql);
        sql.push(" AND journal = ?", [boxed(name)]);
        self.unexpired_entries(&mut sql);
        sql
    }

    fn unexpired_entries(&self, sql: &mut Sql<'_>) {
        if self.head.entries_expire <= self.now {
            sql.push(" AND (expires_at IS NULL OR expires_at > ?)", [boxed(self.now)]);
        }
    }

    fn read_log(&self, name: &str, range: Range, skip_damaged: bool) -> Result<Vec<Entry>> {
        let (after, limit, order) = match range {
            Range::Last(limit) => (Number::MIN, limit, "DESC"),
            Range::After(after, limit) => (after, limit, "ASC"),
        };
        let mut sql = self.entries_of(COLUMNS, name);
        sql.push(&format!(" AND key IS NULL AND number > ? ORDER BY number {order}"), [boxed(after)]);
        let mut entries = Vec::new();
        if skip_damaged && limit > 0 {
            sql.each(self, |row| {
                entries.extend(entry(row).ok());
                Ok(entries.len() < limit)
            })?;
        } else {
            sql.push(" LIMIT ?", [boxed(i64::try_from(limit).unwrap_or(i64::MAX))]);
            entries = read_entries(&self.run(&sql)?)?;
        }
        if matches!(range, Range::Last(_)) {
            entries.reverse();
        }
        Ok(entries)
    }

    fn read_by_keys(&self, name: &str, keys: &[String]) -> Result<Vec<Entry>> {
        // No entry has a key with NUL, which PostgreSQL cannot take.
        let possible: Vec<&str> = keys.iter().map(String::as_str).filter(|key| !key.contains('\0')).collect();
        let mut sql = self.entries_of(COLUMNS, name);
        sql.push(" AND key IS NOT NULL AND key = ANY(?)", [boxed(possible)]);
        let found = read_entries(&self.run(&sql)?)?;
        let by_key: HashMap<&str, &Entry> =
            found.iter().filter_map(|entry| Some((entry.key.as_deref()?, entry))).collect();
        Ok(keys.iter().filter_map(|key| by_key.get(key.as_str()).map(|entry| (*entry).clone())).collect())
    }

    fn read_map(&self, columns: &str, name: &str, keys: &Keys) -> Result<Vec<Row>> {
        if keys.prefix.contains('\0') {
            return Ok(Vec::new());
        }
        let mut sql = self.entries_of(columns, name);
        sql.push(" AND key IS NOT NULL AND key >= ?", [boxed(keys.prefix.as_str())]);
        let mut ends: Vec<String> = end_of_prefix(&keys.prefix).into_iter().collect();
        match (&keys.after, keys.reverse) {
            (None, _) => {}
            (Some(after), false) => sql.push(" AND key > ?", [boxed(before_nul(after).0)]),
            (Some(after), true) => ends.push(match before_nul(after) {
                (before, true) => format!("{before}\u{1}"),
                (whole, false) => whole.to_owned(),
            }),
        }
        if let Some(end) = ends.into_iter().min() {
            sql.push(" AND key < ?", [boxed(end)]);
        }
        let order = if keys.reverse { "DESC" } else { "ASC" };
        let limit = i64::try_from(keys.limit).unwrap_or(i64::MAX);
        sql.push(&format!(" ORDER BY key {order} LIMIT ?"), [boxed(limit)]);
        self.run(&sql)
    }

    fn read_names(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        if prefix.contains('\0') {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new("SELECT DISTINCT journal FROM agentmem_entries");
        self.reach.apply(&mut sql);
        sql.push(" AND journal >= ?", [boxed(prefix)]);
        if let Some(after) = after {
            sql.push(" AND journal > ?", [boxed(before_nul(after).0)]);
        }
        if let Some(end) = end_of_prefix(prefix) {
            sql.push(" AND journal < ?", [boxed(end)]);
        }
        self.unexpired_entries(&mut sql);
        sql.push(" ORDER BY journal LIMIT ?", [boxed(i64::try_from(limit).unwrap_or(i64::MAX))]);
        self.run(&sql)?.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    fn read_journal_totals(&self) -> Result<JournalTotals> {
        let mut sql = Sql::new("SELECT count(DISTINCT (space, journal)), count(*) FROM agentmem_entries");
        self.reach.apply(&mut sql);
        self.unexpired_entries(&mut sql);
        let rows = self.run(&sql)?;
        let row = rows.first().ok_or_else(|| unreadable("a count has no row"))?;
        let [journals, entries] = [row.try_get::<_, i64>(0)?, row.try_get(1)?].map(|n| n.max(0) as u64);
        Ok(JournalTotals { journals, entries })
    }

    fn each_row_of_entries(&self, take: impl FnMut(&Row) -> Result<bool>) -> Result<()> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM agentmem_entries"));
        self.reach.apply(&mut sql);
        self.unexpired_entries(&mut sql);
        sql.push(" ORDER BY number", []);
        sql.each(self, take)
    }
}

impl Journals for View<'_> {
    fn log(&self, name: &str, range: Range, skip_damaged: bool) -> Result<Vec<Entry>> {
        self.explained(self.read_log(name, range, skip_damaged))
    }

    fn entries(&self, name: &str, keys: &[String]) -> Result<Vec<Entry>> {
        self.explained(self.read_by_keys(name, keys))
    }

    fn items(&self, name: &str, keys: &Keys) -> Result<Vec<Entry>> {
        self.explained(self.read_map(COLUMNS, name, keys).and_then(|rows| read_entries(&rows)))
    }

    fn keys(&self, name: &str, keys: &Keys) -> Result<Vec<String>> {
        let read = || self.read_map("key", name, keys)?.iter().map(|row| Ok(row.try_get(0)?)).collect();
        self.explained(read())
    }

    fn journals(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        self.explained(self.read_names(prefix, after, limit))
    }

    fn journal_totals(&self) -> Result<JournalTotals> {
        self.explained(self.read_journal_totals())
    }

    fn each_entry(&self, visit: &mut dyn FnMut(Result<(String, Entry)>) -> Result<bool>) -> Result<()> {
        self.explained(self.each_row_of_entries(|row| {
            let name: String = row.try_get(7)?;
            visit(entry(row).map(|entry| (name, entry)).map_err(|error| self.explain(error)))
        }))
    }
}

/// One line for each damaged entry.
///
/// # Errors
/// [`Error::Backend`].
pub fn problems(view: &View<'_>) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    view.each_row_of_entries(|row| {
        problems.extend(entry(row).err().map(|error| unexplained_message(&error)));
        Ok(true)
    })?;
    Ok(problems)
}

// Writing; all of it belongs in a batch.

/// Checks what `change` requires.
///
/// # Errors
/// [`Error::Conflict`] if not; [`Error::Backend`].
pub fn check(batch: &Batch<'_>, name: &str, change: &Change) -> Result<()> {
    let (key, expected) = match change {
        Change::Extend { if_last: Some(last), .. } | Change::Clear { if_last: Some(last) } => (None, *last),
        Change::Put { key, if_number: Some(number), .. } => (Some(key), *number),
        _ => return Ok(()),
    };
    let mut sql = live(batch, "number", name);
    match key {
        None => sql.push(" AND key IS NULL ORDER BY number DESC LIMIT 1", []),
        Some(key) => sql.push(" AND key IS NOT NULL AND key = ?", [boxed(key.as_str())]),
    }
    let rows = batch.run(&sql)?;
    let found: Number = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
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
pub fn apply(batch: &mut Batch<'_>, name: &str, change: &Change) -> Result<Changed> {
    match change {
        Change::Extend { values, expires_at, .. } => {
            let new = values.iter().map(|value| (None, value, *expires_at));
            write_new(batch, name, new.collect())
        }
        Change::Put { key, value, expires_at, .. } => {
            write_new(batch, name, vec![(Some(key.as_str()), value, *expires_at)])
        }
        Change::Restore(entries) => restore(batch, name, entries),
        Change::Pop => pop(batch, name),
        Change::Prune { keep, before } => prune(batch, name, *keep, *before),
        Change::Delete { keys, numbers } => {
            let keys: Vec<&str> = keys.iter().map(String::as_str).filter(|key| !key.contains('\0')).collect();
            let mut removed = 0;
            if !keys.is_empty() {
                removed += remove(batch, name, " AND key IS NOT NULL AND key = ANY(?)", vec![boxed(keys)])?;
            }
            if !numbers.is_empty() {
                removed += remove(batch, name, " AND number = ANY(?)", vec![boxed(numbers.as_slice())])?;
            }
            Ok(Changed::Removed(removed))
        }
        Change::Clear { .. } => {
            let log = remove(batch, name, " AND key IS NULL", Vec::new())?;
            Ok(Changed::Removed(log + remove(batch, name, " AND key IS NOT NULL", Vec::new())?))
        }
    }
}

/// Deletes at most `limit` entries that have expired. A damaged entry stays, because its date may be damaged.
///
/// # Errors
/// [`Error::Backend`].
pub fn sweep(batch: &mut Batch<'_>, limit: usize) -> Result<u64> {
    if batch.head.entries_expire > batch.now {
        return Ok(0);
    }
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM agentmem_entries"));
    sql.push(" WHERE space = ? AND expires_at <= ?", [boxed(batch.space), boxed(batch.now)]);
    let limited = i64::try_from(limit).unwrap_or(i64::MAX);
    sql.push(" ORDER BY expires_at LIMIT ?", [boxed(limited)]);
    let rows = batch.run(&sql)?;
    let numbers: Vec<Number> = rows.iter().filter_map(|row| Some(entry(row).ok()?.number)).collect();
    if !numbers.is_empty() {
        let delete = "DELETE FROM agentmem_entries WHERE space = $1 AND number = ANY($2)";
        let space = batch.space;
        batch.write(delete, &[&space, &numbers])?;
    }
    if rows.len() < limit {
        let next = "SELECT coalesce(min(expires_at), 9223372036854775807) FROM agentmem_entries
                    WHERE space = $1 AND expires_at > $2";
        let rows = batch.query(next, &[&batch.space, &batch.now])?;
        batch.head.entries_expire = rows.first().map_or(Ok(Micros::MAX), |row| row.try_get(0))?;
    }
    Ok(numbers.len() as u64)
}

/// Deletes all journals. Returns how many unexpired entries they had.
///
/// # Errors
/// [`Error::Backend`].
pub fn remove_all(batch: &mut Batch<'_>) -> Result<u64> {
    let mut sql = Sql::new("DELETE FROM agentmem_entries");
    sql.push(" WHERE space = ? RETURNING expires_at", [boxed(batch.space)]);
    let removed = batch.write_sql(&sql)?;
    batch.head.entries_expire = Micros::MAX;
    count_live(batch, &removed)
}

/// A statement on the unexpired entries of a journal.
fn live<'n>(batch: &Batch<'_>, columns: &str, name: &'n str) -> Sql<'n> {
    let mut sql = Sql::new(format!("SELECT {columns} FROM agentmem_entries"));
    sql.push(" WHERE space = ? AND journal = ?", [boxed(batch.space), boxed(name)]);
    sql.push(" AND (expires_at IS NULL OR expires_at > ?)", [boxed(batch.now)]);
    sql
}

fn write_new(
    batch: &mut Batch<'_>,
    name: &str,
    new: Vec<(Option<&str>, &Value, Option<Micros>)>,
) -> Result<Changed> {
    let numbers = numbers_after(batch.head.entry, new.len())?;
    let written_at = batch.now;
    let entries = numbers.zip(new).map(|(number, (key, value, expires_at))| Entry {
        number,
        key: key.map(str::to_owned),
        value: value.clone(),
        written_at,
        expires_at,
    });
    let entries: Vec<Entry> = entries.collect();
    insert(batch, name, &entries)?;
    Ok(Changed::Written(entries.iter().map(|entry| entry.number).collect()))
}

/// Writes entries. One with a key takes the place of the entry that has it.
fn insert(batch: &mut Batch<'_>, name: &str, entries: &[Entry]) -> Result<()> {
    for some in entries.chunks(1000) {
        let json = some.iter().map(|entry| match &entry.value {
            Value::Json(text) => Some(text.as_str()),
            Value::Bytes(_) => None,
        });
        let bytes = some.iter().map(|entry| match &entry.value {
            Value::Json(_) => None,
            Value::Bytes(bytes) => Some(bytes.as_slice()),
        });
        let numbers: Vec<i64> = some.iter().map(|entry| entry.number).collect();
        let keys: Vec<Option<&str>> = some.iter().map(|entry| entry.key.as_deref()).collect();
        let written: Vec<i64> = some.iter().map(|entry| entry.written_at).collect();
        let expires: Vec<Option<i64>> = some.iter().map(|entry| entry.expires_at).collect();
        let (json, bytes): (Vec<Option<&str>>, Vec<Option<&[u8]>>) = (json.collect(), bytes.collect());
        let checksums: Vec<i64> = some.iter().map(|entry| checksum::entry(name, entry)).collect();
        let sql = "INSERT INTO agentmem_entries
                       (space, journal, number, key, written_at, expires_at, json, bytes, checksum)
                   SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
                                                $8::bytea[], $9::bigint[])
                   ON CONFLICT (space, journal, key) WHERE key IS NOT NULL
                   DO UPDATE SET number = excluded.number, written_at = excluded.written_at,
                                 expires_at = excluded.expires_at, json = excluded.json, bytes = excluded.bytes,
                                 checksum = excluded.checksum";
        let space = batch.space;
        batch.write(sql, &[&space, &name, &numbers, &keys, &written, &expires, &json, &bytes, &checksums])?;
        batch.rows += some.len() as u64;
    }
    let newest = entries.iter().map(|entry| entry.number).max().unwrap_or(0);
    batch.head.entry = batch.head.entry.max(newest);
    let earliest = entries.iter().filter_map(|entry| entry.expires_at).min().unwrap_or(Micros::MAX);
    batch.head.entries_expire = batch.head.entries_expire.min(earliest);
    Ok(())
}

fn restore(batch: &mut Batch<'_>, name: &str, entries: &[Entry]) -> Result<Changed> {
    let numbers: Vec<i64> = entries.iter().map(|entry| entry.number).collect();
    let sql = "SELECT number, journal FROM agentmem_entries WHERE space = $1 AND number = ANY($2)";
    let mut owners: HashMap<Number, String> = HashMap::new();
    for row in batch.query(sql, &[&batch.space, &numbers])? {
        owners.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let keys: Vec<&str> = entries.iter().filter_map(|entry| entry.key.as_deref()).collect();
    let mut sql = live(batch, "key", name);
    sql.push(" AND key IS NOT NULL AND key = ANY(?)", [boxed(keys)]);
    let mut taken: HashSet<String> = HashSet::new();
    for row in batch.run(&sql)? {
        taken.insert(row.try_get(0)?);
    }
    let mut new: Vec<Entry> = Vec::new();
    for entry in entries {
        match owners.get(&entry.number) {
            None if entry.key.as_ref().is_some_and(|key| taken.contains(key)) => {}
            None => {
                owners.insert(entry.number, name.to_owned());
                taken.extend(entry.key.clone());
                new.push(entry.clone());
            }
            Some(owner) if owner == name => {}
            Some(_) => {
                return Err(Error::InvalidRecord(format!(
                    "entry {} of journal {name:?} cannot keep its number: another journal of this store has it; \
                     import into an empty store",
                    entry.number
                )));
            }
        }
    }
    insert(batch, name, &new)?;
    Ok(Changed::Written(new.iter().map(|entry| entry.number).collect()))
}

fn pop(batch: &mut Batch<'_>, name: &str) -> Result<Changed> {
    let mut sql = live(batch, COLUMNS, name);
    sql.push(" AND key IS NULL ORDER BY number DESC LIMIT 1", []);
    let entry = batch.run(&sql)?.first().map(entry).transpose()?;
    if let Some(entry) = &entry {
        let delete = "DELETE FROM agentmem_entries WHERE space = $1 AND number = $2";
        let space = batch.space;
        batch.write(delete, &[&space, &entry.number])?;
    }
    Ok(Changed::Popped(entry))
}

fn prune(batch: &mut Batch<'_>, name: &str, keep: Option<usize>, before: Option<Micros>) -> Result<Changed> {
    // The newest entry that is not kept; 0 if all are kept.
    let cut: Number = match keep {
        None => Number::MAX,
        Some(keep) => {
            let mut sql = live(batch, "number", name);
            let keep = i64::try_from(keep).unwrap_or(i64::MAX);
            sql.push(" AND key IS NULL ORDER BY number DESC LIMIT 1 OFFSET ?", [boxed(keep)]);
            batch.run(&sql)?.first().map_or(Ok(0), |row| row.try_get(0))?
        }
    };
    let condition = " AND key IS NULL AND number <= ? AND written_at < ?";
    let removed = remove(batch, name, condition, vec![boxed(cut), boxed(before.unwrap_or(Micros::MAX))])?;
    Ok(Changed::Removed(removed))
}

/// Deletes entries of a journal. Returns how many of them had not expired.
fn remove<'p>(
    batch: &mut Batch<'_>,
    name: &'p str,
    condition: &str,
    params: Vec<Box<dyn super::query::Param + 'p>>,
) -> Result<u64> {
    let mut sql = Sql::new("DELETE FROM agentmem_entries");
    sql.push(" WHERE space = ? AND journal = ?", [boxed(batch.space), boxed(name)]);
    sql.push(condition, params);
    sql.push(" RETURNING expires_at", []);
    let removed = batch.write_sql(&sql)?;
    count_live(batch, &removed)
}

fn count_live(batch: &Batch<'_>, removed: &[Row]) -> Result<u64> {
    let mut live = 0;
    for row in removed {
        live += u64::from(row.try_get::<_, Option<Micros>>(0)?.is_none_or(|at| at > batch.now));
    }
    Ok(live)
}

/// A text up to its first NUL, which PostgreSQL cannot take, and whether it has one.
fn before_nul(text: &str) -> (&str, bool) {
    text.split_once('\0').map_or((text, false), |(before, _)| (before, true))
}

fn read_entries(rows: &[Row]) -> Result<Vec<Entry>> {
    rows.iter().map(entry).collect()
}

/// The entry in a row of [`COLUMNS`], if it fits its checksum.
fn entry(row: &Row) -> Result<Entry> {
    let number: Number = row.try_get(0)?;
    let name: &str = row.try_get(7)?;
    let value = match (row.try_get::<_, Option<String>>(2), row.try_get::<_, Option<Vec<u8>>>(3)) {
        (Ok(Some(json)), Ok(None)) => Some(Value::Json(json)),
        (Ok(None), Ok(Some(bytes))) => Some(Value::Bytes(bytes)),
        _ => None,
    };
    let found = value.map(|value| {
        let (key, written_at) = (row.try_get(1)?, row.try_get(4)?);
        Ok::<_, Error>(Entry { number, key, value, written_at, expires_at: row.try_get(5)? })
    });
    let checksum: i64 = row.try_get(6)?;
    let found = found.transpose()?.filter(|entry| checksum::entry(name, entry) == checksum);
    found.ok_or_else(|| {
        unreadable(format!(
            "entry {number} of journal {name:?} is not what was written, by its checksum; \
             read(skip_damaged=True) skips it, delete(numbers=[{number}]) removes it"
        ))
    })
}
