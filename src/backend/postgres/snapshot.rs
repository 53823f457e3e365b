//! [`Snapshot`] of a space, or of all spaces: a connection with an open transaction.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use postgres::{Client, Row};

use super::database::{Database, Pooled};
use super::filter::{Reach, Rest, boxed, conditions, unexpired, visible_to};
use super::head::{self, Head};
use super::postgres_error::{unexplained_message, unreadable};
use super::query::{Lend, Param, Sql, query};
use super::row::{self, COLUMNS, PAST_COLUMNS, bad_json, record};
use super::{feed, journals, segments};
use crate::backend::change_log::{Cursor, LogPage, merge};
use crate::backend::facets::{FoundScopes, by_frequency};
use crate::backend::feed::{Feed, Position};
use crate::backend::manifest::IndexFile;
use crate::backend::snapshot::{FullText, PastVersion, Prior, ScopeInfo, Snapshot, Totals};
use crate::clock;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::record::{Filter, Micros, Order, Page, Record, RecordId, Scope, Scopes, Seq, Viewer};

/// Contents or records that are read at a time.
const AT_ONCE: usize = 1000;

/// A connection with an open transaction.
pub struct View<'d> {
    database: &'d Database,
    connection: RefCell<Pooled>,
    pub(super) reach: Reach,
    pub(super) head: Head,
    /// The time of all that is read.
    pub(super) now: Micros,
    expired: OnceCell<Arc<[Seq]>>,
}

impl<'d> View<'d> {
    /// Takes a connection, begins a transaction on it, and reads the head row of the space, in one round trip.
    ///
    /// # Errors
    /// As [`Database::begin`], explained.
    pub fn new(database: &'d Database, reach: Reach) -> Result<Self> {
        let head = match reach {
            Reach::Space(space) => {
                format!("SELECT {} FROM agentmem_spaces WHERE space = {space}", head::COLUMNS)
            }
            Reach::All => "SELECT 1".to_owned(),
        };
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {head}");
        let began = database.begin(&begin).map_err(|error| database.explain(error))?;
        let (connection, row) = (RefCell::new(began.0), began.1);
        let now = clock::now();
        let mut view =
            Self { database, connection, reach, head: Head::default(), now, expired: OnceCell::new() };
        let head = match (reach, row) {
            (Reach::Space(_), Some(row)) => Head::read(&row),
            (Reach::Space(_), None) => Ok(Head::default()),
            // Anything may have expired.
            (Reach::All, _) => {
                Ok(Head { expires: Micros::MIN, entries_expire: Micros::MIN, ..Head::default() })
            }
        };
        view.head = view.explained(head)?;
        Ok(view)
    }

    /// The space that is read; 0 stands for none where all are read.
    pub(super) fn space(&self) -> i64 {
        match self.reach {
            Reach::Space(space) => space,
            Reach::All => 0,
        }
    }

