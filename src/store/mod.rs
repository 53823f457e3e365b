//! The store: the only module that uses both a backend and an index.
//!
//! - [`Store`]: the public interface; reads that need the database alone are here. `routing`: which `space` a call concerns;
//!   `open_spaces`: those that are open. A store in a file is one space.
//! - [`write_queue`]: group commit.
//! - `shared_index`: the index that all stores of a process on one file share; `registry` finds it. `follower` adds what was
//!   committed, and `persister` writes `index_files`; both also work in threads of a `worker`. A store uses these modules
//!   through `index_handle`.
//! - `search`: queries. Each mode of `modes` asks a `retriever` for candidates, in memory or on disk, and ranks them;
//!   `filter_cache`, `scope_index` and `text_cache` keep what was read. `explain`: why a record is a hit or not.
//! - `transfer`: export and import of JSON lines. `verify`: looking for damage. `rebuild`: deriving everything again.
//!   `migration`: schema versions.

mod batch;
mod embed;
mod explain;
mod filter_cache;
mod follower;
mod history;
mod index_files;
mod index_handle;
mod journals;
mod lines;
pub mod migration;
mod modes;
mod open_spaces;
mod options;
mod parallel;
mod persister;
mod prefetch;
mod rebuild;
mod registry;
mod retriever;
mod routing;
mod scope_index;
mod search;
mod search_error;
mod shared_index;
mod space;
mod stats;
mod stored_json;
mod text_cache;
mod transfer;
mod verify;
mod worker;
pub mod write_queue;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::journals::JournalTotals;
use crate::backend::write::{Call, Job, NewRecord, Outcome, Requirement, Write};
use crate::backend::{Progress, Spaces, dispatch};
use crate::error::{Error, Result};
use crate::record::{Fields, Filter, Micros, Order, Page, Record, RecordId, Scope, Scopes, Viewer};
use open_spaces::OpenSpaces;
use space::Space;

pub use crate::backend::settings::Durability;
pub use crate::backend::snapshot::ScopeInfo;
pub use crate::backend::write::OnConflict;
pub use options::{IndexMode, Options};
pub use stats::Stats;
pub use transfer::{ExportOptions, Imported};
pub use verify::Report;

/// One open store. Many threads may use it at once.
pub struct Store {
    options: Options,
    spaces: Arc<dyn Spaces>,
    open: OpenSpaces,
    closed: AtomicBool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a store. Creates or migrates its file if necessary, and brings the index up to date. A database must have been
    /// migrated; the index of a space is loaded when it is used.
    ///
    /// # Errors
    /// [`Error::NotAStore`], [`Error::SchemaTooNew`], [`Error::Corrupt`], [`Error::ReadOnly`], [`Error::Busy`],
    /// [`Error::Io`].
    pub fn open(options: Options) -> Result<Self> {
        if options.pool_size == 0 {
            return Err(Error::InvalidFilter("pool_size is 0; a store needs a connection".into()));
        }
        let spaces = dispatch::open(&options.settings())?;
        let store = Self { options, spaces, open: OpenSpaces::default(), closed: AtomicBool::new(false) };
        if store.spaces.depth() == 0 {
            store.space("/")?;
        } else if store.options.index == IndexMode::Disk {
            return Err(retriever::no_full_text());
        }
        Ok(store)
    }

    /// The store's file, absolute, or its URL without the password.
    pub fn path(&self) -> &Path {
        self.spaces.name()
    }

    /// The options that it was opened with.
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

    /// Writes a record in place of the one with its id, if there is one.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the record does not have the version that is required, 0 being none; otherwise as
    /// [`Store::add`].
    pub fn put(&self, record: Record, if_version: Option<i64>) -> Result<RecordId> {
        let id = record.id.clone();
        let requires = if_version.map(|version| Requirement { id: id.clone(), scope: None, version });
        let records = Arc::new(vec![NewRecord::new(record.validated()?)]);
        let write = Some(Write::add(records, OnConflict::Replace)?);
        self.submit(Job { calls: vec![Call::new(requires, write)] })?;
        Ok(id)
    }

    /// As [`Store::add`]; returns how many were written, those that were skipped left out.
    fn add_counted(&self, records: Vec<Record>, on_conflict: OnConflict) -> Result<u64> {
        if records.is_empty() {
            self.check_writable()?;
            return Ok(0);
        }
        let records = records.into_iter().map(|record| Ok(NewRecord::new(record.validated()?)));
        let write = Write::add(Arc::new(records.collect::<Result<Vec<_>>>()?), on_conflict)?;
        Ok(self.submit(write.into())?.iter().map(Outcome::count).sum())
    }

