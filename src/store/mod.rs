//! The store: the only place where database and index meet.
//!
//! - [`Store`]: the public interface; reads that need the database alone are here.
//! - [`write_queue`]: group commit.
//! - The index: `shared_index` is what all stores of a process on one file share, found by `registry`; `follower` takes in
//!   what was committed, `persister` writes `index_files`; both work in threads of a `worker` too. `index_handle` is how
//!   a store uses all that.
//! - `search`: queries. Each mode of `modes` asks a `retriever` for candidates, in memory or on disk, and ranks them;
//!   `filter_cache` and `text_cache` keep what was read for that.
//! - `transfer`: JSON lines. `verify`: is everything sound. `rebuild`: deriving everything again.

mod filter_cache;
mod follower;
mod index_files;
mod index_handle;
mod modes;
mod parallel;
mod persister;
mod prefetch;
mod rebuild;
mod registry;
mod retriever;
mod search;
mod search_error;
mod shared_index;
mod text_cache;
mod transfer;
mod verify;
mod worker;
pub mod write_queue;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::backend::sqlite::{Pool, Settings, Sqlite};
use crate::backend::write::{Entry, Write};
use crate::backend::{Backend, Progress, Snapshot};
use crate::error::{Error, Result};
use crate::record::{Fields, Filter, Record, RecordId, Scope, Viewer, now};
use crate::text::ANALYZER_VERSION;

use index_handle::IndexHandle;
use prefetch::prefetch;
use write_queue::WriteQueue;

pub use crate::backend::snapshot::ScopeInfo;
pub use crate::backend::sqlite::{Durability, migrate};
pub use crate::backend::write::OnConflict;
pub use transfer::Imported;
pub use verify::Report;

/// Where searches find their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IndexMode {
    /// In the index in memory.
    #[default]
    Memory,
    /// In the full-text table on disk; nothing is held in memory.
    Disk,
}

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The file; made if it is not there.
    pub path: PathBuf,
    /// Most reading connections at once.
    pub pool_size: u32,
    /// What a returned write survives.
    pub durability: Durability,
    /// Where searches find their answers.
    pub index: IndexMode,
    /// Never write.
    pub read_only: bool,
    /// How long to wait for locks and for a connection.
    pub busy_timeout: Duration,
}

impl Options {
    /// The defaults for `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let Settings { path, pool_size, durability, read_only, busy_timeout } = Settings::new(path);
        Self { path, pool_size, durability, index: IndexMode::default(), read_only, busy_timeout }
    }
}

/// What a store is made of and takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// The file.
    pub path: PathBuf,
    /// Live records, private ones too.
    pub records: u64,
    /// Terms in them, repeats included.
    pub terms: u64,
    /// Schema version of the file.
    pub schema_version: u32,
    /// Bytes of the database and its write-ahead log.
    pub disk_bytes: u64,
    /// Bytes of index files beside it.
    pub index_disk_bytes: u64,
    /// Bytes of the index, and of texts kept for searches, on the heap, about.
    pub memory_bytes: u64,
    /// Bytes of index files that are mapped, shared by all processes.
    pub mapped_bytes: u64,
    /// Parts of the index, the tail left out.
    pub segments: u64,
    /// Records in the index's tail.
    pub memtable_records: u64,
    /// Open reading connections, and how many of them are idle.
    pub connections: (u32, u32),
    /// Most reading connections.
    pub pool_size: u32,
    /// Since the store was opened: searches of more than half a second.
    pub slow_searches: u64,
    /// Waits of more than 10 ms for the write lock.
    pub lock_waits: u64,
    /// How long all of them took.
    pub lock_waited: Duration,
    /// Times that this store brought the index up to date, its opening included.
    pub catch_ups: u64,
    /// Records and deletions that it took in.
    pub caught_up: u64,
    /// Times that it loaded the index anew, its opening included.
    pub reloads: u64,
    /// Times that it invalidated index files, because one was damaged or belongs to another store.
    pub invalidated: u64,
}

/// One open store. Many threads may use it at once.
pub struct Store {
    options: Options,
    backend: Arc<dyn Backend>,
    queue: WriteQueue,
    /// `None` for [`IndexMode::Disk`].
    index: Option<IndexHandle>,
    closed: AtomicBool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a store, making or migrating its file if need be, and brings the index up to date.
    ///
    /// # Errors
    /// [`Error::NotAStore`], [`Error::SchemaTooNew`], [`Error::Corrupt`], [`Error::ReadOnly`], [`Error::Busy`],
    /// [`Error::Io`].
    pub fn open(options: Options) -> Result<Self> {
        if options.pool_size == 0 {
            return Err(Error::InvalidFilter("pool_size is 0; a store needs a connection".into()));
        }
        let Options { path, pool_size, durability, read_only, busy_timeout, .. } = options.clone();
        let pool = Arc::new(Pool::open(&Settings { path, pool_size, durability, read_only, busy_timeout })?);
        let backend = Arc::new(Sqlite::new(pool));
        let queue = WriteQueue::new(Arc::clone(&backend) as _);
        let mut store = Self { options, backend, queue, index: None, closed: AtomicBool::new(false) };
        store.match_analyzer()?;
        if store.options.index == IndexMode::Memory {
            store.index = Some(IndexHandle::open(&store.backend)?);
        }
        Ok(store)
    }

