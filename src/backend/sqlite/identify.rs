//! Finds out what a file is, without changing it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::sqlite_error::explain;
use crate::error::{Error, Result};
use crate::files::beside;

/// "AGM1": the mark of a store in SQLite's `application_id`.
pub const APPLICATION_ID: i32 = 0x4147_4D31;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No file.
    Nothing,
    /// An empty file; or one that SQLite will make empty, because the machine stopped during its first commit.
    Empty,
    /// A store whose header names this schema version.
    Store(u32),
}

/// Reads only the file's header.
///
/// SQLite reads the header as that of an immutable file, so it takes no locks and creates no files. This function does not
/// open the file itself: closing it would drop the POSIX locks of all connections of this process, see
/// <https://www.sqlite.org/howtocorrupt.html>, 2.2.
///
/// # Errors
/// [`Error::NotAStore`] if the file is not a store, [`Error::Io`] if it cannot be read.
pub fn identify(path: &Path) -> Result<Found> {
    let foreign = |detail: &str| Error::NotAStore { path: path.into(), detail: detail.into() };
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(Error::io(path, error)),
        Ok(metadata) if metadata.is_dir() => return Err(foreign("it is a folder")),
        Ok(metadata) if !metadata.is_file() => return Err(foreign("it is not a regular file")),
        Ok(metadata) if metadata.len() == 0 => return Ok(Found::Empty),
        Ok(_) => {}
    }
    match header(path) {
        Ok((APPLICATION_ID, version)) => Ok(Found::Store(version)),
        _ if was_empty(path) => Ok(Found::Empty),
        Ok(_) => Err(foreign("it is an SQLite database of another program")),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(foreign("it is not an SQLite database"))
        }
        Err(error) => Err(explain(error.into(), path, Duration::ZERO)),
    }
}

fn header(path: &Path) -> rusqlite::Result<(i32, u32)> {
    let conn = Connection::open_with_flags(immutable_uri(path), immutable_flags())?;
    // During a checkpoint, and after one that was interrupted, the header may count pages that are not in the file yet.
    // SQLite reports that as damage, except in this mode.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    let owner = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((owner, version))
}

/// True if the machine stopped during the first commit. The rollback journal then says that the file had no pages, and
/// SQLite restores that when it opens the file. See <https://www.sqlite.org/fileformat2.html#the_rollback_journal>.
fn was_empty(path: &Path) -> bool {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut head = [0; 20];
    let read = File::open(beside(path, "-journal")).and_then(|mut journal| journal.read_exact(&mut head));
    read.is_ok() && head[..8] == MAGIC && head[16..] == [0; 4]
}

/// The flags that go with [`immutable_uri`].
pub(super) fn immutable_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI
}

/// The URI of a file that SQLite reads without taking locks or creating other files.
pub(super) fn immutable_uri(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}
