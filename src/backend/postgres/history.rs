//! Versions of records that were superseded: the table `agentmem_past`.

use super::batch::Batch;
use super::filter::boxed;
use super::query::Sql;
use super::row::{self, Encoded, PAST_COLUMNS};
use super::view::View;
use crate::backend::snapshot::PastVersion;
use crate::error::Result;
use crate::record::{Micros, Record, RecordId, Seq, Viewer};

impl View<'_> {
    pub(super) fn read_past(&self, id: &RecordId) -> Result<Vec<PastVersion>> {
        let id = id.to_string();
        if id.contains('\0') {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(format!("SELECT {PAST_COLUMNS} FROM agentmem_past"));
        self.reach.apply(&mut sql);
        sql.push(" AND id = ? ORDER BY version", [boxed(id)]);
        self.run(&sql)?.iter().map(row::past).collect()
    }

    pub(super) fn read_history(&self, id: &RecordId, viewer: &Viewer) -> Result<Vec<Record>> {
        let Some(current) = self.live_record(id)? else { return Ok(Vec::new()) };
        let versions = self.read_past(id)?.into_iter().map(|(version, _)| version).chain([current]);
        Ok(versions.filter(|version| viewer.sees(version.source.as_deref(), version.private)).collect())
    }
}

impl Batch<'_> {
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

    pub(super) fn restore_past(&mut self, past: &[PastVersion], seq: Seq) -> Result<()> {
        let first = seq - past.len() as i64;
        for (version, (old, superseded_at)) in (first..).zip(past) {
            self.keep(&Record { version: Some(version), ..old.clone() }, *superseded_at)?;
        }
        Ok(())
    }
}
