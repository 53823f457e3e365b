//! A transaction as the [`writer`](crate::backend::writer) wants it.

use std::time::Instant;

use super::transaction::Transaction;
use super::write_connection::WriteConnection;
use super::{Batch, history, ids, journals, records};
use crate::backend::write::{NewRecord, OnConflict};
use crate::backend::writer::WriteTransaction;
use crate::error::{Error, Result};
use crate::journal::{Change, Changed};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq};
use crate::text::Bag;

/// A batch, in a transaction of its own.
pub(super) struct Writer<'c> {
    batch: Batch<'c>,
    transaction: Transaction<'c>,
    conn: &'c WriteConnection,
    /// When a commit that has to wait gives up.
    deadline: Instant,
    /// Rows that the connection had written before the transaction.
    before: u64,
    /// Rows that the connection had written before the current job.
    before_job: u64,
}

impl<'c> Writer<'c> {
    /// Takes the write lock of the file.
    pub fn begin(conn: &'c WriteConnection, lock_until: Instant, deadline: Instant) -> Result<Self> {
        let transaction = Transaction::begin(conn, lock_until)?;
        conn.notice_others()?;
        let (batch, before) = (Batch::new(conn), conn.total_changes());
        Ok(Self { batch, transaction, conn, deadline, before, before_job: before })
    }

    fn add_one(&mut self, new: &NewRecord, on_conflict: OnConflict) -> Result<Option<Seq>> {
        let id = &new.record.id;
        match on_conflict {
            OnConflict::Skip if self.version_of(id, None)?.is_some() => return Ok(None),
            OnConflict::Fail => {}
            _ => self.remove_id(id)?,
        }
        match self.insert(new) {
            // The record with the id has expired, but was not swept yet.
            Err(Error::DuplicateId(_)) if self.version_of(id, None)?.is_none() => {
                self.remove_id(id)?;
                self.insert(new)
            }
            inserted => inserted,
        }
        .map(Some)
    }

    fn insert(&mut self, new: &NewRecord) -> Result<Seq> {
        if !new.past.is_empty() {
            history::restore(self.conn, &new.past)?;
        }
        self.batch.insert(&new.record, new.terms())
    }

    /// Removes the record with this id, expired or not, if there is one.
    fn remove_id(&mut self, id: &RecordId) -> Result<()> {
        match ids::seq_of_id(self.conn, id)? {
            Some(seq) => self.batch.remove_seqs(&[seq]),
            None => Ok(()),
        }
    }
}

impl WriteTransaction for Writer<'_> {
    fn begin_job(&mut self) {
        self.before_job = self.conn.total_changes();
    }

    fn goes_on_after(&mut self, _: &Error) -> bool {
        // SQLite rolls a transaction back after some errors.
        self.conn.total_changes() == self.before_job && !self.conn.is_autocommit()
    }

    fn written(&self) -> u64 {
        self.conn.total_changes() - self.before
    }

    fn commit(self) -> Result<()> {
        self.batch.finish()?;
        self.transaction.commit(self.deadline)
    }

    fn version_of(&self, id: &RecordId, scope: Option<&Scope>) -> Result<Option<Seq>> {
        if let Some(scope) = scope
            && !records::is_within(self.conn, id, scope)?
        {
            return Ok(None);
        }
        ids::version_of(self.conn, id, self.batch.now())
    }

    fn live(&self, id: &RecordId) -> Result<Option<(Seq, Record)>> {
        records::live(self.conn, id, self.batch.now())
    }

    fn set_embedder(&mut self, name: Option<&str>) {
        self.batch.set_embedder(name);
    }

    fn add(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        records.iter().map(|new| self.add_one(new, on_conflict)).collect()
    }

    fn rewrite(&mut self, seq: Seq, old: &Record, new: &Record) -> Result<Seq> {
        let old_terms = Bag::of(&old.content);
        let new_terms = (new.content != old.content).then(|| Bag::of(&new.content));
        self.batch.take_out(seq, old_terms.clone())?;
        self.batch.insert(new, new_terms.as_ref().unwrap_or(&old_terms))
    }

    fn keep(&mut self, old: &Record, superseded_at: Micros) -> Result<()> {
        history::keep(self.conn, old, superseded_at)
    }

    fn embed(&mut self, vectors: &[(Seq, Vec<f32>)]) -> Result<u64> {
        self.batch.embed(vectors)
    }

    fn touch(
        &mut self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        at: Micros,
        expires_at: Option<Micros>,
    ) -> Result<u64> {
        self.batch.touch(ids, scope, at, expires_at)
    }

    fn remove_matching(&mut self, filter: &Filter) -> Result<u64> {
        self.batch.remove_matching(filter)
    }

    fn remove_all(&mut self) -> Result<u64> {
        self.batch.remove_all()
    }

    fn some_expired(&self) -> Result<bool> {
        // One statement for both, as every write asks.
        let mut statement = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM expiries WHERE at <= ?1) OR EXISTS (SELECT 1 FROM entries WHERE expires_at <= ?1)",
        )?;
        Ok(statement.query_row([self.batch.now()], |row| row.get(0))?)
    }

    fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize> {
        self.batch.sweep(scope, limit)
    }

    fn check_journal(&self, name: &str, change: &Change) -> Result<()> {
        journals::check(self.conn, name, change, self.batch.now())
    }

    fn change_journal(&mut self, name: &str, change: &Change) -> Result<Changed> {
        journals::apply(self.conn, name, change, self.batch.now())
    }

    fn remove_journals(&mut self) -> Result<u64> {
        journals::remove_all(self.conn, self.batch.now())
    }

    fn sweep_journals(&mut self, limit: usize) -> Result<u64> {
        journals::sweep(self.conn, self.batch.now(), limit)
    }
}
