//! A batch as the [`writer`](crate::backend::writer) wants it.

use super::batch::Batch;
use super::journals;
use crate::backend::write::{NewRecord, OnConflict};
use crate::backend::writer::WriteTransaction;
use crate::error::{Error, Result};
use crate::journal::{Change, Changed};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq};

impl WriteTransaction for Batch<'_> {
    fn begin_job(&mut self) {
        self.before_job = (self.statements, self.head.clone());
    }

    fn goes_on_after(&mut self, error: &Error) -> bool {
        let (statements, head) = &self.before_job;
        let goes_on = self.survives(error) && self.statements == *statements;
        self.head.clone_from(head);
        goes_on
    }

    fn written(&self) -> u64 {
        self.rows
    }

    fn commit(self) -> Result<()> {
        Batch::commit(self)
    }

    fn version_of(&self, id: &RecordId, scope: Option<&Scope>) -> Result<Option<Seq>> {
        Batch::version_of(self, id, scope)
    }

    fn live(&self, id: &RecordId) -> Result<Option<(Seq, Record)>> {
        Batch::live(self, id)
    }

    fn set_embedder(&mut self, name: Option<&str>) {
        self.embedder = name.map(str::to_owned);
    }

    fn add(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        Batch::add(self, records, on_conflict)
    }

    fn rewrite(&mut self, seq: Seq, _: &Record, new: &Record) -> Result<Seq> {
        Batch::rewrite(self, seq, new)
    }

    fn keep(&mut self, old: &Record, superseded_at: Micros) -> Result<()> {
        Batch::keep(self, old, superseded_at)
    }

    fn embed(&mut self, vectors: &[(Seq, Vec<f32>)]) -> Result<u64> {
        Batch::embed(self, vectors)
    }

    fn touch(
        &mut self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        at: Micros,
        expires_at: Option<Micros>,
    ) -> Result<u64> {
        Batch::touch(self, ids, scope, at, expires_at)
    }

    fn remove_matching(&mut self, filter: &Filter) -> Result<u64> {
        Batch::remove_matching(self, filter)
    }

    fn remove_all(&mut self) -> Result<u64> {
        Batch::remove_all(self)
    }

    fn some_expired(&self) -> Result<bool> {
        Ok(self.head.expires.min(self.head.entries_expire) <= self.now)
    }

    fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize> {
        Batch::sweep(self, scope, limit)
    }

    fn check_journal(&self, name: &str, change: &Change) -> Result<()> {
        journals::check(self, name, change)
    }

    fn change_journal(&mut self, name: &str, change: &Change) -> Result<Changed> {
        journals::apply(self, name, change)
    }

    fn remove_journals(&mut self) -> Result<u64> {
        journals::remove_all(self)
    }

    fn sweep_journals(&mut self, limit: usize) -> Result<u64> {
        journals::sweep(self, limit)
    }
}
