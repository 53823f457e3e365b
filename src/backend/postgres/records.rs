//! Reading the table `agentmem_records`, and what changes in place.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Row;

use super::batch::Batch;
use super::filter::{Reach, Rest, boxed, conditions, texts, unexpired, visible_to, within};
use super::query::{Lend, Sql};
use super::row::{self, COLUMNS, record};
use super::view::{AT_ONCE, View};
use crate::backend::budget::Budget;
use crate::backend::encoding;
use crate::error::Result;
use crate::record::{Filter, Micros, Order, Page, Record, RecordId, Scope, Seq, Viewer};

/// How many contents one statement reads. The server looks up the place of each in a list of them all.
const TEXTS_AT_ONCE: usize = 250;

impl View<'_> {
    /// A statement on the records that pass the filter as far as SQL can tell, and have not expired.
    pub(super) fn live<'f>(&self, columns: &str, filter: &'f Filter) -> Sql<'f> {
        let mut sql = Sql::new(format!("SELECT {columns} FROM agentmem_records"));
        conditions(&mut sql, self.reach, filter);
        if self.some_expired() {
            unexpired(&mut sql, self.now);
        }
        sql
    }

    /// The record with this id, if it has not expired, whoever may see it.
    pub(super) fn live_record(&self, id: &RecordId) -> Result<Option<Record>> {
        let filter = Filter { ids: Some(vec![id.clone()]), ..Filter::all() };
        let rows = self.run(&self.live(COLUMNS, &filter))?;
        rows.first().map(|row| Ok(record(row)?.1)).transpose()
    }

    /// One value for each of these numbers, in their order.
    pub(super) fn by_seq<T>(
        &self,
        columns: &str,
        seqs: &[Seq],
        read: impl Fn(&Row) -> Result<T>,
    ) -> Result<Vec<(Seq, T)>> {
        let mut found = Vec::with_capacity(seqs.len());
        let sql = format!("SELECT seq, {columns} FROM agentmem_records WHERE space = $1 AND seq = ANY($2)");
        for some in seqs.chunks(AT_ONCE) {
            let mut rows: HashMap<Seq, Row> = HashMap::with_capacity(some.len());
            for row in self.query(&sql, &[&self.space(), &some])? {
                rows.insert(row.try_get(0)?, row);
            }
            for seq in some {
                if let Some(row) = rows.get(seq) {
                    found.push((*seq, read(row)?));
                }
            }
        }
        Ok(found)
    }

    /// See [`Snapshot::contents`](crate::backend::Snapshot::contents). The server sends what is within the budget.
    pub(super) fn read_contents(&self, seqs: &[Seq], budget: Budget) -> Result<Vec<(Seq, String)>> {
        let sql = "SELECT seq, content FROM (
                       SELECT seq, content, array_position($2, seq) AS place, sum(least(octet_length(content), $3))
                           OVER (ORDER BY array_position($2, seq) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                       FROM agentmem_records WHERE space = $1 AND seq = ANY($2)) AS texts
                   WHERE before IS NULL OR before <= $4 ORDER BY place";
        let each = i32::try_from(budget.each).unwrap_or(i32::MAX);
        let (mut found, mut bytes) = (Vec::with_capacity(seqs.len()), 0);
        for some in seqs.chunks(TEXTS_AT_ONCE) {
            let left = encoding::limit(budget.total - bytes);
            for row in self.query(sql, &[&self.space(), &some, &each, &left])? {
                let content = row::content(&row, 1);
                bytes += content.len().min(budget.each);
                found.push((row.try_get(0)?, content));
            }
            if bytes > budget.total {
                break;
            }
        }
        Ok(found)
    }

    /// A statement on the records that `viewer` may not see; `None` when all are visible.
    pub(super) fn hidden_rows<'v>(&self, columns: &str, viewer: &'v Viewer) -> Option<Sql<'v>> {
        if viewer.include_private {
            return None;
        }
        let mut sql = Sql::new(format!("SELECT {columns} FROM agentmem_records"));
        self.reach.apply(&mut sql);
        sql.push(" AND private", []);
        if let Some(source) = viewer.source.as_deref().filter(|source| !source.contains('\0')) {
            sql.push(" AND source IS DISTINCT FROM ?", [boxed(source)]);
        }
        Some(sql)
    }

    pub(super) fn read_list(&self, filter: &Filter, page: Page) -> Result<Vec<(Seq, Record)>> {
        let rest = Rest::of(filter);
        let mut sql = self.live(COLUMNS, filter);
        if let Some(after) = page.after {
            sql.push(" AND seq > ?", [boxed(after)]);
        }
        sql.push(
            match page.order {
                Order::Newest => " ORDER BY created_at DESC, seq DESC, space DESC",
                Order::Oldest => " ORDER BY created_at, seq, space",
                Order::Written => " ORDER BY seq",
                Order::Updated => " ORDER BY seq DESC",
            },
            [],
        );
        if rest.is_nothing() {
            let [limit, offset] = [page.limit, page.offset].map(encoding::limit);
            sql.push(" LIMIT ? OFFSET ?", [boxed(limit), boxed(offset)]);
            return self.run(&sql)?.iter().map(record).collect();
        }
        let (mut found, mut skipped) = (Vec::new(), 0);
        if page.limit == 0 {
            return Ok(found);
        }
        sql.each(self, |row| {
            if rest.passes(row, 9, 10)? {
                if skipped < page.offset {
                    skipped += 1;
                } else {
                    found.push(record(row)?);
                }
            }
            Ok(found.len() < page.limit)
        })?;
        Ok(found)
    }

    pub(super) fn read_neighbours(&self, seqs: &[Seq], viewer: &Viewer) -> Result<Vec<[Option<Seq>; 2]>> {
        let mut sql = Sql::new("SELECT own.seq");
        for (extreme, side) in [("max", "<"), ("min", ">")] {
            sql.push(&format!(", (SELECT {extreme}(seq) FROM agentmem_records"), []);
            self.reach.apply(&mut sql);
            sql.push(&format!(" AND scope = own.scope AND seq {side} own.seq"), []);
            visible_to(&mut sql, viewer);
            sql.push(")", []);
        }
        sql.push(" FROM agentmem_records AS own", []);
        self.reach.apply(&mut sql);
        sql.push(" AND seq = ANY(?)", [boxed(seqs)]);
        let mut found = HashMap::new();
        for row in self.run(&sql)? {
            found.insert(row.try_get::<_, Seq>(0)?, [row.try_get(1)?, row.try_get(2)?]);
        }
        Ok(seqs.iter().map(|seq| found.get(seq).copied().unwrap_or_default()).collect())
    }

    /// Passes the rows of all records of the reach above `after` to `take`, by number, until it returns false.
    pub(super) fn each_row(
        &self,
        columns: &str,
        condition: &str,
        after: Seq,
        take: impl FnMut(&Row) -> Result<bool>,
    ) -> Result<()> {
        let mut sql = Sql::new(format!("SELECT {columns} FROM agentmem_records"));
        self.reach.apply(&mut sql);
        sql.push(&format!(" AND seq > ?{condition} ORDER BY seq"), [boxed(after)]);
        sql.each(self, take)
    }
}

