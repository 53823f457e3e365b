//! Writes records with everything that depends on them: terms, vector, expiry, scope.

use rusqlite::OptionalExtension;

use super::batch::Batch;
use super::insert_statements::InsertStatements;
use super::{embeddings, expiries, history, ids, late_vectors, records, row};
use crate::backend::write::{NewRecord, OnConflict};
use crate::backend::write_transaction::{RemoveRecords, WriteRecords};
use crate::error::{Error, Result};
use crate::record::{Micros, Record, RecordId, Scope, Seq};
use crate::text::Bag;

impl WriteRecords for Batch<'_> {
    fn version_of(&self, id: &RecordId, scope: Option<&Scope>) -> Result<Option<Seq>> {
        if let Some(scope) = scope
            && !records::is_within(self.conn, id, scope)?
        {
            return Ok(None);
        }
        ids::version_of(self.conn, id, self.now)
    }

    fn live(&self, id: &RecordId) -> Result<Option<(Seq, Record)>> {
        records::live(self.conn, id, self.now)
    }

    fn set_embedder(&mut self, name: Option<&str>) {
        self.embedder = name.map(str::to_owned);
    }

    fn add(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        records.iter().map(|new| self.add_one(new, on_conflict)).collect()
    }

    fn rewrite(&mut self, seq: Seq, old: &Record, new: &Record) -> Result<Seq> {
        let old_terms = Bag::of(&old.content);
        let new_terms = (new.content != old.content).then(|| Bag::of(&new.content));
        self.take_out(seq, old_terms.clone())?;
        self.insert(new, new_terms.as_ref().unwrap_or(&old_terms))
    }

    fn keep(&mut self, old: &Record, superseded_at: Micros) -> Result<()> {
        history::keep(self.conn, old, superseded_at)
    }

    fn embed(&mut self, vectors: &[(Seq, Vec<f32>)]) -> Result<u64> {
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

    fn touch(
        &mut self,
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
}

impl Batch<'_> {
    fn add_one(&mut self, new: &NewRecord, on_conflict: OnConflict) -> Result<Option<Seq>> {
        let id = &new.record.id;
        match on_conflict {
            OnConflict::Skip if self.version_of(id, None)?.is_some() => return Ok(None),
            OnConflict::Fail => {}
            _ => self.remove_id(id)?,
        }
        history::restore(self.conn, &new.past)?;
        match self.insert(&new.record, new.terms()) {
            // The record with the id has expired, but was not swept yet.
            Err(Error::DuplicateId(_)) if self.version_of(id, None)?.is_none() => {
                self.remove_id(id)?;
                history::restore(self.conn, &new.past)?;
                self.insert(&new.record, new.terms())
            }
            inserted => inserted,
        }
        .map(Some)
    }

    /// Inserts a record; `terms` are those of its content.
    fn insert(&mut self, record: &Record, terms: &Bag) -> Result<Seq> {
        let scope = self.scope(&record.scope)?;
        let encoded = row::Encoded::new(record)?;
        let fields = encoded.fields();
        let inserts = match &mut self.inserts {
            Some(inserts) => inserts,
            unprepared => unprepared.insert(InsertStatements::prepare(self.conn)?),
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
        self.totals.count(terms, 1);
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

    fn lacks_vector(&self, record: &Record) -> bool {
        record.embedding.is_none() && record.expires_at.is_none_or(|at| at > self.now)
    }

    /// The row of a scope, which is added if it is new.
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