    /// The records of these ids, `None` where there is none that the viewer may see, in the scope and below if one is given.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if several spaces have a record with one of the ids; [`Error::Closed`], [`Error::Busy`],
    /// [`Error::Corrupt`].
    pub fn get(
        &self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        viewer: &Viewer,
    ) -> Result<Vec<Option<Record>>> {
        self.snapshot_of_ids(ids, scope)?.by_ids(ids, scope, viewer)
    }

    /// Changes a record, whoever may see it, and returns what it is now.
    ///
    /// # Errors
    /// [`Error::RecordNotFound`]; [`Error::InvalidRecord`]; [`Error::Conflict`] if the record does not have the version that is
    /// required; otherwise as [`Store::add`].
    pub fn update(&self, id: &RecordId, changes: Fields, if_version: Option<i64>) -> Result<Record> {
        self.write_record(Write::Update { id: id.clone(), changes }, id, if_version)
    }

    /// Deletes the records that pass the filter and returns how many. Records that are selected by ids alone are deleted
    /// whoever may see them.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if the filter selects everything, and for a version without exactly one id; [`Error::Conflict`] if
    /// the record does not have the version that is required; otherwise as [`Store::add`].
    pub fn delete(&self, filter: &Filter, if_version: Option<i64>) -> Result<u64> {
        let call = Call::delete(filter.clone(), if_version)?;
        Ok(self.submit(Job { calls: vec![call] })?.iter().map(Outcome::count).sum())
    }

    /// A page of the records that pass the filter.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] for `after` in another order than by version; [`Error::Closed`], [`Error::Busy`],
    /// [`Error::Corrupt`].
    pub fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Record>> {
        if page.after.is_some() && page.order != Order::Written {
            return Err(Error::InvalidFilter("after needs order=\"written\"".into()));
        }
        if page.after.is_some() || matches!(page.order, Order::Written | Order::Updated) {
            self.one_space(filter.scope.as_ref(), "an order by version")?;
        }
        self.snapshot_of(filter.scope.as_ref())?.list(filter, page)
    }

