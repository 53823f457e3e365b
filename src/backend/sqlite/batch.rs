//! Writes records with everything that depends on them: terms, vector, scope, change feed, totals.

use std::collections::HashSet;

use rusqlite::{CachedStatement, Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::{changes, embeddings, expiries, fts, history, late_vectors, meta, records, row, selection};
use crate::clock;
use crate::error::{Error, Result};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq};
use crate::text::Bag;

/// How many deletes may be pending before the full text executes them.
const PENDING: usize = 4096;

/// The terms of a damaged record may differ from those that it was added with, so no total may go below zero.
const ADD_TO_TOTAL: &str = "UPDATE meta SET value = max(value + ?, 0) WHERE key = ?";

const DROP_IF_EMPTY: &str =
    "DELETE FROM scopes WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM records WHERE scope = ?1)";

/// Writes of one transaction, which the caller begins and commits. [`Batch::finish`] must come before the commit.
pub struct Batch<'c> {
    conn: &'c Connection,
    now: Micros,
    /// Whose vectors are written, if it has a name.
    embedder: Option<String>,
    /// Prepared when the first record is added.
    inserts: Option<Inserts<'c>>,
    scopes: FxHashMap<Scope, i64>,
    deleted: Vec<Seq>,
    /// Deleted because they had expired. The log that users read does not show these deletions.
    expired: Vec<Seq>,
    /// Deleted rows that the full text still has, with their terms.
    pending_deletes: Vec<(Seq, Bag)>,
    /// Scopes that may be empty now.
    to_prune: HashSet<i64>,
    records: i64,
    wordless: i64,
    terms: i64,
}

/// The statements that add a record.
struct Inserts<'c> {
    record: CachedStatement<'c>,
    terms: CachedStatement<'c>,
}

impl<'c> Inserts<'c> {
    fn prepare(conn: &'c Connection) -> Result<Self> {
        let record = conn.prepare_cached(
            "INSERT INTO records(id, scope, created_at, updated_at, last_accessed, importance, source, private,
                                 categories, metadata, content, checksum)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        Ok(Self { record, terms: conn.prepare_cached(fts::INSERT)? })
    }
}

impl<'c> Batch<'c> {
    /// Starts on a connection with an open write transaction.
    #[must_use]
    pub fn new(conn: &'c Connection) -> Self {
        Self {
            conn,
            now: clock::now(),
            embedder: None,
            inserts: None,
            scopes: FxHashMap::default(),
            deleted: Vec::new(),
            expired: Vec::new(),
            pending_deletes: Vec::new(),
            to_prune: HashSet::new(),
            records: 0,
            wordless: 0,
            terms: 0,
        }
    }

