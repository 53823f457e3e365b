//! Which backend keeps a store: a path names a file, a URL a database.

use std::path::Path;
use std::sync::Arc;

use super::Spaces;
use super::migration::{Plan, Status};
#[cfg(feature = "postgres")]
use super::postgres::{Databases, migrate as database};
use super::settings::Settings;
use super::sqlite::{self, Sqlite};
use crate::error::{Error, Result};

/// True if a store of this name is in a database.
fn is_url(path: &Path) -> bool {
    let text = path.to_str().unwrap_or_default();
    text.starts_with("postgresql://") || text.starts_with("postgres://")
}

/// Opens a store, and creates or migrates its file if necessary.
///
/// # Errors
/// [`Error::NotAStore`] and [`Error::SchemaTooNew`], the file untouched; [`Error::ReadOnly`],
/// [`Error::Busy`], [`Error::Corrupt`], [`Error::Io`].
pub fn open(settings: &Settings) -> Result<Arc<dyn Spaces>> {
    if is_url(&settings.path) { open_database(settings) } else { Ok(Arc::new(Sqlite::open(settings)?)) }
}

#[cfg(feature = "postgres")]
fn open_database(settings: &Settings) -> Result<Arc<dyn Spaces>> {
    Ok(Arc::new(Databases::open(settings)?))
}

#[cfg(not(feature = "postgres"))]
fn open_database(_: &Settings) -> Result<Arc<dyn Spaces>> {
    Err(no_databases())
}

/// The error for a URL where PostgreSQL is left out.
#[cfg(not(feature = "postgres"))]
fn no_databases() -> Error {
    Error::InvalidFilter("this build of agentmem is without PostgreSQL (its feature `postgres`)".into())
}

/// The schema version of the store at a path or a URL. Changes nothing.
///
/// # Errors
/// [`Error::NotAStore`], [`Error::SchemaTooNew`], [`Error::Io`].
pub fn status(path: &Path) -> Result<Status> {
    if is_url(path) { database::status(path) } else { sqlite::migrate::status(path) }
}

/// Makes the tables of a store in a database, or brings them to the newest schema, in one transaction. Returns the state before.
///
/// # Errors
/// [`Error::InvalidFilter`] for a path, which needs no such call, and for a plan that is impossible or that the store does not
/// fit; otherwise as [`status`].
pub fn migrate(path: &Path, plan: Plan) -> Result<Status> {
    if is_url(path) {
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
        Err(no_databases())
    }

    pub fn migrate(_: &Path, _: Plan) -> Result<Status> {
        Err(no_databases())
    }
}
