//! Schema versions, of files and of databases.

use std::path::Path;

#[cfg(feature = "postgres")]
use super::postgres::migrate as database;
use super::sqlite;
use crate::error::{Error, Result};

/// The schema version of a store, and the migrations that it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its version; 0 if there is no store.
    pub current: u32,
    /// The newest version.
    pub latest: u32,
    /// Version and name of each migration that it lacks.
    pub pending: Vec<(u32, &'static str)>,
}

/// How to make a store in a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// How many parts of a scope name a space; that of the store if it exists, otherwise 1.
    pub space_depth: Option<u32>,
    /// How many partitions each table has; those of the store if it exists, otherwise 64.
    pub partitions: Option<u32>,
}

/// The schema version of the store at a path or a URL. Changes nothing.
///
/// # Errors
/// [`Error::NotAStore`], [`Error::SchemaTooNew`], [`Error::Io`].
pub fn status(path: &Path) -> Result<Status> {
    if super::is_url(path) { database::status(path) } else { sqlite::migrate::status(path) }
}

/// Makes the tables of a store in a database, or brings them to the newest schema, in one transaction. Returns the state before.
///
/// # Errors
/// [`Error::InvalidFilter`] for a path, which needs no such call, and for a plan that is impossible or that the store does not
/// fit; otherwise as [`status`].
pub fn migrate(path: &Path, plan: Plan) -> Result<Status> {
    if super::is_url(path) {
        return database::migrate(path, plan);
    }
    Err(Error::InvalidFilter(format!(
        "{path:?} is no URL of a database; a file is migrated when it is opened"
    )))
}

#[cfg(not(feature = "postgres"))]
mod database {
    use super::*;

    pub fn status(_: &Path) -> Result<Status> {
        Err(crate::backend::no_databases())
    }

    pub fn migrate(_: &Path, _: Plan) -> Result<Status> {
        Err(crate::backend::no_databases())
    }
}
