//! From SQLite's error codes to what a user can act on.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::error::{Error, Result};

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::backend(error)
    }
}

/// SQLite's own error inside an [`Error::Backend`].
pub(super) fn sqlite_error(error: &Error) -> Option<&rusqlite::Error> {
    let Error::Backend(source) = error else { return None };
    source.downcast_ref()
}

/// Says what an error of SQLite means for the store at `path`; other errors pass.
pub fn explain(error: Error, path: &Path, timeout: Duration) -> Error {
    let Some(sqlite) = sqlite_error(&error) else { return error };
    if is_unreadable(sqlite) {
        return Error::Corrupt { path: path.into(), detail: message(sqlite) };
    }
    let rusqlite::Error::SqliteFailure(failure, detail) = sqlite else { return error };
    let detail = detail.clone().unwrap_or_else(|| failure.to_string());
    // The statements are right and keep to the constraints, so it is what they find that is wrong: the schema, say, or
    // a table of the full text.
    if failure.extended_code == rusqlite::ffi::SQLITE_ERROR || failure.code == ErrorCode::ConstraintViolation
    {
        return Error::Corrupt { path: path.into(), detail };
    }
    let io = |kind| Error::io(path, io::Error::new(kind, detail.clone()));
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            Error::Busy { what: "the store's file", waited: timeout }
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Error::ReadOnly(path.into()),
        ErrorCode::CannotOpen => Error::io(path, why_not_opened(path)),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt { path: path.into(), detail },
        ErrorCode::OperationInterrupted => Error::Interrupted { done: 0 },
        ErrorCode::DiskFull => io(io::ErrorKind::StorageFull),
        ErrorCode::OutOfMemory => io(io::ErrorKind::OutOfMemory),
        // The file may be gone: that says more than "disk I/O error".
        ErrorCode::SystemIoFailure => match fs::metadata(path) {
            Err(gone) => Error::io(path, gone),
            Ok(_) => io(io::ErrorKind::Other),
        },
        ErrorCode::TooBig => Error::InvalidRecord(format!("too big for SQLite: {detail}")),
        _ => error,
    }
}

/// What an error says, without what only SQLite's users know of.
pub fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, why) => why.to_string(),
        other => other.to_string(),
    }
}

/// [`message`] of an error that has not been explained.
pub fn unexplained_message(error: &Error) -> String {
    sqlite_error(error).map_or_else(|| error.to_string(), message)
}

/// A value in a row that this program never wrote so, or a schema that its statements do not fit.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as Sqlite;
    matches!(
        error,
        Sqlite::FromSqlConversionFailure(..)
            | Sqlite::IntegralValueOutOfRange(..)
            | Sqlite::InvalidColumnType(..)
            | Sqlite::SqlInputError { .. }
            | Sqlite::Utf8Error(..)
    )
}

/// SQLite keeps the system's reason to itself: ask the system again, but never open the file, see [`identify`].
///
/// [`identify`]: super::identify::identify
fn why_not_opened(path: &Path) -> io::Error {
    let folder = path.parent().unwrap_or(path);
    let reason = fs::metadata(path).map(drop).and_then(|()| File::open(folder).map(drop));
    reason.err().unwrap_or_else(|| {
        io::Error::new(
            io::ErrorKind::PermissionDenied,
            "SQLite cannot open the file, or the -wal and -shm files beside it; check the permissions of file and folder",
        )
    })
}

/// [`explain`] for results.
pub trait Explained {
    /// The same result with its error explained.
    #[must_use]
    fn explained(self, path: &Path, timeout: Duration) -> Self;
}

impl<T> Explained for Result<T> {
    fn explained(self, path: &Path, timeout: Duration) -> Self {
        self.map_err(|error| explain(error, path, timeout))
    }
}
