//! [`Backend`] and [`Execute`] for an SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::batch::Batch;
use super::pool::Pool;
use super::transaction::Transaction;
use super::view::View;
use super::watcher::Watcher;
use super::{backup, changes, maintenance, migrations, rebuild, segments};
use crate::backend::counters::Counters;
use crate::backend::feed::Position;
use crate::backend::manifest::IndexFile;
use crate::backend::settings::Settings;
use crate::backend::write::{Job, JobResult};
use crate::backend::{Backend, Execute, Progress, Snapshot, Spaces, Watch, writer};
use crate::error::Result;
use crate::files::beside;
use crate::record::{RecordId, Scope, Viewer};

/// A memtable of so many records is written to disk.
const SEGMENT_RECORDS: u32 = 32 * 1024;

/// A store in an SQLite file.
#[derive(Debug)]
pub struct Sqlite(Arc<SqliteSpace>);

impl Sqlite {
    /// Opens a store's file.
    ///
    /// # Errors
    /// As [`Pool::open`].
    pub fn open(settings: &Settings) -> Result<Self> {
        Ok(Self(Arc::new(SqliteSpace::new(Arc::new(Pool::open(settings)?)))))
    }
}

impl Spaces for Sqlite {
    fn name(&self) -> &Path {
        self.0.path()
    }

    fn depth(&self) -> usize {
        0
    }

    fn space(&self, _: &str) -> Result<Arc<dyn Backend>> {
        Ok(Arc::clone(&self.0) as _)
    }

    fn snapshot(&self, _: Option<&str>) -> Result<Box<dyn Snapshot + '_>> {
        self.0.snapshot()
    }

    fn paths(&self, _: &Scope, _: usize) -> Result<Vec<String>> {
        Ok(vec![Scope::root().to_string()])
    }

    fn places_of(&self, ids: &[RecordId], scope: Option<&Scope>) -> Result<Vec<(RecordId, String)>> {
        let found = self.0.snapshot()?.by_ids(ids, scope, &Viewer::all())?.into_iter().flatten();
        Ok(found.map(|record| (record.id, Scope::root().to_string())).collect())
    }

    fn schema_version(&self) -> u32 {
        migrations::LATEST
    }

    fn connections(&self) -> (u32, u32) {
        self.0.pool.readers()
    }

    fn bytes(&self) -> u64 {
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        bytes(self.name()) + bytes(&beside(self.name(), "-wal"))
    }

    fn backup(&self, target: &Path, progress: &mut Progress<'_>) -> Result<()> {
        self.0.pool.read(|conn| backup::write(conn, target, progress))
    }
}

/// All that is in an SQLite file.
#[derive(Debug)]
pub struct SqliteSpace {
    pool: Arc<Pool>,
    identity: String,
    index_folder: PathBuf,
}

impl SqliteSpace {
    /// A backend over an open pool.
    pub fn new(pool: Arc<Pool>) -> Self {
        let (identity, index_folder) = (pool.file().to_string(), beside(pool.path(), "-index"));
        Self { pool, identity, index_folder }
    }

    /// Runs `work` in a write transaction of its own.
    fn in_transaction<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + self.timeout();
        self.pool.write(deadline, |conn| {
            let transaction = Transaction::begin(conn, deadline)?;
            let outcome = work(conn)?;
            transaction.commit(deadline)?;
            Ok(outcome)
        })
    }
}

impl Execute for SqliteSpace {
    fn execute(
        &self,
        lock_until: Instant,
        deadline: Instant,
        next: &mut dyn FnMut() -> Option<Arc<Job>>,
    ) -> Result<Vec<JobResult>> {
        let results = self.pool.write(lock_until, |conn| {
            writer::execute(|until| Batch::begin(conn, until, deadline), lock_until, deadline, next)
        })?;
        let explained =
            |result: JobResult| result.map_err(|failed| failed.map(|error| self.pool.explain(error)));
        Ok(results.into_iter().map(explained).collect())
    }

    fn path(&self) -> &Path {
        self.pool.path()
    }

    fn queue(&self) -> Option<String> {
        Some(format!("{} {:?}", self.identity, self.pool.durability()))
    }

    fn timeout(&self) -> Duration {
        self.pool.timeout()
    }

    fn counters(&self) -> &Counters {
        self.pool.counters()
    }
}

impl Backend for SqliteSpace {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn index_folder(&self) -> &Path {
        &self.index_folder
    }

    fn segment_records(&self) -> u32 {
        SEGMENT_RECORDS
    }

    fn is_read_only(&self) -> bool {
        self.pool.is_read_only()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        Ok(Box::new(View::new(&self.pool)?))
    }

    fn watch(&self) -> Result<Box<dyn Watch>> {
        Ok(Box::new(Watcher::open(&self.pool)?))
    }

    fn replace_manifest(&self, _: Position, expected: &[IndexFile], new: &[IndexFile]) -> Result<bool> {
        self.in_transaction(|conn| {
            if segments::read(conn)? != expected {
                return Ok(false);
            }
            segments::replace(conn, new)?;
            let needed = new.iter().map(|file| file.deletion).min().unwrap_or(0);
            changes::prune(conn, needed)?;
            Ok(true)
        })
    }

    fn clear_manifest(&self) -> Result<()> {
        self.in_transaction(|conn| segments::replace(conn, &[]))
    }

    fn rebuild(
        &self,
        lock_until: Instant,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) -> Result<(u64, Vec<IndexFile>)> {
        self.pool.write(lock_until, |conn| rebuild::rebuild(conn, lock_until, deadline, progress))
    }

    fn compact(&self) -> Result<()> {
        let deadline = Instant::now() + self.timeout();
        self.pool.write(deadline, |conn| maintenance::compact(conn, deadline))
    }
}