    /// Runs a statement and returns all rows.
    pub(super) fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        query(&mut self.connection.borrow_mut(), sql, params)
    }

    pub(super) fn run(&self, sql: &Sql<'_>) -> Result<Vec<Row>> {
        sql.query(&mut self.connection.borrow_mut())
    }

    pub(super) fn explained<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| self.explain(error))
    }

    pub(super) fn explain(&self, error: Error) -> Error {
        self.database.explain(error)
    }

    /// True if a record may have expired.
    fn some_expired(&self) -> bool {
        self.head.expires <= self.now
    }

    /// A statement on the records that pass the filter as far as SQL can tell, and have not expired.
    fn live<'f>(&self, columns: &str, filter: &'f Filter) -> Sql<'f> {
        let mut sql = Sql::new(format!("SELECT {columns} FROM agentmem_records"));
        conditions(&mut sql, self.reach, filter);
        if self.some_expired() {
            unexpired(&mut sql, self.now);
        }
        sql
    }

    /// The record with this id, if it has not expired, whoever may see it.
    fn live_record(&self, id: &RecordId) -> Result<Option<Record>> {
        let filter = Filter { ids: Some(vec![id.clone()]), ..Filter::all() };
        let rows = self.run(&self.live(COLUMNS, &filter))?;
        rows.first().map(|row| Ok(record(row)?.1)).transpose()
    }

    /// One value for each of these numbers, in their order.
    fn by_seq<T>(
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

    fn read_count(&self, sql: &Sql<'_>) -> Result<u64> {
        let rows = self.run(sql)?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(count.max(0) as u64)
    }

    fn count_passing(&self, filter: &Filter) -> Result<u64> {
        let rest = Rest::of(filter);
        if !rest.is_nothing() {
            let mut count = 0;
            self.live("categories, metadata", filter).each(self, |row| {
                count += u64::from(rest.passes(row, 0, 1)?);
                Ok(true)
            })?;
            return Ok(count);
        }
        if filter.narrows() {
            return self.read_count(&self.live("count(*)", filter));
        }
        let mut count = self.read_totals()?.records;
        if let Some(hidden) = self.hidden_rows("count(*)", &filter.viewer) {
            count = count.saturating_sub(self.read_count(&hidden)?);
        }
        if self.some_expired() {
            let mut due = Sql::new("SELECT count(*) FROM agentmem_records");
            conditions(&mut due, self.reach, filter);
            due.push(" AND expires_at <= ?", [boxed(self.now)]);
            count = count.saturating_sub(self.read_count(&due)?);
        }
        Ok(count)
    }

    fn read_totals(&self) -> Result<Totals> {
        if self.reach != Reach::All {
            return Ok(self.head.totals());
        }
        let sql = "SELECT coalesce(sum(records), 0)::bigint, coalesce(sum(wordless), 0)::bigint,
                          coalesce(sum(terms), 0)::bigint FROM agentmem_spaces";
        let rows = self.query(sql, &[])?;
        let row = rows.first().ok_or_else(|| unreadable("a sum has no row"))?;
        let (records, wordless, terms) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Head { records, wordless, terms, ..Head::default() }.totals())
    }

    /// A statement on the records that `viewer` may not see; `None` when all are visible.
    fn hidden_rows<'v>(&self, columns: &str, viewer: &'v Viewer) -> Option<Sql<'v>> {
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

    fn read_list(&self, filter: &Filter, page: Page) -> Result<Vec<(Seq, Record)>> {
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
            let [limit, offset] =
                [page.limit, page.offset].map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
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

    fn read_categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>> {
        let rest = Rest::of(filter);
        let mut lists: HashMap<String, u64> = HashMap::new();
        if rest.is_nothing() {
            let mut sql = self.live("categories, count(*)", filter);
            sql.push(" AND categories IS NOT NULL GROUP BY categories", []);
            for row in self.run(&sql)? {
                lists.insert(row.try_get(0)?, row.try_get::<_, i64>(1)?.max(0) as u64);
            }
        } else {
            let mut sql = self.live("categories, metadata", filter);
            sql.push(" AND categories IS NOT NULL", []);
            sql.each(self, |row| {
                if rest.passes(row, 0, 1)? {
                    *lists.entry(row.try_get(0)?).or_default() += 1;
                }
                Ok(true)
            })?;
        }
        by_frequency(lists).map_err(|error| bad_json(&error))
    }

    fn read_scopes(&self, wanted: &Scopes, viewer: &Viewer) -> Result<Vec<Scope>> {
        let filter = Filter { viewer: viewer.clone(), ..Filter::default() };
        let mut sql = self.live("DISTINCT scope", &filter);
        // Of "/": all but itself, "/" < scope < "0".
        let prefix = if wanted.parent == Scope::root() { "" } else { wanted.parent.as_str() };
        let itself = if wanted.recursive { wanted.parent.as_str() } else { "" };
        let behind = wanted.after.as_deref().unwrap_or("");
        let range = [boxed(itself), boxed(format!("{prefix}/")), boxed(format!("{prefix}0")), boxed(behind)];
        sql.push(" AND (scope = ? OR scope > ? AND scope < ?) AND scope > ? ORDER BY scope", range);
        let mut found = FoundScopes::new(wanted);
        sql.each(self, |row| {
            found.take(row.try_get(0)?)?;
            Ok(found.wants_more())
        })?;
        Ok(found.into_scopes())
    }

    fn read_scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
        let filter = Filter { scope: Some(scope.clone()), viewer: viewer.clone(), ..Filter::default() };
        let rows = self.run(&self.live("count(*), min(created_at), max(created_at)", &filter))?;
        let row = rows.first().ok_or_else(|| unreadable("a count has no row"))?;
        Ok(ScopeInfo {
            scope: scope.clone(),
            records: row.try_get::<_, i64>(0)?.max(0) as u64,
            categories: self.read_categories(&filter)?,
            oldest: row.try_get(1)?,
            newest: row.try_get(2)?,
            children: self.read_scopes(&Scopes::children(scope), viewer)?,
        })
    }

    fn read_past(&self, id: &RecordId) -> Result<Vec<PastVersion>> {
        let id = id.to_string();
        if id.contains('\0') {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(format!("SELECT {PAST_COLUMNS} FROM agentmem_past"));
        self.reach.apply(&mut sql);
        sql.push(" AND id = ? ORDER BY version", [boxed(id)]);
        self.run(&sql)?.iter().map(row::past).collect()
    }

    fn read_history(&self, id: &RecordId, viewer: &Viewer) -> Result<Vec<Record>> {
        let Some(current) = self.live_record(id)? else { return Ok(Vec::new()) };
        let versions = self.read_past(id)?.into_iter().map(|(version, _)| version).chain([current]);
        Ok(versions.filter(|version| viewer.sees(version.source.as_deref(), version.private)).collect())
    }

    fn read_changes(&self, after: Option<Cursor>, limit: usize, viewer: &Viewer) -> Result<LogPage> {
        let Head { seq, deletion, pruned, .. } = self.head;
        let start = after.unwrap_or(Cursor { deletion, ..Cursor::default() });
        let complete = start.deletion >= pruned;
        let current = Cursor { version: seq, deletion, within: 0 };
        if limit == 0 {
            return Ok(LogPage { items: Vec::new(), cursor: current, complete });
        }
        let page = Page { order: Order::Written, after: Some(start.version), limit, offset: 0 };
        let filter = Filter { viewer: viewer.clone(), ..Filter::default() };
        let writes = self.read_list(&filter, page)?;
        let deletions = feed::visible_deletions(self, start.deletion, limit)?;
        let (items, cursor) = merge(writes, deletions, start, limit);
        Ok(LogPage { items, cursor: cursor.unwrap_or(current), complete })
    }

    fn read_neighbours(&self, seqs: &[Seq], viewer: &Viewer) -> Result<Vec<[Option<Seq>; 2]>> {
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

    fn read_expired(&self) -> Result<Arc<[Seq]>> {
        if !self.some_expired() {
            return Ok(Arc::default());
        }
        if let Some(known) = self.expired.get() {
            return Ok(Arc::clone(known));
        }
        let mut sql = Sql::new("SELECT seq FROM agentmem_records");
        self.reach.apply(&mut sql);
        sql.push(" AND expires_at <= ? ORDER BY seq", [boxed(self.now)]);
        let seqs: Arc<[Seq]> = read_seqs(self, &sql)?.into();
        Ok(Arc::clone(self.expired.get_or_init(|| seqs)))
    }

    /// Passes the rows of all records of the reach above `after` to `take`, by number, until it returns false.
    fn each_row(
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

    fn read_problems(&self) -> Result<Vec<String>> {
        let mut problems = journals::problems(self)?;
        let mut sql = Sql::new(format!("SELECT {PAST_COLUMNS} FROM agentmem_past"));
        self.reach.apply(&mut sql);
        sql.each(self, |row| {
            problems.extend(
                row::past(row).err().map(|error| format!("history: {}", unexplained_message(&error))),
            );
            Ok(true)
        })?;
        Ok(problems)
    }
}

/// The numbers above `after` of the records that pass the filter, in ascending order.
///
/// # Errors
/// [`Error::Backend`].
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

fn read_seqs(client: &dyn Lend, sql: &Sql<'_>) -> Result<Vec<Seq>> {
    sql.rows(client)?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

impl Lend for View<'_> {
    fn lend(&self, work: &mut dyn FnMut(&mut Client) -> Result<()>) -> Result<()> {
        work(&mut self.connection.borrow_mut())
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        // A connection on which this fails is broken, and the pool drops it.
        drop(self.connection.get_mut().batch_execute("COMMIT"));
    }
}

impl Snapshot for View<'_> {
    fn by_ids(
        &self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        viewer: &Viewer,
    ) -> Result<Vec<Option<Record>>> {
        let filter = Filter {
            ids: Some(ids.to_vec()),
            scope: scope.cloned(),
            viewer: viewer.clone(),
            ..Filter::default()
        };
        let read = || {
            let mut found = HashMap::with_capacity(ids.len());
            for row in self.run(&self.live(COLUMNS, &filter))? {
                let (_, record) = record(&row)?;
                found.insert(record.id.clone(), record);
            }
            Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
        };
        self.explained(read())
    }

    fn by_seqs(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Record)>> {
        let read = || {
            let mut found = Vec::with_capacity(seqs.len());
            for some in seqs.chunks(AT_ONCE) {
                let sql =
                    format!("SELECT {COLUMNS} FROM agentmem_records WHERE space = $1 AND seq = ANY($2)");
                let mut records = HashMap::with_capacity(some.len());
                for row in self.query(&sql, &[&self.space(), &some])? {
                    let (seq, record) = record(&row)?;
                    records.insert(seq, record);
                }
                found.extend(some.iter().filter_map(|seq| Some((*seq, records.remove(seq)?))));
            }
            Ok(found)
        };
        self.explained(read())
    }

    fn contents(&self, seqs: &[Seq]) -> Result<Vec<(Seq, String)>> {
        self.explained(self.by_seq("content", seqs, |row| Ok(row::content(row, 1))))
    }

    fn vectors(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Vec<f32>)>> {
        let found = self.explained(self.by_seq("vector", seqs, |row| Ok(row::vector(row, 1))))?;
        Ok(found.into_iter().filter_map(|(seq, vector)| Some((seq, vector?))).collect())
    }

    fn priors(&self, seqs: &[Seq]) -> Result<Vec<Prior>> {
        let read = |row: &Row| {
            Ok(Prior { seq: row.try_get(0)?, created_at: row.try_get(1)?, importance: row.try_get(2)? })
        };
        let found = self.explained(self.by_seq("created_at, importance", seqs, read))?;
        Ok(found.into_iter().map(|(_, prior)| prior).collect())
    }

    fn neighbours(&self, seqs: &[Seq], viewer: &Viewer) -> Result<Vec<[Option<Seq>; 2]>> {
        self.explained(self.read_neighbours(seqs, viewer))
    }

    fn seqs_matching(&self, filter: &Filter, after: Seq) -> Result<Vec<Seq>> {
        self.explained(seqs_matching(self, self.reach, filter, after))
    }

    fn hidden(&self, viewer: &Viewer, after: Seq) -> Result<Vec<Seq>> {
        let Some(mut sql) = self.hidden_rows("seq", viewer) else { return Ok(Vec::new()) };
        sql.push(" AND seq > ? ORDER BY seq", [boxed(after)]);
        self.explained(read_seqs(self, &sql))
    }

    fn expired(&self) -> Result<Arc<[Seq]>> {
        self.explained(self.read_expired())
    }

    fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Record>> {
        let rows = self.explained(self.read_list(filter, page))?;
        Ok(rows.into_iter().map(|(_, record)| record).collect())
    }

    fn past(&self, id: &RecordId) -> Result<Vec<PastVersion>> {
        self.explained(self.read_past(id))
    }

    fn history(&self, id: &RecordId, viewer: &Viewer) -> Result<Vec<Record>> {
        self.explained(self.read_history(id, viewer))
    }

    fn changes(&self, after: Option<Cursor>, limit: usize, viewer: &Viewer) -> Result<LogPage> {
        self.explained(self.read_changes(after, limit, viewer))
    }

    fn count(&self, filter: &Filter) -> Result<u64> {
        self.explained(self.count_passing(filter))
    }

    fn categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>> {
        self.explained(self.read_categories(filter))
    }

    fn scopes(&self, wanted: &Scopes, viewer: &Viewer) -> Result<Vec<Scope>> {
        self.explained(self.read_scopes(wanted, viewer))
    }

    fn scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
        self.explained(self.read_scope_info(scope, viewer))
    }

    fn each(&self, filter: &Filter, visit: &mut dyn FnMut(Result<Record>) -> Result<bool>) -> Result<()> {
        let rest = Rest::of(filter);
        let mut sql = self.live(COLUMNS, filter);
        sql.push(" ORDER BY seq", []);
        self.explained(sql.each(self, |row| {
            if !rest.passes(row, 9, 10)? {
                return Ok(true);
            }
            visit(record(row).map(|(_, record)| record).map_err(|error| self.explain(error)))
        }))
    }

    fn each_content(&self, after: Seq, visit: &mut dyn FnMut(Seq, &str) -> Result<bool>) -> Result<()> {
        let take = |row: &Row| visit(row.try_get(0)?, &row::content(row, 1));
        self.explained(self.each_row("seq, content", "", after, take))
    }

    fn each_vector(&self, after: Seq, visit: &mut dyn FnMut(Seq, Vec<f32>) -> Result<bool>) -> Result<()> {
        let take = |row: &Row| match row::vector(row, 1) {
            Some(vector) => visit(row.try_get(0)?, vector),
            None => Ok(true),
        };
        self.explained(self.each_row("seq, vector", " AND vector IS NOT NULL", after, take))
    }

    fn dimension(&self) -> Result<Option<usize>> {
        Ok(self.head.dimension())
    }

    fn embedder(&self) -> Result<Option<String>> {
        Ok(self.head.embedder.clone().filter(|_| self.head.vectors > 0))
    }

    fn without_vector(&self, after: Seq, limit: usize) -> Result<Vec<(Seq, String)>> {
        let filter = Filter::all();
        let mut sql = self.live("seq, content", &filter);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        sql.push(" AND vector IS NULL AND seq > ? ORDER BY seq LIMIT ?", [boxed(after), boxed(limit)]);
        let read = || self.run(&sql)?.iter().map(|row| Ok((row.try_get(0)?, row::content(row, 1)))).collect();
        self.explained(read())
    }

    fn count_without_vector(&self) -> Result<u64> {
        let filter = Filter::all();
        let mut sql = self.live("count(*)", &filter);
        sql.push(" AND vector IS NULL", []);
        self.explained(self.read_count(&sql))
    }

    fn totals(&self) -> Result<Totals> {
        self.explained(self.read_totals())
    }

    fn analyzer_version(&self) -> Result<u32> {
        Ok(u32::try_from(self.head.analyzer).unwrap_or_default())
    }

    fn newest(&self) -> Result<Position> {
        Ok(self.head.position())
    }

    fn is_current(&self, position: Position) -> Result<bool> {
        let Position { seq, deletion, vectors } = self.head.position();
        Ok(position.seq >= seq && position.deletion >= deletion && position.vectors >= vectors)
    }

    fn feed(&self, from: Position, limit: usize, known: &dyn Fn(Seq) -> bool) -> Result<Option<Feed>> {
        self.explained(feed::since(self, from, limit, known))
    }

    fn manifest(&self) -> Result<Vec<IndexFile>> {
        let read = || segments::read(&mut self.connection.borrow_mut(), self.space());
        self.explained(read())
    }

    fn full_text(&self) -> Option<&dyn FullText> {
        None
    }

    fn problems(&self) -> Result<Vec<String>> {
        self.explained(self.read_problems())
    }

    fn damaged_records(&self) -> Result<Vec<String>> {
        let (mut problems, mut read) = (Vec::new(), 0u64);
        let outcome = self.each_row(COLUMNS, "", 0, |row| {
            if let Err(error) = record(row) {
                let seq: Seq = row.try_get(0)?;
                problems.push(format!("record number {seq}: {}", unexplained_message(&error)));
            }
            read += 1;
            if read.is_multiple_of(AT_ONCE as u64) && interrupt::requested() {
                return Err(Error::Interrupted { done: 0 });
            }
            Ok(true)
        });
        self.explained(outcome.map(|()| problems))
    }
}
