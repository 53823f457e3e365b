//! [`Backend`] and [`Execute`] for a space of a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, iter};

use xxhash_rust::xxh3::xxh3_64;

use super::batch::Batch;
use super::database::Database;
use super::group_commit::GroupCommit;
use super::trip::Trip;
use super::view::View;
use super::{head, rebuild, segments, single_trip};
use crate::backend::counters::Counters;
use crate::backend::feed::Position;
use crate::backend::manifest::IndexFile;
use crate::backend::write::{Job, JobResult};
use crate::backend::write_transaction::WriteTransaction;
use crate::backend::{Backend, Execute, Progress, Snapshot, Watch, writer};
use crate::clock;
use crate::error::{Error, Result};
use crate::record::Micros;

/// How many analyzed records may wait to be taken into the index. Following the feed takes round trips, so a search after many
/// writes does it once for all of them.
const MAY_LAG: usize = 256;

/// Who waits for the lock keeps its place in the server's queue for so long, however soon the caller wants to look around.
const IN_LINE: Duration = Duration::from_secs(1);

/// Parts of a file that the manifest does not name may belong to a file that is being stored, or fetched, until they have
/// this age.
const STRAY_AFTER: Micros = 3_600_000_000;

/// One space: as much as an SQLite file holds.
#[derive(Debug)]
pub struct Space {
    database: Arc<Database>,
    adds: Arc<GroupCommit>,
    number: i64,
    path: String,
    identity: String,
    index_folder: PathBuf,
    counters: Counters,
}

impl Space {
    /// The space whose scopes begin with `path`.
    pub fn new(database: Arc<Database>, adds: Arc<GroupCommit>, path: &str) -> Self {
        let number = head::number(path);
        let store = &database.schema().store;
        // Row-level security may show different users different rows.
        let identity = format!("{store}/{path}/{}", database.user());
        let index_folder = cache_folder()
            .join("agentmem")
            .join(store)
            .join(format!("{:016x}", xxh3_64(identity.as_bytes())));
        Self {
            database,
            adds,
            number,
            path: path.to_owned(),
            identity,
            index_folder,
            counters: Counters::default(),
        }
    }

    fn explained<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| self.database.explain(error))
    }

    fn add(&self, trip: Trip) -> Result<Option<Vec<JobResult>>> {
        self.adds.make(trip, |trips| single_trip::make(&self.database, trips))
    }

    fn begin(&self) -> Result<Batch<'_>> {
        let deadline = Instant::now() + self.timeout();
        Batch::begin(&self.database, self.number, &self.path, deadline, deadline)
    }

    fn check_writable(&self) -> Result<()> {
        if self.is_read_only() { Err(Error::ReadOnly(self.path().into())) } else { Ok(()) }
    }

    fn replace(&self, position: Position, expected: &[IndexFile], new: &[IndexFile]) -> Result<bool> {
        let mut batch = self.begin()?;
        if !batch.head.continues(position) || segments::read(batch.client(), self.number)? != expected {
            return Ok(false);
        }
        segments::replace(batch.client(), self.number, new)?;
        let needed = new.iter().map(|file| file.deletion).min().unwrap_or(0);
        let prune = "DELETE FROM agentmem_deletions WHERE space = $1 AND deletion <= $2 RETURNING deletion";
        if !batch.write(prune, &[&self.number, &needed])?.is_empty() {
            batch.head.pruned = needed;
        }
        batch.commit()?;
        Ok(true)
    }

    fn clear(&self) -> Result<()> {
        let mut batch = self.begin()?;
        segments::replace(batch.client(), self.number, &[])?;
        batch.commit()
    }
}

/// Where programs of this user keep what may be deleted at any time.
fn cache_folder() -> PathBuf {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| Some(variable("HOME")?.join(".cache")))
        .unwrap_or_else(env::temp_dir)
}

impl Execute for Space {
    fn execute(
        &self,
        lock_until: Instant,
        deadline: Instant,
        next: &mut dyn FnMut() -> Option<Arc<Job>>,
    ) -> Result<Vec<JobResult>> {
        self.check_writable()?;
        let lock_until = lock_until.max(Instant::now() + IN_LINE).min(deadline);
        let jobs: Vec<Arc<Job>> = iter::from_fn(&mut *next).collect();
        if let Some(trip) = Trip::of(self.number, &self.path, &jobs, lock_until, deadline)
            && let Some(results) = self.explained(self.add(trip))?
        {
            return Ok(results);
        }
        let begin = |until| Batch::begin(&self.database, self.number, &self.path, until, deadline);
        let mut jobs = jobs.into_iter();
        let mut next = || jobs.next().or_else(&mut *next);
        let results = self.explained(writer::execute(begin, lock_until, deadline, &mut next))?;
        let explained =
            |result: JobResult| result.map_err(|failed| failed.map(|error| self.database.explain(error)));
        Ok(results.into_iter().map(explained).collect())
    }

    fn path(&self) -> &Path {
        self.database.name()
    }

    fn timeout(&self) -> Duration {
        self.database.settings().busy_timeout
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Backend for Space {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn index_folder(&self) -> &Path {
        &self.index_folder
    }

    fn segment_records(&self) -> u32 {
        segments::RECORDS
    }

    fn store_index_file(&self, name: &str, path: &Path) -> Result<()> {
        let stored = self
            .database
            .connection()
            .and_then(|mut client| segments::store(&mut client, self.number, name, path, clock::now()));
        self.explained(stored)
    }

    fn fetch_index_file(&self, file: &IndexFile, target: &Path) -> Result<bool> {
        let fetched = self
            .database
            .connection()
            .and_then(|mut client| segments::fetch(&mut client, self.number, file, target));
        self.explained(fetched)
    }

    fn remove_index_file(&self, name: &str) -> Result<()> {
        let removed = self
            .database
            .connection()
            .and_then(|mut client| segments::remove(&mut client, self.number, name));
        self.explained(removed)
    }

    fn sweep_index_files(&self) -> Result<()> {
        let before = clock::now() - STRAY_AFTER;
        let swept = self
            .database
            .connection()
            .and_then(|mut client| segments::sweep(&mut client, self.number, before));
        self.explained(swept)
    }

    fn may_lag(&self) -> usize {
        MAY_LAG
    }

    fn is_read_only(&self) -> bool {
        self.database.settings().read_only
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        Ok(Box::new(View::of_space(&self.database, &self.path)?))
    }

    fn watch(&self) -> Result<Box<dyn Watch>> {
        Ok(Box::new(HeadRow))
    }

    fn replace_manifest(
        &self,
        position: Position,
        expected: &[IndexFile],
        new: &[IndexFile],
    ) -> Result<bool> {
        self.check_writable()?;
        self.explained(self.replace(position, expected, new))
    }

    fn clear_manifest(&self) -> Result<()> {
        self.check_writable()?;
        self.explained(self.clear())
    }

    fn rebuild(
        &self,
        lock_until: Instant,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) -> Result<(u64, Vec<IndexFile>)> {
        self.check_writable()?;
        let batch = Batch::begin(&self.database, self.number, &self.path, lock_until.max(deadline), deadline);
        self.explained(batch.and_then(|batch| rebuild::rebuild(batch, progress)))
    }

    fn compact(&self) -> Result<()> {
        // PostgreSQL's autovacuum does it.
        Ok(())
    }
}

/// Asks nobody: every snapshot reads the head row, and the feed costs little when there is nothing in it.
#[derive(Debug)]
struct HeadRow;

impl Watch for HeadRow {
    fn moved(&mut self) -> Result<bool> {
        Ok(true)
    }

    fn forget(&mut self) {}
}
