//! What a file is, found out without touching it.

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

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No file.
    Nothing,
    /// A file without a byte, to be filled; or one that SQLite will make so, because the machine stopped at its first
    /// commit.
    Empty,
    /// A store whose header names this schema version.
    Store(u32),
}

/// Reads the file's header, no more.
///
/// It is SQLite that reads, as if the file could not change: so it neither locks nor makes files. To open and close the
/// file ourselves would drop the locks of every connection to it in this process: POSIX has it so, see
/// <https://www.sqlite.org/howtocorrupt.html>, 2.2.
///
/// # Errors
/// [`Error::NotAStore`] for anything else than a store, [`Error::Io`] if the file cannot be read.
pub fn identify(path: &Path) -> Result<Found> {
    let foreign = |detail: &str| Error::NotAStore { path: path.into(), detail: detail.into() };
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(Error::io(path, error)),
        Ok(metadata) if metadata.is_dir() => return Err(foreign("it is a folder")),
        Ok(metadata) if !metadata.is_file() => return Err(foreign("it is no regular file")),
        Ok(metadata) if metadata.len() == 0 => return Ok(Found::Empty),
        Ok(_) => {}
    }
    match header(path) {
        Ok((APPLICATION_ID, version)) => Ok(Found::Store(version)),
        _ if was_empty(path) => Ok(Found::Empty),
        Ok(_) => Err(foreign("it is an SQLite database of another program")),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(foreign("it is no SQLite database"))
        }
        Err(error) => Err(explain(error.into(), path, Duration::ZERO)),
    }
}

fn header(path: &Path) -> rusqlite::Result<(i32, u32)> {
    let conn = Connection::open_with_flags(immutable_uri(path), immutable_flags())?;
    // While the log is moved into the file, or when that was cut short, the header counts pages that are not there yet:
    // SQLite calls that damage, except in this mode.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    let owner = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((owner, version))
}

/// Did the machine stop at the first commit? Then the journal beside the file says that there were no pages before, and
/// SQLite goes back to that when it opens the file. See <https://www.sqlite.org/fileformat2.html#the_rollback_journal>.
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

/// A file that is read as it stands, with no locks and no files beside it.
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
