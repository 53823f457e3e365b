//! Writes of one transaction in one space: records with everything that depends on them, the change feed and the statistics in
//! the head row.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use postgres::{Client, Row};

use super::database::{Database, Pooled, first_row};
use super::filter::{Reach, boxed, texts, unexpired, within};
use super::head::{self, Head};
use super::journals::numbers_after;
use super::postgres_error::{is_disconnected, postgres_error, unreadable};
use super::query::{Lend, Param, Sql, execute, query};
use super::row::{COLUMNS, Encoded, encode_vector, record};
use super::snapshot::seqs_matching;
use crate::backend::settings::Durability;
use crate::backend::snapshot::PastVersion;
use crate::backend::write::{NewRecord, OnConflict};
use crate::clock;
use crate::error::{Error, Result};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq};
use crate::text::{ANALYZER_VERSION, Bag};

/// Most records of one statement.
const AT_ONCE: usize = 1000;
/// Most bytes of their contents; a longer one has a statement of its own.
const MOST_BYTES: usize = 8 << 20;

/// Writes of one transaction. Without [`Batch::commit`] nothing of it stays.
pub struct Batch<'d> {
    database: &'d Database,
    connection: RefCell<Pooled>,
    /// The space.
    pub space: i64,
    /// The head row as it will be.
    pub head: Head,
    /// The head row as it was read.
    before: Head,
    /// The time of the transaction. What expires later exists for it.
    pub now: Micros,
    embedder: Option<String>,
    deleted: Vec<Seq>,
    /// Deleted because they had expired. The log that users read does not show these deletions.
    expired: Vec<Seq>,
    /// Statements that wrote.
    pub statements: u64,
    /// Rows that were written.
    pub rows: u64,
    ended: bool,
}

/// A row to insert.
struct NewRow<'a> {
    seq: Seq,
    record: &'a Record,
    terms: &'a Bag,
}

impl<'d> Batch<'d> {
    /// Begins a transaction and locks the head row of the space, which orders its writes. Waits for the lock until
    /// `lock_until`. No statement may take longer than until `deadline`.
    ///
    /// # Errors
    /// As [`Database::begin`]; [`Error::Busy`] when explained, if the lock is not free in time.
    pub fn begin(
        database: &'d Database,
        space: i64,
        path: &str,
        lock_until: Instant,
        deadline: Instant,
    ) -> Result<Self> {
        let milliseconds = |until: Instant| {
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
        };
        let (lock, statement) = (milliseconds(lock_until), milliseconds(deadline.max(lock_until)));
        let commit = match database.settings().durability {
            Durability::Full => "",
            Durability::Normal => "SET LOCAL synchronous_commit = off; ",
        };
        let select =
            format!("SELECT {} FROM agentmem_spaces WHERE space = {space} FOR UPDATE", head::COLUMNS);
        let (mut connection, mut row) = database.begin(&format!(
            "BEGIN; SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}; {commit}{select}"
        ))?;
        if row.is_none() {
            let sql = "INSERT INTO agentmem_spaces (space, path, analyzer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            let made = execute(&mut connection, sql, &[&space, &path, &i64::from(ANALYZER_VERSION)]);
            let locked = made.and_then(|_| Ok(connection.simple_query(&select)?));
            match locked {
                Ok(messages) => row = first_row(messages),
                Err(error) => {
                    drop(connection.batch_execute("ROLLBACK"));
                    return Err(error);
                }
            }
        }
        let mut batch = Self {
            database,
            connection: RefCell::new(connection),
            space,
            before: Head::default(),
            head: Head::default(),
            now: clock::now(),
            embedder: None,
            deleted: Vec::new(),
            expired: Vec::new(),
            statements: 0,
            rows: 0,
            ended: false,
        };
        let row = row.ok_or_else(|| unreadable("the head row of a space cannot be read"))?;
        batch.head = Head::read(&row)?;
        batch.before = batch.head.clone();
        Ok(batch)
    }

