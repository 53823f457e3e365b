//! The one error type of the core.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What can go wrong, in words that a user can act on. Cloneable, because all writers of one transaction may get the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A record breaks a rule; nothing was written.
    #[error("invalid record: {0}")]
    InvalidRecord(String),
    /// A filter, limit or other argument of a read breaks a rule.
    #[error("invalid filter: {0}")]
    InvalidFilter(String),
    /// `add` was given an id that the store holds already.
    #[error("a record with id {0:?} exists already; use put() to replace it")]
    DuplicateId(String),
    /// The record named by an update is not there.
    #[error("no record has the id {0:?}")]
    RecordNotFound(String),
    /// A vector's length is not the length that the store holds.
    #[error(
        "the vector has {found} dimensions, but this store holds vectors of {expected}; \
         embed with the model that the store was filled with, or start a new store"
    )]
    DimensionMismatch {
        /// Dimensions of the vectors in the store.
        expected: usize,
        /// Dimensions of the vector that was given.
        found: usize,
    },
    /// The store was used after `close`.
    #[error("the store is closed; open it again with agentmem.open({0:?})")]
    Closed(PathBuf),
    /// A lock was held, or the pool exhausted, for longer than the busy timeout.
    #[error("{what} stayed busy for {waited:.1?}; try again, or raise busy_timeout")]
    Busy {
        /// What was waited for.
        what: &'static str,
        /// The configured patience.
        waited: Duration,
    },
    /// A write to a store that cannot be written.
    #[error("the store {0:?} is read-only")]
    ReadOnly(PathBuf),
    /// The file is a store, but damaged.
    #[error(
        "the store {path:?} is damaged: {detail}; restore a backup, or try to save the other records with export(skip_damaged=True)"
    )]
    Corrupt {
        /// The store's file.
        path: PathBuf,
        /// What SQLite or the check said.
        detail: String,
    },
    /// A newer agentmem wrote the file.
    #[error(
        "{path:?} has schema version {found}, newer than the {supported} that this agentmem knows; \
         upgrade agentmem to open it"
    )]
    SchemaTooNew {
        /// The store's file.
        path: PathBuf,
        /// Schema version in the file.
        found: u32,
        /// Newest schema version known here.
        supported: u32,
    },
    /// An older agentmem wrote the file, and it was opened for reading alone.
    #[error(
        "{path:?} has schema version {found}, and reading needs {latest}; open it once without read_only, \
         or run `agentmem migrate`"
    )]
    SchemaTooOld {
        /// The store's file.
        path: PathBuf,
        /// Schema version in the file.
        found: u32,
        /// Schema version that is read here.
        latest: u32,
    },
    /// The file is something else; it was left untouched.
    #[error("{path:?} is not an agentmem store: {detail}; it was left untouched")]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        detail: String,
    },
    /// The file system refused.
    #[error("{path:?}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The caller asked a long operation to stop; what was committed stays.
    #[error("interrupted after {done} records")]
    Interrupted {
        /// Records that are safe.
        done: u64,
    },
    /// The database failed for a reason that no other variant names. The backend knows the type inside.
    #[error("the database failed: {0}")]
    Backend(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// Shorthand for results of the core.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Backend`].
    pub fn backend(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Backend(Arc::new(source))
    }

    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source: Arc::new(source) }
    }
}
