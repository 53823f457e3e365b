//! Writing journals.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Row;

use super::entry::{COLUMNS, entry};
use crate::backend::postgres::batch::Batch;
use crate::backend::postgres::filter::boxed;
use crate::backend::postgres::head::numbers_after;
use crate::backend::postgres::query::{Param, Sql};
use crate::backend::write_transaction::WriteJournals;
use crate::backend::{checksum, encoding, journals};
use crate::error::Result;
use crate::journal::{Change, Changed, Entry, Number, Value};
use crate::record::Micros;

impl WriteJournals for Batch<'_> {
    fn check_journal(&self, name: &str, change: &Change) -> Result<()> {
        journals::check(name, change, |key| {
            let mut sql = live(self, "number", name);
            match key {
                None => sql.push(" AND key IS NULL ORDER BY number DESC LIMIT 1", []),
                Some(key) => sql.push(" AND key IS NOT NULL AND key = ?", [boxed(key)]),
            }
            Ok(self.run(&sql)?.first().map_or(Ok(0), |row| row.try_get(0))?)
        })
    }

    fn change_journal(&mut self, name: &str, change: &Change) -> Result<Changed> {
        match change {
            Change::Extend { values, expires_at, .. } => {
                let new = values.iter().map(|value| (None, value, *expires_at));
                write_new(self, name, new.collect())
            }
            Change::Put { key, value, expires_at, .. } => {
                write_new(self, name, vec![(Some(key.as_str()), value, *expires_at)])
            }
            Change::Restore(entries) => restore(self, name, entries),
            Change::Pop => pop(self, name),
            Change::Prune { keep, before } => prune(self, name, *keep, *before),
            Change::Delete { keys, numbers } => {
                let keys: Vec<&str> =
                    keys.iter().map(String::as_str).filter(|key| !key.contains('\0')).collect();
                let mut removed = 0;
                if !keys.is_empty() {
                    removed +=
                        remove(self, name, " AND key IS NOT NULL AND key = ANY(?)", vec![boxed(keys)])?;
                }
                if !numbers.is_empty() {
                    removed += remove(self, name, " AND number = ANY(?)", vec![boxed(numbers.as_slice())])?;
                }
                Ok(Changed::Removed(removed))
            }
            Change::Clear { .. } => {
                let log = remove(self, name, " AND key IS NULL", Vec::new())?;
                Ok(Changed::Removed(log + remove(self, name, " AND key IS NOT NULL", Vec::new())?))
            }
        }
    }

    fn remove_journals(&mut self) -> Result<u64> {
        let mut sql = Sql::new("DELETE FROM agentmem_entries");
        sql.push(" WHERE space = ? RETURNING expires_at", [boxed(self.space)]);
        let removed = self.write_sql(&sql)?;
        self.head.entries_expire = Micros::MAX;
        count_live(self, &removed)
    }

    fn sweep_journals(&mut self, limit: usize) -> Result<u64> {
        if self.head.entries_expire > self.now {
            return Ok(0);
        }
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM agentmem_entries"));
        sql.push(" WHERE space = ? AND expires_at <= ?", [boxed(self.space), boxed(self.now)]);
        let limited = encoding::limit(limit);
        sql.push(" ORDER BY expires_at LIMIT ?", [boxed(limited)]);
        let rows = self.run(&sql)?;
        let numbers: Vec<Number> = rows.iter().filter_map(|row| Some(entry(row).ok()?.number)).collect();
        if !numbers.is_empty() {
            let delete = "DELETE FROM agentmem_entries WHERE space = $1 AND number = ANY($2)";
            let space = self.space;
            self.write(delete, &[&space, &numbers])?;
        }
        if rows.len() < limit {
            let next = "SELECT coalesce(min(expires_at), 9223372036854775807) FROM agentmem_entries
                        WHERE space = $1 AND expires_at > $2";
            let rows = self.query(next, &[&self.space, &self.now])?;
            self.head.entries_expire = rows.first().map_or(Ok(Micros::MAX), |row| row.try_get(0))?;
        }
        Ok(numbers.len() as u64)
    }
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
                return Err(journals::number_taken(name, entry.number));
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
            let keep = encoding::limit(keep);
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
    params: Vec<Box<dyn Param + 'p>>,
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