    /// Ends the transaction: adds deletions to the change feed, writes the head row, and commits.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection is lost while the server commits: nobody knows then whether it did; [`Error::Backend`].
    pub fn commit(mut self) -> Result<()> {
        if self.statements == 0 && self.head == self.before {
            return Ok(());
        }
        for (seqs, hidden) in
            [(std::mem::take(&mut self.deleted), false), (std::mem::take(&mut self.expired), true)]
        {
            self.log_deletions(seqs, hidden)?;
        }
        if self.head.embedder != self.before.embedder {
            let sql = "UPDATE agentmem_spaces SET embedder = $2 WHERE space = $1";
            execute(self.connection.get_mut(), sql, &[&self.space, &self.head.embedder])?;
        }
        let end = format!("{}; COMMIT", self.head.update(self.space));
        let ended = self.connection.get_mut().batch_execute(&end);
        self.ended = ended.is_ok();
        ended.map_err(|error| {
            if !is_disconnected(&error) {
                return error.into();
            }
            let what = format!(
                "the connection was lost during a commit, so the write may have happened or not: {error}"
            );
            Error::io(self.database.name(), std::io::Error::new(std::io::ErrorKind::ConnectionAborted, what))
        })
    }

    /// The vectors that are written next are those of the embedder with this name.
    pub fn set_embedder(&mut self, name: Option<&str>) {
        self.embedder = name.map(str::to_owned);
    }

    /// The connection, to write with.
    pub fn client(&mut self) -> &mut Client {
        self.statements += 1;
        self.connection.get_mut()
    }