    /// The time of the transaction. What expires later exists for it.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.now
    }

    /// The vectors that are written next are those of the embedder with this name.
    pub fn set_embedder(&mut self, name: Option<&str>) {
        self.embedder = name.map(str::to_owned);
    }

    /// Adds a record; `terms` are those of its content.
    ///
    /// # Errors
    /// [`Error::DuplicateId`], [`Error::DimensionMismatch`], [`Error::EmbedderMismatch`], [`Error::Backend`].
    pub fn insert(&mut self, record: &Record, terms: &Bag) -> Result<Seq> {
        let scope = self.scope(&record.scope)?;
        let encoded = row::Encoded::new(record)?;
        let fields = encoded.fields();
        let inserts = match &mut self.inserts {
            Some(inserts) => inserts,
            unprepared => unprepared.insert(Inserts::prepare(self.conn)?),
        };
        inserts
            .record
            .execute((
                row::EncodedId::new(&record.id),
                scope,
                fields.created_at,
                fields.updated_at,
                encoded.last_accessed(),
                fields.importance,
                fields.source,
                fields.private.then_some(1),
                fields.categories,
                fields.metadata,
                fields.content,
                fields.checksum(),
            ))
            .map_err(|error| duplicate(error, &record.id))?;
        let seq = self.conn.last_insert_rowid();
        inserts.terms.execute((seq, terms.joined()))?;
        if let Some(vector) = fields.vector {
            self.insert_vector(seq, vector)?;
        }
        if record.expires_at.is_some() {
            expiries::set(self.conn, seq, record.expires_at)?;
        }
        self.records += 1;
        self.wordless += i64::from(terms.is_empty());
        self.terms += terms.length() as i64;
        Ok(seq)
    }

    fn insert_vector(&mut self, seq: Seq, vector: &[u8]) -> Result<()> {
        match embeddings::insert(self.conn, seq, vector, self.embedder.as_deref()) {
            // The vectors of another length or embedder may be those of expired records.
            Err(Error::DimensionMismatch { .. } | Error::EmbedderMismatch { .. })
                if self.sweep(None, usize::MAX)? > 0 =>
            {
                embeddings::insert(self.conn, seq, vector, self.embedder.as_deref())
            }
            inserted => inserted,
        }
    }

    /// Gives vectors to the records with these numbers that have none, and says how many there were.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`], [`Error::EmbedderMismatch`], [`Error::Backend`].
    pub fn embed(&mut self, vectors: &[(Seq, Vec<f32>)]) -> Result<u64> {
        let mut embedded = Vec::new();
        for (seq, vector) in vectors {
            let found = records::by_seqs(self.conn, &[*seq], true)?.pop();
            let Some((seq, record)) = found.filter(|(_, record)| self.lacks_vector(record)) else { continue };
            let record = Record { embedding: Some(vector.clone()), ..record };
            let encoded = row::Encoded::new(&record)?;
            let fields = encoded.fields();
            fields.vector.map_or(Ok(()), |vector| self.insert_vector(seq, vector))?;
            self.conn
                .prepare_cached("UPDATE records SET checksum = ? WHERE seq = ?")?
                .execute((fields.checksum(), seq))?;
            embedded.push(seq);
        }
        late_vectors::log(self.conn, &embedded)?;
        Ok(embedded.len() as u64)
    }

    fn lacks_vector(&self, record: &Record) -> bool {
        record.embedding.is_none() && record.expires_at.is_none_or(|at| at > self.now)
    }

    /// Removes a record and its history. `terms` are those that it was inserted with.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove(&mut self, seq: Seq, terms: Bag) -> Result<()> {
        history::forget(self.conn, seq)?;
        self.take_out(seq, terms)
    }

    /// Removes a row whose record gets a new row. The history stays.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn take_out(&mut self, seq: Seq, terms: Bag) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM embeddings WHERE seq = ?")?.execute([seq])?;
        self.conn.prepare_cached("DELETE FROM expiries WHERE seq = ?")?.execute([seq])?;
        let scope = self
            .conn
            .prepare_cached("DELETE FROM records WHERE seq = ? RETURNING scope")?
            .query_row([seq], |row| row.get(0))?;
        self.to_prune.insert(scope);
        self.deleted.push(seq);
        self.records -= 1;
        self.wordless -= i64::from(terms.is_empty());
        self.terms -= terms.length() as i64;
        self.pending_deletes.push((seq, terms));
        if self.pending_deletes.len() < PENDING { Ok(()) } else { self.remove_terms() }
    }

    /// Removes the records with these numbers, and their histories.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove_seqs(&mut self, seqs: &[Seq]) -> Result<()> {
        for part in seqs.chunks(1024) {
            for (seq, content) in records::contents(self.conn, part)? {
                self.remove(seq, Bag::of(&content))?;
            }
        }
        Ok(())
    }

    /// Removes the records that pass the filter. Returns how many of them had not expired.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove_matching(&mut self, filter: &Filter) -> Result<u64> {
        let seqs = selection::seqs_matching(self.conn, filter, 0)?;
        let due = expiries::due(self.conn, self.now)?;
        self.remove_seqs(&seqs)?;
        Ok(seqs.iter().filter(|seq| due.binary_search(seq).is_err()).count() as u64)
    }

    /// Removes every record. Returns how many of them had not expired.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove_all(&mut self) -> Result<u64> {
        let due = expiries::due(self.conn, self.now)?.len();
        let removed = self.conn.execute("DELETE FROM embeddings", []).and_then(|_| {
            self.conn.execute("DELETE FROM expiries", [])?;
            let removed = self.conn.execute("DELETE FROM records", [])?;
            self.conn.execute("DELETE FROM scopes", [])?;
            Ok(removed)
        })?;
        history::forget_all(self.conn)?;
        fts::clear(self.conn)?;
        late_vectors::clear(self.conn)?;
        if removed > 0 {
            let newest = changes::newest_record(self.conn)?;
            changes::record_deletion(self.conn, 1..=newest, newest, false)?;
        }
        for key in [meta::RECORDS, meta::WORDLESS, meta::TERMS] {
            meta::set(self.conn, key, 0)?;
        }
        (self.records, self.wordless, self.terms) = (0, 0, 0);
        self.pending_deletes.clear();
        self.scopes.clear();
        self.to_prune.clear();
        Ok(removed.saturating_sub(due) as u64)
    }

    /// Removes at most `limit` expired records, only those in `scope` if one is given. Returns how many.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize> {
        let seqs = match scope {
            None => expiries::earliest(self.conn, self.now, limit)?,
            Some(scope) => {
                let filter = Filter { scope: Some(scope.clone()), ..Filter::all() };
                let within = selection::seqs_matching(self.conn, &filter, 0)?;
                let mut due = expiries::due(self.conn, self.now)?;
                due.retain(|seq| within.binary_search(seq).is_ok());
                due.truncate(limit);
                due
            }
        };
        let before = self.deleted.len();
        self.remove_seqs(&seqs)?;
        self.expired.extend(self.deleted.drain(before..));
        Ok(seqs.len())
    }

    /// Sets `last_accessed` of records, in a scope and below if one is given, and their expiry if one is given. Returns how many
    /// of them exist.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn touch(
        &self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        at: Micros,
        expires_at: Option<Micros>,
    ) -> Result<u64> {
        let mut statement = self.conn.prepare_cached(&format!(
            "UPDATE records SET last_accessed = ? WHERE id = ? AND {} RETURNING seq",
            expiries::UNEXPIRED
        ))?;
        let mut touched = 0;
        for id in ids {
            if let Some(scope) = scope
                && !records::is_within(self.conn, id, scope)?
            {
                continue;
            }
            let found = statement.query_row((at, row::EncodedId::new(id), self.now), |row| row.get(0));
            let Some(seq) = found.optional()? else { continue };
            touched += 1;
            if expires_at.is_some() {
                expiries::set(self.conn, seq, expires_at)?;
            }
        }
        Ok(touched)
    }

    /// Adds deletions to the change feed, updates the totals, and deletes empty scopes.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn finish(mut self) -> Result<()> {
        if !self.pending_deletes.is_empty() {
            self.remove_terms()?;
        }
        for (seqs, hidden) in [(self.deleted, false), (self.expired, true)] {
            if !seqs.is_empty() {
                changes::record_deletions(self.conn, seqs, hidden)?;
            }
        }
        let deltas =
            [(meta::RECORDS, self.records), (meta::WORDLESS, self.wordless), (meta::TERMS, self.terms)];
        for (key, delta) in deltas {
            if delta != 0 {
                self.conn.prepare_cached(ADD_TO_TOTAL)?.execute((delta, key))?;
            }
        }
        for scope in self.to_prune {
            self.conn.prepare_cached(DROP_IF_EMPTY)?.execute([scope])?;
        }
        Ok(())
    }

    /// Executes pending deletes in the full text. FTS5 writes its memory to disk whenever a row is out of order, so rows are
    /// deleted together and in order.
    fn remove_terms(&mut self) -> Result<()> {
        self.pending_deletes.sort_unstable_by_key(|(seq, _)| *seq);
        self.pending_deletes
            .drain(..)
            .try_for_each(|(seq, terms)| fts::delete(self.conn, seq, terms.joined()))
    }

    fn scope(&mut self, scope: &Scope) -> Result<i64> {
        if let Some(&id) = self.scopes.get(scope) {
            return Ok(id);
        }
        let mut find = self.conn.prepare_cached("SELECT id FROM scopes WHERE path = ?")?;
        let id = match find.query_row([scope.as_str()], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => {
                self.conn.prepare_cached("INSERT INTO scopes(path) VALUES (?)")?.execute([scope.as_str()])?;
                self.conn.last_insert_rowid()
            }
        };
        self.scopes.insert(scope.clone(), id);
        Ok(id)
    }
}

fn duplicate(error: rusqlite::Error, id: &RecordId) -> Error {
    match error.sqlite_error() {
        Some(failure) if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE => {
            Error::DuplicateId(id.to_string())
        }
        _ => error.into(),
    }
}