    /// Fills the full text anew when another analyzer, or none, filled it.
    fn match_analyzer(&self) -> Result<()> {
        if self.options.read_only || self.backend.snapshot()?.analyzer_version()? == ANALYZER_VERSION {
            return Ok(());
        }
        log::info!("filling the full text of {:?} for analyzer version {ANALYZER_VERSION}", self.path());
        let (_, files) = rebuild::full_text(&*self.backend, &mut |_, _| true)?;
        index_files::remove_all(&*self.backend, &files);
        Ok(())
    }

    /// The store's file, absolute.
    pub fn path(&self) -> &Path {
        self.backend.path()
    }

    /// How it was opened.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Adds all records or none; returns their ids in order.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`]; [`Error::DuplicateId`], also for an id twice in one call; [`Error::DimensionMismatch`];
    /// [`Error::Busy`]; [`Error::ReadOnly`]; [`Error::Closed`].
    pub fn add(&self, records: Vec<Record>, on_conflict: OnConflict) -> Result<Vec<RecordId>> {
        let ids: Vec<RecordId> = records.iter().map(|record| record.id.clone()).collect();
        self.add_counted(records, on_conflict)?;
        Ok(ids)
    }

    /// As [`Store::add`]; returns how many were written, those that were skipped left out.
    fn add_counted(&self, records: Vec<Record>, on_conflict: OnConflict) -> Result<u64> {
        self.check_writable()?;
        if records.is_empty() {
            return Ok(0);
        }
        let entries = records.into_iter().map(|record| Ok(Entry::new(record.validated()?)));
        let entries = Arc::new(entries.collect::<Result<Vec<_>>>()?);
        let write = Write::add(Arc::clone(&entries), on_conflict)?;
        let analyze = |i: usize| {
            entries[i].terms();
        };
        let seqs = prefetch(entries.len(), analyze, || self.queue.write(write))?.seqs();
        if let Some(index) = &self.index {
            index.shared().hand_over(&seqs, &entries);
            if seqs.len() > prefetch::FEW {
                index.catch_up_in_background();
            } else {
                index.catch_up_after_write();
            }
        }
        Ok(seqs.into_iter().flatten().count() as u64)
    }

    /// The records of these ids, `None` where there is none that the viewer may see.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Busy`], [`Error::Corrupt`].
    pub fn get(&self, ids: &[RecordId], viewer: &Viewer) -> Result<Vec<Option<Record>>> {
        self.snapshot()?.by_ids(ids, viewer)
    }

    /// Changes a record, whoever may see it, and returns what it is now.
    ///
    /// # Errors
    /// [`Error::RecordNotFound`], [`Error::InvalidRecord`]; otherwise as [`Store::add`].
    pub fn update(&self, id: &RecordId, changes: Fields) -> Result<Record> {
        self.check_writable()?;
        let outcome = self.queue.write(Write::Update { id: id.clone(), changes })?;
        self.catch_up_after_write();
        outcome.record().ok_or_else(|| Error::RecordNotFound(id.to_string()))
    }

    /// Deletes the records that pass the filter and says how many. Ids alone are deleted whoever may see them.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] when nothing narrows the filter; otherwise as [`Store::add`].
    pub fn delete(&self, filter: &Filter) -> Result<u64> {
        self.check_writable()?;
        if !filter.narrows() {
            return Err(Error::InvalidFilter(
                "delete needs an id or a filter; reset() deletes everything".into(),
            ));
        }
        if filter.ids.as_ref().is_some_and(Vec::is_empty) {
            return Ok(0);
        }
        let mut filter = filter.clone();
        if filter == (Filter { ids: filter.ids.clone(), viewer: filter.viewer.clone(), ..Filter::default() })
        {
            filter.viewer = Viewer::all();
        }
        let deleted = self.queue.write(Write::Delete(filter))?;
        self.catch_up_after_write();
        Ok(deleted.count())
    }

    /// Records that pass the filter, newest first: by `created_at`, then by the order of writing.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Busy`], [`Error::Corrupt`].
    pub fn list(&self, filter: &Filter, limit: usize, offset: usize) -> Result<Vec<Record>> {
        self.snapshot()?.list(filter, limit, offset)
    }