impl Batch<'_> {
    /// The record with this id, if it has not expired.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn live(&self, id: &RecordId) -> Result<Option<(Seq, Record)>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM agentmem_records
             WHERE space = $1 AND id = $2 AND (expires_at IS NULL OR expires_at > $3)"
        );
        let id = id.to_string();
        if id.contains('\0') {
            return Ok(None);
        }
        let rows = self.query(&sql, &[&self.space, &id, &self.now])?;
        rows.first().map(record).transpose()
    }

    /// The version of the record with this id that has not expired, in a scope and below if one is given.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn version_of(&self, id: &RecordId, scope: Option<&Scope>) -> Result<Option<Seq>> {
        let mut sql = Sql::new("SELECT seq FROM agentmem_records");
        let ids = std::slice::from_ref(id);
        self.choose(&mut sql, ids, scope);
        self.run(&sql)?.first().map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// Adds the condition that a record has one of these ids, has not expired, and is in a scope or below if one is given.
    fn choose<'a>(&self, sql: &mut Sql<'a>, ids: &[RecordId], scope: Option<&'a Scope>) {
        sql.push(" WHERE space = ? AND id = ANY(?)", [boxed(self.space), boxed(texts(ids))]);
        unexpired(sql, self.now);
        if let Some(scope) = scope {
            within(sql, "scope", scope);
        }
    }

    /// The ids among these that records have which have not expired.
    pub(super) fn live_ids(&self, ids: &[String]) -> Result<HashSet<String>> {
        let sql = "SELECT id FROM agentmem_records
                   WHERE space = $1 AND id = ANY($2) AND (expires_at IS NULL OR expires_at > $3)";
        let rows = self.query(sql, &[&self.space, &ids.to_vec(), &self.now])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Sets `last_accessed` of records, in a scope and below if one is given, and their expiry if one is given. Returns how many
    /// of them exist.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn touch(
        &mut self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        at: Micros,
        expires_at: Option<Micros>,
    ) -> Result<u64> {
        let mut sql = Sql::new("UPDATE agentmem_records");
        let accessed = [boxed(at), boxed(expires_at)];
        sql.push(" SET last_accessed = ?, expires_at = coalesce(?, expires_at)", accessed);
        self.choose(&mut sql, ids, scope);
        sql.push(" RETURNING seq", []);
        let touched = self.write_sql(&sql)?.len() as u64;
        if touched > 0 {
            self.head.expires = self.head.expires.min(expires_at.unwrap_or(Micros::MAX));
        }
        Ok(touched)
    }
}

/// The numbers above `after` of the records that pass the filter, in ascending order.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seqs_matching(client: &dyn Lend, reach: Reach, filter: &Filter, after: Seq) -> Result<Vec<Seq>> {
    let rest = Rest::of(filter);
    let columns = if rest.is_nothing() { "seq" } else { "seq, categories, metadata" };
    let mut sql = Sql::new(format!("SELECT {columns} FROM agentmem_records"));
    conditions(&mut sql, reach, filter);
    sql.push(" AND seq > ? ORDER BY seq", [boxed(after)]);
    if rest.is_nothing() {
        return read_seqs(client, &sql);
    }
    let mut seqs = Vec::new();
    sql.each(client, |row| {
        if rest.passes(row, 1, 2)? {
            seqs.push(row.try_get(0)?);
        }
        Ok(true)
    })?;
    Ok(seqs)
}

/// The numbers that a statement returns.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn read_seqs(client: &dyn Lend, sql: &Sql<'_>) -> Result<Vec<Seq>> {
    sql.rows(client)?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
