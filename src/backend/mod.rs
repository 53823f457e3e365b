//! What a store keeps, and where it keeps it.
//!
//! The traits [`Backend`] and [`Snapshot`] say what is kept: records, the change feed, the manifest of index files, and
//! a few totals. [`sqlite`] keeps it in an SQLite file and is the only place with SQL. Nothing outside a backend sees a
//! connection, a statement or a database error: errors leave a backend as [`crate::Error`], already explained.
//!
//! - [`snapshot`]: reading records; [`journals`]: reading journals. [`feed`]: what was added and deleted since a position;
//!   [`change_log`]: the same for users. [`manifest`]: which index files are valid.
//! - [`mod@write`]: writes as data, which [`Execute`] takes.
//! - [`settings`]: how to open a store. [`counters`]: for `stats()`. [`checksum`]: noticing damage. `opening_thread`: the thread
//!   of all pools.

pub mod change_log;
pub mod checksum;
pub mod counters;
pub mod feed;
pub mod journals;
pub mod manifest;
mod opening_thread;
pub mod settings;
pub mod snapshot;
pub mod sqlite;
pub mod write;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use counters::Counters;
use manifest::IndexFile;
use settings::Settings;
use write::{Job, JobResult};

pub use snapshot::{FullText, Snapshot};

/// Reports how far a long operation has come, as done and total. Returning false stops the operation.
pub type Progress<'a> = dyn FnMut(u64, u64) -> bool + 'a;

/// Opens a store, and creates or migrates its file if necessary.
///
/// # Errors
/// [`crate::Error::NotAStore`] and [`crate::Error::SchemaTooNew`], the file untouched; [`crate::Error::ReadOnly`],
/// [`crate::Error::Busy`], [`crate::Error::Corrupt`], [`crate::Error::Io`].
pub fn open(settings: &Settings) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(sqlite::Sqlite::open(settings)?))
}

/// Executes writes.
pub trait Execute: Debug + Send + Sync {
    /// Waits for the write lock until `lock_until`. Then takes jobs from `next` until it returns `None`, or some
    /// milliseconds have passed, and commits them in one transaction until `deadline`. Returns the result of each job in
    /// the order in which they were taken. A job that fails leaves nothing behind and does not keep the others from
    /// being committed.
    ///
    /// # Errors
    /// [`crate::Error::Busy`] and [`crate::Error::ReadOnly`] before a job was taken. After an error none of the jobs that
    /// were taken is committed.
    fn execute(
        &self,
        lock_until: Instant,
        deadline: Instant,
        next: &mut dyn FnMut() -> Option<Arc<Job>>,
    ) -> Result<Vec<JobResult>>;

    /// How long to wait for locks and for a free connection.
    fn timeout(&self) -> Duration;

    /// What happened since the store was opened.
    fn counters(&self) -> &Counters;
}

/// Where one store is kept. Many threads may use it at once.
pub trait Backend: Execute {
    /// What names the store in messages: its path, absolute.
    fn path(&self) -> &Path;

    /// Identifies what the backend reads, whatever path leads to it: backends with the same identity share an index.
    fn identity(&self) -> &str;

    /// The version of the schema.
    fn schema_version(&self) -> u32;

    /// The folder of the index files on this machine.
    fn index_folder(&self) -> &Path;

    /// True if the store cannot be written.
    fn is_read_only(&self) -> bool;

    /// How many connections for reading are open, and how many of those are idle.
    fn connections(&self) -> (u32, u32);

    /// Bytes that the store takes, index files left out.
    fn bytes(&self) -> u64;

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

    /// Replaces the manifest if it still is `expected`; false if it is not. Deletions that no index file needs any more
    /// leave the change feed.
    ///
    /// # Errors
    /// [`crate::Error::ReadOnly`], [`crate::Error::Busy`], [`crate::Error::Io`].
    fn replace_manifest(&self, expected: &[IndexFile], new: &[IndexFile]) -> Result<bool>;

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

    /// Copies the store to `target` while it is in use. The copy appears under its name when it is complete.
    /// `progress` counts pages.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if `target` is the store itself or cannot be written, [`crate::Error::NotAStore`] if something
    /// else is there, [`crate::Error::Interrupted`].
    fn backup(&self, target: &Path, progress: &mut Progress<'_>) -> Result<()>;
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
