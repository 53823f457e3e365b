//! Reading journals.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::entry::{COLUMNS, entries as entries_in, entry};
use crate::backend::encoding;
use crate::backend::journals::{JournalTotals, Journals};
use crate::backend::postgres::filter::boxed;
use crate::backend::postgres::postgres_error::{unexplained_message, unreadable};
use crate::backend::postgres::query::Sql;
use crate::backend::postgres::view::View;
use crate::error::Result;
use crate::journal::{Entry, Keys, Number, Range, end_of_prefix};

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
            sql.push(" LIMIT ?", [boxed(encoding::limit(limit))]);
            entries = entries_in(&self.run(&sql)?)?;
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
        let found = entries_in(&self.run(&sql)?)?;
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
        let limit = encoding::limit(keys.limit);
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
        sql.push(" ORDER BY journal LIMIT ?", [boxed(encoding::limit(limit))]);
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
        self.explained(self.read_map(COLUMNS, name, keys).and_then(|rows| entries_in(&rows)))
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

/// A text up to its first NUL, which PostgreSQL cannot take, and whether it has one.
fn before_nul(text: &str) -> (&str, bool) {
    text.split_once('\0').map_or((text, false), |(before, _)| (before, true))
}
