//! Writing records, with everything that depends on them: terms, vector, scope, change feed, totals.

use std::collections::HashSet;

use rusqlite::types::ToSqlOutput;
use rusqlite::{CachedStatement, Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::{changes, embeddings, fts, meta, records, row};
use crate::error::{Error, Result};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq};
use crate::text::Bag;

/// How many deletes may be pending before the full text executes them.
const PENDING: usize = 4096;

/// Writes of one transaction, which the caller begins and commits. [`Batch::finish`] must come before the commit.
pub struct Batch<'c> {
    conn: &'c Connection,
    insert: CachedStatement<'c>,
    insert_terms: CachedStatement<'c>,
    scopes: FxHashMap<Scope, i64>,
    deleted: Vec<Seq>,
    /// Deleted rows that the full text still has, with their terms.
    pending_deletes: Vec<(Seq, Bag)>,
    /// Scopes to drop if no record is in them any more.
    to_prune: HashSet<i64>,
    records: i64,
    terms: i64,
}

impl<'c> Batch<'c> {
    /// Starts on a connection with an open write transaction.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn new(conn: &'c Connection) -> Result<Self> {
        Ok(Self {
            conn,
            insert: conn.prepare_cached(
                "INSERT INTO records(id, scope, created_at, updated_at, last_accessed, importance, source, private,
                                     categories, metadata, content, checksum)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            insert_terms: conn.prepare_cached(fts::INSERT)?,
            scopes: FxHashMap::default(),
            deleted: Vec::new(),
            pending_deletes: Vec::new(),
            to_prune: HashSet::new(),
            records: 0,
            terms: 0,
        })
    }

    /// The connection, to read with.
    #[must_use]
    pub fn conn(&self) -> &'c Connection {
        self.conn
    }

    /// Adds a record; `terms` are those of its content.
    ///
    /// # Errors
    /// [`Error::DuplicateId`], [`Error::DimensionMismatch`], [`Error::Backend`].
    pub fn insert(&mut self, record: &Record, terms: &Bag) -> Result<Seq> {
        let scope = self.scope(&record.scope)?;
        let encoded = row::Encoded::new(record)?;
        let fields = encoded.fields();
        self.insert
            .execute((
                ToSqlOutput::Borrowed(fields.id),
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
        self.insert_terms.execute((seq, terms.joined()))?;
        if let Some(vector) = fields.vector {
            embeddings::insert(self.conn, seq, vector)?;
        }
        self.records += 1;
        self.terms += terms.total() as i64;
        Ok(seq)
    }

    /// Removes a record; `terms` are those that it was inserted with.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove(&mut self, seq: Seq, terms: Bag) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM embeddings WHERE seq = ?")?.execute([seq])?;
        let scope = self
            .conn
            .prepare_cached("DELETE FROM records WHERE seq = ? RETURNING scope")?
            .query_row([seq], |row| row.get(0))?;
        self.to_prune.insert(scope);
        self.deleted.push(seq);
        self.records -= 1;
        self.terms -= terms.total() as i64;
        self.pending_deletes.push((seq, terms));
        if self.pending_deletes.len() < PENDING { Ok(()) } else { self.remove_terms() }
    }

    /// Removes the records that pass the filter and says how many they were.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove_matching(&mut self, filter: &Filter) -> Result<u64> {
        let seqs = records::seqs_matching(self.conn, filter, 0)?;
        for part in seqs.chunks(1024) {
            for (seq, content) in records::contents(self.conn, part)? {
                self.remove(seq, Bag::of(&content))?;
            }
        }
        Ok(seqs.len() as u64)
    }

    /// Removes every record and says how many they were.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn remove_all(&mut self) -> Result<u64> {
        let removed = self.conn.execute("DELETE FROM embeddings", []).and_then(|_| {
            let removed = self.conn.execute("DELETE FROM records", [])?;
            self.conn.execute("DELETE FROM scopes", [])?;
            Ok(removed)
        })?;
        fts::clear(self.conn)?;
        if removed > 0 {
            changes::record_deletion(self.conn, 1..=changes::newest_record(self.conn)?)?;
        }
        meta::set(self.conn, meta::RECORDS, 0)?;
        meta::set(self.conn, meta::TERMS, 0)?;
        (self.records, self.terms) = (0, 0);
        self.pending_deletes.clear();
        self.scopes.clear();
        self.to_prune.clear();
        Ok(removed as u64)
    }

    /// Notes when the records with these ids were last read and says how many there were.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn touch(&self, ids: &[RecordId], at: Micros) -> Result<u64> {
        let mut statement = self.conn.prepare_cached("UPDATE records SET last_accessed = ? WHERE id = ?")?;
        let mut touched = 0;
        for id in ids {
            touched += statement.execute((at, row::EncodedId::new(id)))? as u64;
        }
        Ok(touched)
    }

    /// Writes what concerns all writes together: deletions for the change feed, and totals. Drops empty scopes.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn finish(mut self) -> Result<()> {
        self.remove_terms()?;
        changes::record_deletions(self.conn, self.deleted)?;
        let mut add = self.conn.prepare_cached("UPDATE meta SET value = value + ? WHERE key = ?")?;
        for (key, delta) in [(meta::RECORDS, self.records), (meta::TERMS, self.terms)] {
            if delta != 0 {
                add.execute((delta, key))?;
            }
        }
        let mut drop_empty = self.conn.prepare_cached(
            "DELETE FROM scopes WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM records WHERE scope = ?1)",
        )?;
        for scope in self.to_prune {
            drop_empty.execute([scope])?;
        }
        Ok(())
    }

    /// FTS5 writes its memory to disk whenever a row is out of order, so rows are deleted together and in order.
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
