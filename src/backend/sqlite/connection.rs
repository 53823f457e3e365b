//! Opening connections: flags, PRAGMAs, and protection from what a file may contain.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::files::has_log;
use super::identify::{immutable_flags, immutable_uri};
use super::migrations::LATEST;
use super::sqlite_error::Explained;
use super::write_connection::WriteConnection;
use super::{filter, migrate, schema, transaction};
use crate::backend::settings::{Durability, Settings};
use crate::error::{Error, Result};

/// How many prepared statements each connection caches.
const STATEMENTS: usize = 64;

/// How readers are opened.
#[derive(Debug, Clone)]
pub struct Source {
    /// A path, or an URI.
    pub path: PathBuf,
    /// How SQLite opens it.
    pub flags: OpenFlags,
}

impl Source {
    /// For readers of a store that has a writer. The last connection to be closed moves the log into the file, and that may be
    /// a reader, so readers open the file for writing too.
    pub fn shared(path: &Path) -> Self {
        Self { path: path.into(), flags: OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX }
    }

    fn read_only(path: &Path) -> Self {
        Self { path: path.into(), flags: OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX }
    }

    /// For a file with an empty write-ahead log in a folder where SQLite cannot create the -shm file. Nobody has such a file
    /// open, so SQLite may read it without locks. See <https://www.sqlite.org/wal.html#read_only_databases>.
    fn immutable(path: &Path) -> Self {
        Self { path: immutable_uri(path), flags: immutable_flags() }
    }

    pub fn for_reading(path: &Path, timeout: Duration) -> Result<Self> {
        let source = Self::read_only(path);
        let probe = |source: &Self| {
            let conn = source.connect().and_then(|conn| source.set_up_reader(&conn, timeout).map(|()| conn));
            conn.map_err(Error::from)
                .and_then(|conn| schema::check(&conn, path, LATEST))
                .explained(path, timeout)
        };
        match probe(&source) {
            Err(Error::Io { .. } | Error::ReadOnly(_)) if !has_log(path) => {
                let source = Self::immutable(path);
                probe(&source).map(|()| source)
            }
            checked => checked.map(|()| source),
        }
    }

    pub fn connect(&self) -> rusqlite::Result<Connection> {
        Connection::open_with_flags(&self.path, self.flags)
    }

    pub fn set_up_reader(&self, conn: &Connection, timeout: Duration) -> rusqlite::Result<()> {
        set_up(conn, timeout, 4)?;
        conn.execute_batch("PRAGMA query_only = ON")
    }
}

/// Opens the connection that writes. Migrates the file to the latest schema and sets WAL mode.
///
/// # Errors
/// [`Error::ReadOnly`], [`Error::NotAStore`], [`Error::SchemaTooNew`], [`Error::Corrupt`]; busy, and what else SQLite says.
pub fn open_writer(settings: &Settings) -> Result<WriteConnection> {
    let path = &settings.path;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let deadline = Instant::now() + settings.busy_timeout;
    let conn = Connection::open_with_flags(path, flags)?;
    if conn.is_readonly("main")? {
        return Err(Error::ReadOnly(path.into()));
    }
    // If the log holds a newer schema, the file must not be changed.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // SQLite itself does not wait for locks: each caller retries until its own deadline.
    transaction::until(deadline, || set_up(&conn, Duration::ZERO, 16))?;
    migrate::run(&conn, path, deadline)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // On macOS, only a full fsync empties the cache of the disk.
    let (synchronous, fullfsync) = match settings.durability {
        Durability::Full => ("FULL", "ON"),
        Durability::Normal => ("NORMAL", "OFF"),
    };
    // WAL mode is set after the schema is created, so that the first commit is in the file itself and its header identifies
    // the store.
    transaction::until(deadline, || {
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA fullfsync = {fullfsync};
             PRAGMA wal_autocheckpoint = 2000;
             PRAGMA journal_size_limit = 67108864;"
        ))
    })?;
    Ok(WriteConnection::new(conn))
}

/// Prepares a connection for use.
fn set_up(conn: &Connection, busy_timeout: Duration, cache_mib: u32) -> rusqlite::Result<()> {
    conn.busy_timeout(busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan that depends on a bound value would have to be made again for every other value.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    harden(conn)?;
    // The file is never mapped: if another program truncates it, reading a map ends the process (SIGBUS).
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{};
         PRAGMA mmap_size = 0;",
        cache_mib * 1024
    ))?;
    filter::register_functions(conn)
}

/// Keeps a file that somebody else made from acting, see <https://www.sqlite.org/security.html>. No trigger fires and no
/// view is read on this connection, checks of tables that are not ours are not evaluated, functions with side
/// effects do not run in a schema, and damaged pages are noticed as soon as they are read.
fn harden(conn: &Connection) -> rusqlite::Result<()> {
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        conn.set_db_config(config, on)?;
    }
    conn.execute_batch("PRAGMA cell_size_check = ON; PRAGMA ignore_check_constraints = ON;")
}