    /// Runs a statement that reads.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        query(&mut self.connection.borrow_mut(), sql, params)
    }

    /// As [`Batch::query`], of a statement that was put together.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn run(&self, sql: &Sql<'_>) -> Result<Vec<Row>> {
        sql.query(&mut self.connection.borrow_mut())
    }

    /// Runs a statement that writes.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn write(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        self.statements += 1;
        query(self.connection.get_mut(), sql, params)
    }

    /// As [`Batch::write`], of a statement that was put together. Counts the rows that it returns.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn write_sql(&mut self, sql: &Sql<'_>) -> Result<Vec<Row>> {
        self.statements += 1;
        let rows = sql.query(self.connection.get_mut())?;
        self.rows += rows.len() as u64;
        Ok(rows)
    }

    /// True if the transaction can go on after this error: the server has not seen it.
    pub fn survives(&self, error: &Error) -> bool {
        postgres_error(error).is_none() && !self.connection.borrow().is_closed()
    }

    /// Adds records. Returns the number of each, `None` where the existing record was kept.
    ///
    /// # Errors
    /// [`Error::DuplicateId`], [`Error::DimensionMismatch`], [`Error::EmbedderMismatch`], [`Error::Backend`].
    pub fn add(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        let mut seqs = Vec::with_capacity(records.len());
        let mut rest = records;
        while !rest.is_empty() {
            // Whether a second record with an id is added depends on the first one, which may have expired.
            let mut known = HashSet::new();
            let distinct = rest.iter().take_while(|new| known.insert(&new.record.id)).count();
            let (some, behind) = rest.split_at(distinct);
            seqs.extend(self.add_distinct(some, on_conflict)?);
            rest = behind;
        }
        Ok(seqs)
    }

    /// Adds records with different ids.
    fn add_distinct(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        let ids: Vec<String> = records.iter().map(|new| new.record.id.to_string()).collect();
        let mut skipped: HashSet<usize> = HashSet::new();
        match on_conflict {
            OnConflict::Fail => {}
            OnConflict::Replace => drop(self.remove_ids(&ids, None)?),
            OnConflict::Skip => {
                let live: HashSet<String> = self.live_ids(&ids)?;
                skipped.extend((0..records.len()).filter(|&at| live.contains(&ids[at])));
                let new: Vec<String> =
                    (0..records.len()).filter(|at| !skipped.contains(at)).map(|at| ids[at].clone()).collect();
                if self.head.expires <= self.now {
                    self.remove_ids(&new, Some(self.now))?;
                }
            }
        }
        let mut seqs = vec![None; records.len()];
        let mut rows = Vec::with_capacity(records.len());
        for (at, new) in records.iter().enumerate().filter(|(at, _)| !skipped.contains(at)) {
            // Superseded versions have lower numbers than the record.
            let numbers = numbers_after(self.head.seq, new.past.len() + 1)?;
            self.head.seq = *numbers.end();
            seqs[at] = Some(self.head.seq);
            rows.push(NewRow { seq: self.head.seq, record: &new.record, terms: new.terms() });
        }
        self.insert(&rows)?;
        for (new, seq) in records.iter().zip(&seqs) {
            if let Some(seq) = seq.filter(|_| !new.past.is_empty()) {
                self.restore_past(&new.past, seq)?;
            }
        }
        Ok(seqs)
    }

    /// Replaces a row by a new one, and returns its number.
    ///
    /// # Errors
    /// As [`Batch::add`].
    pub fn rewrite(&mut self, seq: Seq, new: &Record) -> Result<Seq> {
        let terms = Bag::of(&new.content);
        self.take_out("space = $1 AND seq = $2", &[&seq], false)?;
        let seq = *numbers_after(self.head.seq, 1)?.end();
        self.head.seq = seq;
        self.insert(&[NewRow { seq, record: new, terms: &terms }])?;
        Ok(seq)
    }

    /// Stores a version that is superseded.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn keep(&mut self, old: &Record, superseded_at: Micros) -> Result<()> {
        let encoded = Encoded::new(old)?;
        let (vector, metadata) = (encoded.vector.as_deref(), encoded.metadata());
        let sql = "INSERT INTO agentmem_past
                       (space, id, version, superseded_at, scope, created_at, updated_at, last_accessed, importance, source,
                        private, categories, metadata, content, vector, checksum)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let space = self.space;
        self.write(
            sql,
            &[
                &space,
                &encoded.id,
                &old.version.unwrap_or_default(),
                &superseded_at,
                &old.scope.as_str(),
                &old.created_at,
                &old.updated_at,
                &old.last_accessed,
                &old.importance,
                &old.source,
                &old.private,
                &encoded.categories,
                &metadata,
                &old.content.as_str(),
                &vector,
                &encoded.past_checksum(superseded_at),
            ],
        )?;
        Ok(())
    }

    fn restore_past(&mut self, past: &[PastVersion], seq: Seq) -> Result<()> {
        let first = seq - past.len() as i64;
        for (version, (old, superseded_at)) in (first..).zip(past) {
            self.keep(&Record { version: Some(version), ..old.clone() }, *superseded_at)?;
        }
        Ok(())
    }

    /// The record with this id, if it has not expired.
    ///
    /// # Errors
    /// [`Error::RecordNotFound`], [`Error::Backend`].
    pub fn live(&self, id: &RecordId) -> Result<(Seq, Record)> {
        let text = id.to_string();
        let sql = format!(
            "SELECT {COLUMNS} FROM agentmem_records
             WHERE space = $1 AND id = $2 AND (expires_at IS NULL OR expires_at > $3)"
        );
        let rows = if text.contains('\0') {
            Vec::new()
        } else {
            self.query(&sql, &[&self.space, &text, &self.now])?
        };
        rows.first().map_or_else(|| Err(Error::RecordNotFound(text)), record)
    }

    /// The version of the record with this id that has not expired, in a scope and below if one is given.
    ///
    /// # Errors
    /// [`Error::Backend`].
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

    /// Gives vectors to the records with these numbers that have none, and says how many there were.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`], [`Error::EmbedderMismatch`], [`Error::Backend`].
    pub fn embed(&mut self, vectors: &[(Seq, Vec<f32>)]) -> Result<u64> {
        let given: HashMap<Seq, &Vec<f32>> = vectors.iter().map(|(seq, vector)| (*seq, vector)).collect();
        let seqs: Vec<Seq> = vectors.iter().map(|(seq, _)| *seq).collect();
        let sql = format!(
            "SELECT {COLUMNS} FROM agentmem_records WHERE space = $1 AND seq = ANY($2) AND vector IS NULL
             AND (expires_at IS NULL OR expires_at > $3) ORDER BY seq"
        );
        let (mut embedded, mut encoded, mut checksums) = (Vec::new(), Vec::new(), Vec::new());
        for row in self.query(&sql, &[&self.space, &seqs, &self.now])? {
            let (seq, old) = record(&row)?;
            let Some(vector) = given.get(&seq) else { continue };
            self.check_vector(vector.len())?;
            self.head.vectors += 1;
            let new = Record { embedding: Some((*vector).clone()), ..old };
            checksums.push(Encoded::new(&new)?.checksum());
            encoded.push(encode_vector(vector));
            embedded.push(seq);
        }
        if embedded.is_empty() {
            return Ok(0);
        }
        let bytes: Vec<Option<&[u8]>> = encoded.iter().map(|bytes| Some(bytes.as_slice())).collect();
        let late: Vec<i64> = numbers_after(self.head.late, embedded.len())?.collect();
        self.head.late += embedded.len() as i64;
        let space = self.space;
        self.write(
            "UPDATE agentmem_records AS old SET vector = new.vector, checksum = new.checksum
             FROM unnest($2::bigint[], $3::bytea[], $4::integer[]) AS new(seq, vector, checksum)
             WHERE old.space = $1 AND old.seq = new.seq",
            &[&space, &embedded, &bytes, &checksums],
        )?;
        self.write(
            "INSERT INTO agentmem_late_vectors (space, late, seq)
             SELECT $1, * FROM unnest($2::bigint[], $3::bigint[])",
            &[&space, &late, &embedded],
        )?;
        self.rows += embedded.len() as u64;
        Ok(embedded.len() as u64)
    }

    /// Sets `last_accessed` of records, in a scope and below if one is given, and their expiry if one is given. Returns how many
    /// of them exist.
    ///
    /// # Errors
    /// [`Error::Backend`].
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

    /// Removes the records that pass the filter. Returns how many of them had not expired.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove_matching(&mut self, filter: &Filter) -> Result<u64> {
        let seqs = seqs_matching(self, Reach::Space(self.space), filter, 0)?;
        self.remove_seqs(&seqs)
    }

    /// Removes every record. Returns how many of them had not expired.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove_all(&mut self) -> Result<u64> {
        let space = self.space;
        let mut live = self.head.totals().records;
        if self.head.expires <= self.now {
            let sql = "SELECT count(*) FROM agentmem_records WHERE space = $1 AND expires_at <= $2";
            let rows = self.query(sql, &[&space, &self.now])?;
            let expired: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
            live = live.saturating_sub(expired.max(0) as u64);
        }
        let removed = self.head.records > 0;
        for table in ["records", "past", "late_vectors"] {
            self.write(&format!("DELETE FROM agentmem_{table} WHERE space = $1"), &[&space])?;
        }
        if removed {
            self.log_range(1, self.head.seq, false)?;
        }
        let (head, rows) = (self.head.clone(), self.head.totals().records);
        self.head = Head { records: 0, wordless: 0, terms: 0, vectors: 0, expires: Micros::MAX, ..head };
        self.deleted.clear();
        self.rows += rows;
        Ok(live)
    }

    /// Removes at most `limit` expired records, only those in `scope` if one is given. Returns how many.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize> {
        if self.head.expires > self.now {
            return Ok(0);
        }
        let filter = Filter { scope: scope.cloned(), ..Filter::all() };
        let mut sql = Sql::new("SELECT seq FROM agentmem_records");
        super::filter::conditions(&mut sql, Reach::Space(self.space), &filter);
        let limited = i64::try_from(limit).unwrap_or(i64::MAX);
        let due = [boxed(self.now), boxed(limited)];
        sql.push(" AND expires_at <= ? ORDER BY expires_at LIMIT ?", due);
        let seqs: Vec<Seq> = self.run(&sql)?.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>()?;
        let before = self.deleted.len();
        self.remove_seqs(&seqs)?;
        self.expired.extend(self.deleted.drain(before..));
        if scope.is_none() && seqs.len() < limit {
            let next = "SELECT coalesce(min(expires_at), 9223372036854775807) FROM agentmem_records WHERE space = $1";
            let rows = self.query(next, &[&self.space])?;
            self.head.expires = rows.first().map_or(Ok(Micros::MAX), |row| row.try_get(0))?;
        }
        Ok(seqs.len())
    }

    /// The ids among these that records have which have not expired.
    fn live_ids(&self, ids: &[String]) -> Result<HashSet<String>> {
        let sql = "SELECT id FROM agentmem_records
                   WHERE space = $1 AND id = ANY($2) AND (expires_at IS NULL OR expires_at > $3)";
        let rows = self.query(sql, &[&self.space, &ids.to_vec(), &self.now])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Removes the records with these ids and their histories: all, or those that have expired at a moment.
    fn remove_ids(&mut self, ids: &[String], expired_at: Option<Micros>) -> Result<u64> {
        let expired_at = expired_at.unwrap_or(Micros::MAX);
        let condition = "space = $1 AND id = ANY($2) AND coalesce(expires_at, $4) <= $3";
        let missing = if expired_at == Micros::MAX { Micros::MIN } else { Micros::MAX };
        self.take_out(condition, &[&ids.to_vec(), &expired_at, &missing], true)
    }

    fn remove_seqs(&mut self, seqs: &[Seq]) -> Result<u64> {
        let mut live = 0;
        for some in seqs.chunks(4 * AT_ONCE) {
            live += self.take_out("space = $1 AND seq = ANY($2)", &[&some], true)?;
        }
        Ok(live)
    }

    /// Removes rows, and their histories if they are to be forgotten. The condition's first parameter is the space. Returns how many
    /// of them had not expired.
    fn take_out(&mut self, condition: &str, params: &[&dyn Param], forget: bool) -> Result<u64> {
        let forgotten = if forget {
            ", forgotten AS (DELETE FROM agentmem_past WHERE space = $1 AND id IN (SELECT id FROM gone))"
        } else {
            ""
        };
        let sql = format!(
            "WITH gone AS (DELETE FROM agentmem_records WHERE {condition}
                           RETURNING seq, id, terms, vector IS NOT NULL AS has_vector, expires_at){forgotten}
             SELECT seq, terms, has_vector, expires_at FROM gone"
        );
        let space = self.space;
        let params: Vec<&dyn Param> =
            std::iter::once(&space as &dyn Param).chain(params.iter().copied()).collect();
        let mut live = 0;
        for row in self.write(&sql, &params)? {
            let terms: i32 = row.try_get(1)?;
            self.deleted.push(row.try_get(0)?);
            self.head.records -= 1;
            self.head.wordless -= i64::from(terms == 0);
            self.head.terms -= i64::from(terms);
            self.head.vectors -= i64::from(row.try_get::<_, bool>(2)?);
            live += u64::from(row.try_get::<_, Option<Micros>>(3)?.is_none_or(|at| at > self.now));
            self.rows += 1;
        }
        Ok(live)
    }

    /// Inserts rows. Rows of expired records that have their ids give way.
    fn insert(&mut self, rows: &[NewRow<'_>]) -> Result<()> {
        for (at, row) in rows.iter().enumerate() {
            if let Some(vector) = &row.record.embedding {
                if let Err(error) = self.check_vector(vector.len()) {
                    // An error of a row before it comes first.
                    self.insert_checked(&rows[..at])?;
                    return Err(error);
                }
                self.head.vectors += 1;
            }
        }
        self.insert_checked(rows)?;
        for row in rows {
            self.head.records += 1;
            self.head.wordless += i64::from(row.terms.is_empty());
            self.head.terms += row.terms.length() as i64;
            self.head.expires = self.head.expires.min(row.record.expires_at.unwrap_or(Micros::MAX));
        }
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Inserts rows whose vectors fit.
    fn insert_checked(&mut self, rows: &[NewRow<'_>]) -> Result<()> {
        let mut rest = rows;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(AT_ONCE).take_while(|row| {
                bytes += row.record.content.len();
                bytes <= MOST_BYTES
            });
            let (some, behind) = rest.split_at(fits.count().max(1));
            rest = behind;
            let missing = self.insert_some(some)?;
            if missing.is_empty() {
                continue;
            }
            let ids: Vec<String> = missing.iter().map(|row| row.record.id.to_string()).collect();
            let live = self.live_ids(&ids)?;
            if let Some(taken) = ids.iter().find(|id| live.contains(*id)) {
                return Err(Error::DuplicateId(taken.clone()));
            }
            self.remove_ids(&ids, Some(self.now))?;
            if !self.insert_some(&missing)?.is_empty() {
                return Err(unreadable("a record that was removed is still there"));
            }
        }
        Ok(())
    }

    /// Inserts rows; returns those whose ids are in use.
    fn insert_some<'r>(&mut self, rows: &[NewRow<'r>]) -> Result<Vec<NewRow<'r>>> {
        let encoded = rows.iter().map(|row| Encoded::new(row.record)).collect::<Result<Vec<_>>>()?;
        let vectors: Vec<Option<&[u8]>> = encoded.iter().map(|encoded| encoded.vector.as_deref()).collect();
        let metadata: Vec<Option<&str>> = encoded.iter().map(Encoded::metadata).collect();
        let categories: Vec<Option<&str>> = encoded.iter().map(|one| one.categories.as_deref()).collect();
        let ids: Vec<&str> = encoded.iter().map(|encoded| encoded.id.as_str()).collect();
        let checksums: Vec<i32> = encoded.iter().map(Encoded::checksum).collect();
        let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let terms: Vec<i32> =
            rows.iter().map(|row| i32::try_from(row.terms.length()).unwrap_or(i32::MAX)).collect();
        let each = || rows.iter().map(|row| row.record);
        let scopes: Vec<&str> = each().map(|record| record.scope.as_str()).collect();
        let created: Vec<i64> = each().map(|record| record.created_at).collect();
        let updated: Vec<i64> = each().map(|record| record.updated_at).collect();
        let accessed: Vec<i64> = each().map(|record| record.last_accessed).collect();
        let expires: Vec<Option<i64>> = each().map(|record| record.expires_at).collect();
        let importance: Vec<f64> = each().map(|record| record.importance).collect();
        let sources: Vec<Option<&str>> = each().map(|record| record.source.as_deref()).collect();
        let private: Vec<bool> = each().map(|record| record.private).collect();
        let contents: Vec<&str> = each().map(|record| record.content.as_str()).collect();
        let sql = "INSERT INTO agentmem_records
                       (space, seq, id, scope, created_at, updated_at, last_accessed, expires_at, importance, source,
                        private, categories, metadata, content, vector, terms, checksum)
                   SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                       $7::bigint[], $8::bigint[], $9::double precision[], $10::text[], $11::boolean[], $12::text[],
                       $13::text[], $14::text[], $15::bytea[], $16::integer[], $17::integer[])
                   ON CONFLICT (id, space) DO NOTHING RETURNING seq";
        let space = self.space;
        let inserted = self.write(
            sql,
            &[
                &space,
                &seqs,
                &ids,
                &scopes,
                &created,
                &updated,
                &accessed,
                &expires,
                &importance,
                &sources,
                &private,
                &categories,
                &metadata,
                &contents,
                &vectors,
                &terms,
                &checksums,
            ],
        )?;
        if inserted.len() == rows.len() {
            return Ok(Vec::new());
        }
        let inserted: HashSet<Seq> = inserted.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>()?;
        let missing = rows.iter().filter(|row| !inserted.contains(&row.seq));
        Ok(missing.map(|row| NewRow { seq: row.seq, record: row.record, terms: row.terms }).collect())
    }

    /// Checks that a vector of this length, and of the embedder, fits those in the space, and notes both if it is the first. The
    /// vectors of another length or embedder may be those of expired records, which are swept then.
    fn check_vector(&mut self, found: usize) -> Result<()> {
        let fits = self.vector_fits(found);
        let fits = match fits {
            Err(_) if self.sweep(None, usize::MAX)? > 0 => self.vector_fits(found),
            fits => fits,
        };
        fits?;
        self.head.dimension = found as i64;
        if let Some(name) = &self.embedder {
            self.head.embedder = Some(name.clone());
        }
        Ok(())
    }

    fn vector_fits(&self, found: usize) -> Result<()> {
        let Some(expected) = self.head.dimension() else { return Ok(()) };
        if expected != found {
            return Err(Error::DimensionMismatch { expected, found });
        }
        match (&self.head.embedder, &self.embedder) {
            (Some(expected), Some(found)) if expected != found => {
                Err(Error::EmbedderMismatch { expected: expected.clone(), found: found.clone() })
            }
            _ => Ok(()),
        }
    }

    fn log_deletions(&mut self, mut seqs: Vec<Seq>, hidden: bool) -> Result<()> {
        seqs.sort_unstable();
        let ranges: Vec<(Seq, Seq)> = seqs
            .chunk_by(|a, b| a + 1 == *b)
            .filter_map(|range| Some((*range.first()?, *range.last()?)))
            .collect();
        ranges.into_iter().try_for_each(|(first, last)| self.log_range(first, last, hidden))
    }

    fn log_range(&mut self, first: Seq, last: Seq, hidden: bool) -> Result<()> {
        self.head.deletion += 1;
        let sql = "INSERT INTO agentmem_deletions (space, deletion, first, last, newest, hidden)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let (space, deletion, newest) = (self.space, self.head.deletion, self.head.seq);
        self.write(sql, &[&space, &deletion, &first, &last, &newest, &hidden])?;
        Ok(())
    }
}

impl Lend for Batch<'_> {
    fn lend(&self, work: &mut dyn FnMut(&mut Client) -> Result<()>) -> Result<()> {
        work(&mut self.connection.borrow_mut())
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // A connection on which this fails is broken, and the pool drops it.
            drop(self.connection.get_mut().batch_execute("ROLLBACK"));
        }
    }
}