    /// How many records pass the filter.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn count(&self, filter: &Filter) -> Result<u64> {
        self.snapshot()?.count(filter)
    }

    /// The categories of the records that pass the filter with their counts, most frequent first, then by name.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>> {
        self.snapshot()?.categories(filter)
    }

    /// The immediate children of `parent` that hold a visible record at or below them, sorted.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn scopes(&self, parent: &Scope, viewer: &Viewer) -> Result<Vec<Scope>> {
        self.snapshot()?.scopes(parent, viewer)
    }

    /// What is in a scope and below.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
        self.snapshot()?.scope_info(scope, viewer)
    }

    /// Notes that these records were accessed now; says how many of them there are.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn touch(&self, ids: &[RecordId]) -> Result<u64> {
        self.check_writable()?;
        if ids.is_empty() {
            return Ok(0);
        }
        let distinct: HashSet<&RecordId> = ids.iter().collect();
        let ids = distinct.into_iter().cloned().collect();
        Ok(self.queue.write(Write::Touch { ids, at: now() })?.count())
    }

    /// Deletes everything in a scope and below, or everything, private records too; says how many.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn reset(&self, scope: Option<&Scope>) -> Result<u64> {
        self.check_writable()?;
        let write = match scope {
            Some(scope) if *scope != Scope::root() => {
                Write::Delete(Filter { scope: Some(scope.clone()), ..Filter::all() })
            }
            _ => Write::Reset,
        };
        let deleted = self.queue.write(write)?;
        self.catch_up_after_write();
        Ok(deleted.count())
    }

    /// What the store is made of and takes.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn stats(&self) -> Result<Stats> {
        self.catch_up()?;
        let totals = self.snapshot()?.totals()?;
        let size = self.index.as_ref().map(|index| index.shared().size()).unwrap_or_default();
        let counters = self.backend.counters();
        Ok(Stats {
            path: self.path().to_owned(),
            records: totals.records,
            terms: totals.terms,
            schema_version: migrate::LATEST,
            disk_bytes: self.backend.bytes(),
            index_disk_bytes: index_files::bytes_on_disk(self.path()),
            memory_bytes: size.heap,
            mapped_bytes: size.mapped,
            segments: size.segments,
            memtable_records: size.memtable,
            connections: self.backend.connections(),
            pool_size: self.options.pool_size,
            slow_searches: counters.slow_searches.get(),
            lock_waits: counters.lock_waits.get(),
            lock_waited: Duration::from_micros(counters.lock_wait_micros.get()),
            catch_ups: counters.catch_ups.get(),
            caught_up: counters.caught_up.get(),
            reloads: counters.reloads.get(),
            invalidated: counters.invalidated.get(),
        })
    }

    /// Copies the store to `target` while it is in use; the copy appears when it is whole. `progress` counts pages.
    ///
    /// # Errors
    /// [`Error::Io`] if `target` is the store itself, [`Error::NotAStore`] if something else is there,
    /// [`Error::Interrupted`], [`Error::Io`].
    pub fn backup(&self, target: &Path, progress: &mut Progress<'_>) -> Result<()> {
        self.check_open()?;
        self.backend.backup(target, progress)
    }

    /// Derives everything anew from the records: the full text and the index; then gives back the room that deleted
    /// records left in the file, if it can be done now. Returns how many records there are.
    ///
    /// # Errors
    /// [`Error::Interrupted`]: nothing is changed then; otherwise as [`Store::add`].
    pub fn rebuild(&self, progress: &mut Progress<'_>) -> Result<u64> {
        self.check_writable()?;
        let (records, files) = rebuild::full_text(&*self.backend, progress)?;
        if let Some(index) = &self.index {
            index.wait();
            index.reload()?;
        }
        index_files::remove_all(&*self.backend, &files);
        rebuild::compact(&*self.backend)?;
        Ok(records)
    }

    /// Writes the index to disk where that pays, and lets go. Later calls fail with [`Error::Closed`]; a second
    /// close does nothing.
    ///
    /// # Errors
    /// None as yet: an index that cannot be written is derived anew at the next opening.
    pub fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let Some(index) = &self.index else { return Ok(()) };
        index.wait();
        if !self.options.read_only {
            index.persist_at_close();
        }
        Ok(())
    }

    /// Is it closed?
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Begins reading.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        self.check_open()?;
        self.backend.snapshot()
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed() { Err(Error::Closed(self.path().to_owned())) } else { Ok(()) }
    }

    fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        if self.options.read_only { Err(Error::ReadOnly(self.path().to_owned())) } else { Ok(()) }
    }

    /// Brings the index up to date with all that is committed.
    fn catch_up(&self) -> Result<()> {
        self.check_open()?;
        self.index.as_ref().map_or(Ok(()), IndexHandle::catch_up)
    }

    /// After a commit nothing may fail any more: what the index missed, the next search catches up on.
    fn catch_up_after_write(&self) {
        if let Some(index) = &self.index {
            index.catch_up_after_write();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            log::warn!("closing {:?}: {error}", self.path());
        }
        // A write that was under way while the store was closed.
        if let Some(index) = &self.index {
            index.wait();
        }
    }
}
