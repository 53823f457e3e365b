//! The error type of the core.

use std::fmt;
use std::path::{Path, PathBuf};
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
    /// A record that was to be added has an id that is in use.
    #[error("the id {0:?} is in use; replace that record with put(), or choose another id")]
    DuplicateId(String),
    /// The record to update does not exist.
    #[error("no record has the id {0:?}")]
    RecordNotFound(String),
    /// A compare-and-set found another version than it expects; nothing was written.
    #[error("{what} {} {found}, not {expected}; read it again and retry", what.has())]
    Conflict {
        /// What was to be changed.
        what: Conflict,
        /// The version or number that was expected; 0 for none.
        expected: i64,
        /// The one that is there; 0 for none.
        found: i64,
    },
    /// A vector does not have as many dimensions as the vectors in the store.
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
    /// The vectors in the store are those of another embedder.
    #[error(
        "the embedder is {found:?}, but this store holds vectors of {expected:?}; \
         embed with the model that the store was filled with, or start a new store"
    )]
    EmbedderMismatch {
        /// The name of the embedder whose vectors the store holds.
        expected: String,
        /// The name of the embedder that was used.
        found: String,
    },
    /// The store was used after `close`.
    #[error("the store is closed; open it again with agentmem.open({0:?})")]
    Closed(PathBuf),
    /// A lock was held, or all connections were in use, for longer than the busy timeout.
    #[error("{what} stayed busy for {waited:.1?}; try again, or raise busy_timeout")]
    Busy {
        /// What was waited for.
        what: &'static str,
        /// The busy timeout.
        waited: Duration,
    },
    /// The store cannot be written.
    #[error("the store {0:?} is read-only")]
    ReadOnly(PathBuf),
    /// The file is a store, but it is damaged.
    #[error(
        "the store {path:?} is damaged: {detail}; restore a backup, or try to save the other records with export(skip_damaged=True)"
    )]
    Corrupt {
        /// The store's file.
        path: PathBuf,
        /// What is damaged, as the database or a check reports it.
        detail: String,
    },
    /// The file was written by a newer agentmem.
    #[error(
        "{path:?} has schema version {found}, newer than the {supported} that this agentmem knows; \
         upgrade agentmem to open it"
    )]
    SchemaTooNew {
        /// The store's file.
        path: PathBuf,
        /// Schema version in the file.
        found: u32,
        /// The newest schema version that this agentmem knows.
        supported: u32,
    },
    /// The file was written by an older agentmem, and is opened read-only, so that it cannot be migrated.
    #[error(
        "{path:?} has schema version {found}, and reading needs {latest}; open it once without read_only, \
         or run `agentmem migrate`"
    )]
    SchemaTooOld {
        /// The store's file.
        path: PathBuf,
        /// Schema version in the file.
        found: u32,
        /// The schema version that this agentmem reads.
        latest: u32,
    },
    /// The file is not a store; it was left untouched.
    #[error("{path:?} is not an agentmem store: {detail}; it was left untouched")]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        detail: String,
    },
    /// The file system reported an error.
    #[error("{path:?}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The caller stopped a long operation; what was committed stays.
    #[error("interrupted after {done} records")]
    Interrupted {
        /// Records that are committed.
        done: u64,
    },
    /// The database failed for a reason that no other variant names. The backend knows the type inside.
    #[error("the database failed: {0}")]
    Backend(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// What a compare-and-set is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// The record with this id.
    Record(String),
    /// The newest entry of a journal's log, or the entry of a key of its map.
    Journal {
        /// The journal's name.
        name: String,
        /// The key; `None` for the log.
        key: Option<String>,
    },
}

impl Conflict {
    /// What comes before the number that is there.
    fn has(&self) -> &'static str {
        match self {
            Self::Record(_) => "has version",
            Self::Journal { key: None, .. } => "ends with number",
            Self::Journal { key: Some(_), .. } => "has number",
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(id) => write!(f, "the record {id:?}"),
            Self::Journal { name, key: None } => write!(f, "the log of journal {name:?}"),
            Self::Journal { name, key: Some(key) } => write!(f, "the key {key:?} of journal {name:?}"),
        }
    }
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

    /// This error, with the path `to` where it names `from`: another path of the same store.
    #[must_use]
    pub(crate) fn renamed(mut self, from: &Path, to: &Path) -> Self {
        let (Self::Closed(path)
        | Self::ReadOnly(path)
        | Self::Corrupt { path, .. }
        | Self::SchemaTooNew { path, .. }
        | Self::SchemaTooOld { path, .. }
        | Self::NotAStore { path, .. }
        | Self::Io { path, .. }) = &mut self
        else {
            return self;
        };
        if path == from {
            *path = to.to_owned();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_says_what_kind_of_number_it_found() {
        let journal = |key: Option<&str>| Conflict::Journal { name: "j".into(), key: key.map(str::to_owned) };
        for (what, message) in [
            (Conflict::Record("r".into()), r#"the record "r" has version 7, not 5"#),
            (journal(None), r#"the log of journal "j" ends with number 7, not 5"#),
            (journal(Some("k")), r#"the key "k" of journal "j" has number 7, not 5"#),
        ] {
            let error = Error::Conflict { what, expected: 5, found: 7 };
            assert_eq!(error.to_string(), format!("{message}; read it again and retry"));
        }
    }
}
