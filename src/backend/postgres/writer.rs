//! Writing records, as the [`writer`](crate::backend::writer) asks for it.

use super::batch::Batch;
use crate::backend::write::{NewRecord, OnConflict};
use crate::backend::write_transaction::WriteRecords;
use crate::error::Result;
use crate::record::{Micros, Record, RecordId, Scope, Seq};

impl WriteRecords for Batch<'_> {
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
}