    /// How many records pass the filter.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn count(&self, filter: &Filter) -> Result<u64> {
        self.snapshot_of(filter.scope.as_ref())?.count(filter)
    }

    /// The categories of the records that pass the filter with their counts, most frequent first, then by name.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>> {
        self.snapshot_of(filter.scope.as_ref())?.categories(filter)
    }

    /// The scopes that hold a visible record at or below them, sorted: the children of a scope, or all in it.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn scopes(&self, wanted: &Scopes, viewer: &Viewer) -> Result<Vec<Scope>> {
        self.snapshot_of(Some(&wanted.parent))?.scopes(wanted, viewer)
    }

    /// A summary of a scope and the scopes below it.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
        self.snapshot_of(Some(scope))?.scope_info(scope, viewer)
    }

    /// Sets `last_accessed` of these records to now, and their expiry if one is given. Returns how many of them exist, in the
    /// scope and below if one is given.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn touch(&self, ids: &[RecordId], scope: Option<Scope>, expires_at: Option<Micros>) -> Result<u64> {
        let job = Job::from(Write::touch(ids, scope, expires_at));
        Ok(self.submit(job)?.iter().map(Outcome::count).sum())
    }

    /// Deletes all records, or those in a scope and below, private ones included. Returns how many of them had not expired.
    /// `journals` deletes all journals too.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] for journals of a scope; otherwise as [`Store::add`].
    pub fn reset(&self, scope: Option<&Scope>, journals: bool) -> Result<u64> {
        self.check_writable()?;
        let within = scope.filter(|scope| **scope != Scope::root());
        if journals && within.is_some() {
            return Err(Error::InvalidFilter(
                "journals belong to no scope; reset them with the whole store".into(),
            ));
        }
        let everything = Filter { scope: within.cloned(), ..Filter::all() };
        let mut removed = 0;
        for path in self.paths(&everything, usize::MAX)? {
            let records = match within {
                Some(_) => Write::Delete(everything.clone()),
                None => Write::Reset,
            };
            let writes = [Some(records), journals.then_some(Write::ResetJournals)];
            let calls = writes.into_iter().flatten().map(|write| Call::new(None, Some(write)));
            let outcomes = self.space(&path)?.submit(Job { calls: calls.collect() })?;
            removed += outcomes.first().map_or(0, Outcome::count);
        }
        Ok(removed)
    }

    /// Deletes what has expired: the records of a scope if one is given, otherwise all records and entries of journals. Returns
    /// how many.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn purge(&self, scope: Option<&Scope>) -> Result<u64> {
        /// How many records one transaction deletes. Others may write between two transactions.
        const AT_ONCE: usize = 10_000;
        self.check_writable()?;
        let mut purged = 0;
        for path in self.paths(&Filter { scope: scope.cloned(), ..Filter::all() }, usize::MAX)? {
            let space = self.space(&path)?;
            loop {
                let write = Write::Purge { scope: scope.cloned(), limit: AT_ONCE };
                let some: u64 = space.submit(write.into())?.iter().map(Outcome::count).sum();
                purged += some;
                if some < AT_ONCE as u64 {
                    break;
                }
            }
        }
        Ok(purged)
    }

    /// Sizes and counters of the store, or of the space that holds `scope`. What is about indexes is of the spaces that are
    /// open. `disk_bytes` and connections are always those of the store.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if the scope is not inside one space; otherwise as [`Store::list`].
    pub fn stats(&self, scope: Option<&Scope>) -> Result<Stats> {
        let open = match scope {
            Some(_) => vec![self.space(&self.one_space(scope, "stats of a scope")?)?],
            None => self.open.all(),
        };
        for space in &open {
            self.check_open()?;
            space.catch_up()?;
        }
        let snapshot = self.snapshot_of(scope)?;
        let (records, terms) = (snapshot.count(&Filter::all())?, snapshot.totals()?.terms);
        let JournalTotals { journals, entries } = snapshot.journal_totals()?;
        drop(snapshot);
        let mut stats = Stats {
            path: self.path().to_owned(),
            records,
            terms,
            journals,
            entries,
            schema_version: self.spaces.schema_version(),
            disk_bytes: self.spaces.bytes(),
            connections: self.spaces.connections(),
            pool_size: self.options.pool_size,
            ..Stats::default()
        };
        open.iter().for_each(|space| space.add_to(&mut stats));
        Ok(stats)
    }

    /// Copies the store to `target` while it is in use. The copy appears when it is complete. `progress` counts pages.
    ///
    /// # Errors
    /// [`Error::Io`] if `target` is the store itself, [`Error::NotAStore`] if something else is there,
    /// [`Error::Interrupted`], [`Error::Io`]; [`Error::InvalidFilter`] for a store in a database.
    pub fn backup(&self, target: &Path, progress: &mut Progress<'_>) -> Result<()> {
        self.check_open()?;
        self.spaces.backup(target, progress)
    }

    /// Derives the full text and the index from the records again. Then returns the space that deleted records left in the
    /// file, if that is possible now. Returns how many records there are.
    ///
    /// # Errors
    /// [`Error::Interrupted`]: then nothing was changed, or whole spaces. Otherwise as [`Store::add`].
    pub fn rebuild(&self, progress: &mut Progress<'_>) -> Result<u64> {
        self.check_writable()?;
        if self.spaces.depth() == 0 {
            return self.space("/")?.rebuild(progress);
        }
        self.each_space(progress, |_, space, progress| space.rebuild(progress))
    }

    /// Compares everything that is derived with the records, and lets SQLite check the file. `progress` counts records. If an
    /// index file is damaged, the index is built again and the log says so, as in a search.
    ///
    /// # Errors
    /// [`Error::Interrupted`]. Damage is reported and raises no error, unless the store cannot be read at all.
    pub fn verify(&self, progress: &mut Progress<'_>) -> Result<Report> {
        self.check_open()?;
        if self.spaces.depth() == 0 {
            return self.space("/")?.verify(progress);
        }
        let mut problems = Vec::new();
        let records = self.each_space(progress, |path, space, progress| {
            let report = space.verify(progress)?;
            problems.extend(report.problems.into_iter().map(|problem| format!("space {path:?}: {problem}")));
            Ok(report.records)
        })?;
        Ok(Report { records, problems })
    }

    /// Works through the records of each space. `work` returns how many there are; its progress becomes that of the whole.
    fn each_space(
        &self,
        progress: &mut Progress<'_>,
        mut work: impl FnMut(&str, &Space, &mut Progress<'_>) -> Result<u64>,
    ) -> Result<u64> {
        let total = self.snapshot_of(None)?.totals()?.records;
        let mut done = 0;
        for path in self.paths(&Filter::all(), usize::MAX)? {
            done += work(&path, &*self.space(&path)?, &mut |some, _| progress(done + some, total))?;
            if !progress(done, total) {
                return Err(Error::Interrupted { done });
            }
        }
        Ok(done)
    }

    /// Writes indexes to disk if that pays, and closes the store. Later calls fail with [`Error::Closed`]. A second close
    /// does nothing.
    ///
    /// # Errors
    /// None at present: an index that cannot be written is derived again when the store is opened.
    pub fn close(&self) -> Result<()> {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.open.all().iter().for_each(|space| space.close());
        }
        Ok(())
    }

    /// True if the store is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed() { Err(Error::Closed(self.path().to_owned())) } else { Ok(()) }
    }

    fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        if self.options.read_only { Err(Error::ReadOnly(self.path().to_owned())) } else { Ok(()) }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            log::warn!("closing {:?}: {error}", self.path());
        }
    }
}
