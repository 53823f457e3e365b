//! What a store keeps, and where it keeps it.
//!
//! A store has one space or many ([`Spaces`]). The traits [`Backend`] and [`Snapshot`] say what is kept of a space: records,
//! journals, the change feed, the manifest of index files, and a few totals. [`sqlite`] keeps one space in a file, `postgres` keeps
//! many in a database. Only they have SQL. Nothing outside a backend sees a connection, a statement or a database error: errors
//! leave a backend as [`crate::Error`], already explained.
//!
//! - [`snapshot`]: reading records, and texts within a [`budget`]; [`journals`]: reading journals. [`feed`]: what was added and
//!   deleted since a position; [`change_log`]: the same for users. [`manifest`]: which index files are valid.
//! - [`mod@write`]: writes as data, which [`Execute`] takes; `writer`: executes them in a `write_transaction` of any backend.
//! - [`dispatch`]: opens the backend of a path or URL. [`settings`]: how to open a store. [`migration`]: schema versions.
//!   [`counters`]: for `stats()`. `connections`: a pool of connections; `opening_thread`: the thread of all pools.
//! - What backends share: [`checksum`], `encoding`, `numbers`, `comparable`, `row_filter` and `facets`.

pub mod budget;
pub mod change_log;
pub mod checksum;
mod comparable;
mod connections;
pub mod counters;
pub mod dispatch;
mod encoding;
mod facets;
pub mod feed;
pub mod journals;
pub mod manifest;
pub mod migration;
mod numbers;
mod opening_thread;
#[cfg(feature = "postgres")]
pub mod postgres;
mod row_filter;
pub mod settings;
pub mod snapshot;
pub mod sqlite;
pub mod write;
mod write_transaction;
mod writer;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::record::{RecordId, Scope};
use counters::Counters;
use feed::Position;
use manifest::IndexFile;
use write::{Job, JobResult};

pub use snapshot::{FullText, Snapshot};

/// Reports how far a long operation has come, as done and total. Returning false stops the operation.
pub type Progress<'a> = dyn FnMut(u64, u64) -> bool + 'a;

/// A store as it is kept: one space, or many. A space is what one [`Backend`] keeps; the first parts of a scope name it.
pub trait Spaces: Debug + Send + Sync {
    /// What names the store in messages: its path, absolute, or its URL without a password.
    fn name(&self) -> &Path;

    /// How many parts of a scope name a space; 0 if there is one space for all.
    fn depth(&self) -> usize;

    /// The backend of a space. It need not exist yet.
    ///
    /// # Errors
    /// As [`Backend::snapshot`].
    fn space(&self, path: &str) -> Result<Arc<dyn Backend>>;

    /// Begins reading a space, or all of them. What depends on numbers of records cannot be read of all.
    ///
    /// # Errors
    /// As [`Backend::snapshot`].
    fn snapshot(&self, space: Option<&str>) -> Result<Box<dyn Snapshot + '_>>;

    /// The paths of at most `limit` spaces whose scopes are in `scope` or below, sorted.
    ///
    /// # Errors
    /// As [`Backend::snapshot`].
    fn paths(&self, scope: &Scope, limit: usize) -> Result<Vec<String>>;

    /// Where records with these ids are, in a scope and below if one is given: each id with the path of a space that has it.
    ///
    /// # Errors
    /// As [`Backend::snapshot`].
    fn places_of(&self, ids: &[RecordId], scope: Option<&Scope>) -> Result<Vec<(RecordId, String)>>;

    /// The version of the schema.
    fn schema_version(&self) -> u32;

    /// How many connections for reading are open, and how many of those are idle.
    fn connections(&self) -> (u32, u32);

    /// Bytes that the store takes, index files left out.
    fn bytes(&self) -> u64;

    /// Copies the store to `target` while it is in use. The copy appears under its name when it is complete.
    /// `progress` counts pages.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if `target` is the store itself or cannot be written, [`crate::Error::NotAStore`] if something
    /// else is there, [`crate::Error::Interrupted`]; [`crate::Error::InvalidFilter`] for a database.
    fn backup(&self, target: &Path, progress: &mut Progress<'_>) -> Result<()>;
}

/// Executes writes.
pub trait Execute: Debug + Send + Sync {
    /// Waits for the write lock until `lock_until`. Takes jobs from `next` until it returns `None`, or some milliseconds have
    /// passed, and commits them in one transaction until `deadline`. Returns the result of each job in the order in which
    /// they were taken. A job that fails leaves nothing behind and does not keep the others from being committed.
    ///
    /// # Errors
    /// After an error none of the jobs that were taken is committed. After [`crate::Error::Busy`], they may be executed again.
    fn execute(
        &self,
        lock_until: Instant,
        deadline: Instant,
        next: &mut dyn FnMut() -> Option<Arc<Job>>,
    ) -> Result<Vec<JobResult>>;

