//! From the errors of PostgreSQL to what a user can act on.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::error::{Error, Result};

/// A value in a row that this program never wrote so.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::backend(error)
    }
}

/// The error for a value that agentmem did not write.
pub fn unreadable(what: impl Into<String>) -> Error {
    Error::backend(Unreadable(what.into()))
}

/// The error of PostgreSQL inside an [`Error::Backend`].
pub fn postgres_error(error: &Error) -> Option<&tokio_postgres::Error> {
    let Error::Backend(source) = error else { return None };
    source.downcast_ref()
}

/// True if the connection is gone.
pub fn is_disconnected(error: &tokio_postgres::Error) -> bool {
    let io = || error.source().is_some_and(|source| source.is::<io::Error>());
    match error.code() {
        None => error.is_closed() || io(),
        Some(code) => [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW]
            .iter()
            .chain(&[SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT])
            .any(|gone| gone == code),
    }
}

/// True if a statement was not run, because the session of the server is not the one where it was prepared.
pub fn is_of_another_session(error: &tokio_postgres::Error) -> bool {
    let codes = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT];
    error.code().is_some_and(|code| codes.contains(code))
}

/// Says what an error means for the store that is shown as `name`; other errors pass.
pub fn explain(error: Error, name: &Path, timeout: Duration) -> Error {
    if let Error::Backend(source) = &error
        && let Some(Unreadable(detail)) = source.downcast_ref()
    {
        return Error::Corrupt { path: name.into(), detail: detail.clone() };
    }
    let Some(postgres) = postgres_error(&error) else { return error };
    let io = |kind, text: String| Error::io(name, io::Error::new(kind, text));
    let Some(database) = postgres.as_db_error() else {
        let text = message(postgres);
        return if text.starts_with("error connecting") {
            io(io::ErrorKind::ConnectionRefused, text)
        } else if text.starts_with("error performing TLS handshake") {
            io(
                io::ErrorKind::ConnectionRefused,
                format!("{text}; `sslmode` says what is required of the server"),
            )
        } else if text.ends_with("password missing") {
            let why = "the server asks for a password: give it in the URL, in PGPASSWORD or in ~/.pgpass, which must \
                       have mode 0600";
            io(io::ErrorKind::PermissionDenied, why.to_owned())
        } else if is_disconnected(postgres) {
            io(io::ErrorKind::ConnectionAborted, format!("the connection was lost: {text}"))
        } else {
            Error::backend(io::Error::other(text))
        };
    };
    let text = message(postgres);
    let busy = |what| Error::Busy { what, waited: timeout };
    match database.code() {
        code if *code == SqlState::LOCK_NOT_AVAILABLE => busy("the lock of another write"),
        code if *code == SqlState::QUERY_CANCELED => busy("a statement of the database, which was canceled,"),
        code if *code == SqlState::TOO_MANY_CONNECTIONS => busy("every connection of the server"),
        code if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED => {
            busy("the database")
        }
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Error::ReadOnly(name.into()),
        code if *code == SqlState::DISK_FULL => io(io::ErrorKind::StorageFull, text),
        code if *code == SqlState::OUT_OF_MEMORY => io(io::ErrorKind::OutOfMemory, text),
        code if *code == SqlState::UNDEFINED_TABLE => Error::NotAStore {
            path: name.into(),
            detail: format!("{text}; `agentmem migrate {}` makes its tables", name.display()),
        },
        code if *code == SqlState::UNDEFINED_COLUMN || *code == SqlState::DUPLICATE_TABLE => {
            let detail = format!("{text}; a table has the name of one of agentmem's, so use another schema");
            Error::NotAStore { path: name.into(), detail }
        }
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE
            || *code == SqlState::INVALID_PASSWORD
            || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
        {
            io(io::ErrorKind::PermissionDenied, text)
        }
        code if *code == SqlState::INVALID_CATALOG_NAME => io(io::ErrorKind::NotFound, text),
        code if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => {
            Error::Corrupt { path: name.into(), detail: text }
        }
        code if *code == SqlState::PROGRAM_LIMIT_EXCEEDED => {
            Error::InvalidRecord(format!("too big for PostgreSQL: {text}"))
        }
        _ if is_disconnected(postgres) => io(io::ErrorKind::ConnectionAborted, text),
        _ => Error::backend(io::Error::other(text)),
    }
}

/// What an error says, with its cause.
pub fn message(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) if error.as_db_error().is_none() => format!("{error}: {source}").replace(": : ", ": "),
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// [`message`] of an error that has not been explained.
pub fn unexplained_message(error: &Error) -> String {
    match error {
        Error::Backend(source) => match source.downcast_ref::<Unreadable>() {
            Some(Unreadable(what)) => what.clone(),
            None => postgres_error(error).map_or_else(|| error.to_string(), message),
        },
        other => other.to_string(),
    }
}

/// [`explain`] for results.
pub trait Explained {
    /// The same result with its error explained.
    #[must_use]
    fn explained(self, name: &Path, timeout: Duration) -> Self;
}

impl<T> Explained for Result<T> {
    fn explained(self, name: &Path, timeout: Duration) -> Self {
        self.map_err(|error| explain(error, name, timeout))
    }
}