    /// What names the store in messages, as [`Spaces::name`].
    fn path(&self) -> &Path;

    /// The name of the queue of its jobs. Backends of one process with one name execute each other's jobs: the same changes, kept
    /// as durably.
    fn queue(&self) -> Option<String> {
        None
    }

    /// How long to wait for locks and for a free connection.
    fn timeout(&self) -> Duration;

    /// What happened since the store was opened.
    fn counters(&self) -> &Counters;
}

/// One space as it is kept. Many threads may use it at once.
pub trait Backend: Execute {
    /// Identifies what the backend reads, whatever path leads to it: backends with the same identity share an index.
    fn identity(&self) -> &str;

    /// The folder of the index files on this machine.
    fn index_folder(&self) -> &Path;

    /// A memtable of so many records is written as an index file.
    fn segment_records(&self) -> u32;

    /// Makes an index file at `path` available to other machines, if there are any.
    ///
    /// # Errors
    /// [`crate::Error::Busy`], [`crate::Error::Io`].
    fn store_index_file(&self, name: &str, path: &Path) -> Result<()> {
        let _ = (name, path);
        Ok(())
    }

    /// Writes an index file of another machine to `target`, where it appears when it is complete. False if there is none, or if
    /// it is damaged.
    ///
    /// # Errors
    /// As [`Backend::store_index_file`].
    fn fetch_index_file(&self, file: &IndexFile, target: &Path) -> Result<bool> {
        let _ = (file, target);
        Ok(false)
    }

    /// Makes an index file unavailable to other machines.
    ///
    /// # Errors
    /// As [`Backend::store_index_file`].
    fn remove_index_file(&self, name: &str) -> Result<()> {
        let _ = name;
        Ok(())
    }

    /// Removes what [`Backend::store_index_file`] stored of files that the manifest does not name, and that nobody can be using.
    ///
    /// # Errors
    /// As [`Backend::store_index_file`].
    fn sweep_index_files(&self) -> Result<()> {
        Ok(())
    }

    /// How many records may be written before the index takes them in without a search that needs it.
    fn may_lag(&self) -> usize {
        0
    }

    /// True if the store cannot be written.
    fn is_read_only(&self) -> bool;

    /// Begins reading. A snapshot shows the store in one state. It uses a connection of the pool until it is dropped.
    ///
    /// # Errors
    /// [`crate::Error::Busy`] if no connection becomes free in time, [`crate::Error::Io`] if none can be opened.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>>;

    /// Opens a watch on the store, which notices commits.
    ///
    /// # Errors
    /// As [`Backend::snapshot`].
    fn watch(&self) -> Result<Box<dyn Watch>>;

    /// Replaces the manifest if it still is `expected`, and if what the writer's index read up to `position` was not lost;
    /// false if not. Deletions that no index file needs any more leave the change feed.
    ///
    /// # Errors
    /// [`crate::Error::ReadOnly`], [`crate::Error::Busy`], [`crate::Error::Io`].
    fn replace_manifest(&self, position: Position, expected: &[IndexFile], new: &[IndexFile])
    -> Result<bool>;

    /// Empties the manifest: no index file is valid any more.
    ///
    /// # Errors
    /// As [`Backend::replace_manifest`].
    fn clear_manifest(&self) -> Result<()>;

    /// Fills the full text, the totals and the checksums from the records again, and empties the manifest, in one
    /// transaction. Waits for the write lock until `lock_until`. Returns how many records there are, and the files that
    /// the manifest named. `progress` counts records.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] when `progress` says so, or the user: nothing is changed then. Otherwise as
    /// [`Backend::replace_manifest`].
    fn rebuild(
        &self,
        lock_until: Instant,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) -> Result<(u64, Vec<IndexFile>)>;

    /// Returns the space that deleted records left.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`]; [`crate::Error::Busy`]; [`crate::Error::Io`], if there is no space for a copy among
    /// others. The store stays as it was.
    fn compact(&self) -> Result<()>;
}

/// Notices commits to a store, by any thread or process.
pub trait Watch: Debug + Send {
    /// True if anything was committed since the last call, and at the first call.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    fn moved(&mut self) -> Result<bool>;

    /// Makes the next [`Watch::moved`] return true, because the change could not be followed.
    fn forget(&mut self);
}
