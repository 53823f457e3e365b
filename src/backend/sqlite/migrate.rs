//! Brings a file to the newest schema, and refuses files of another version.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::backup;
use super::identify::{APPLICATION_ID, Found, identify};
use super::migrations::{LATEST, MIGRATIONS, apply};
use super::schema;
use super::transaction::{self, Transaction};
use crate::backend::migration::Status;
use crate::error::{Error, Result};
use crate::files::beside;

/// The schema version of the file at `path`. Changes nothing.
///
/// # Errors
/// [`Error::NotAStore`], [`Error::SchemaTooNew`], [`Error::Io`].
pub fn status(path: &Path) -> Result<Status> {
    let current = match identify(path)? {
        Found::Nothing | Found::Empty => 0,
        Found::Store(version) => logged_version(path).unwrap_or(version),
    };
    check_known(path, current)?;
    let steps = (1..).zip(MIGRATIONS).map(|(version, step)| (version, step.name));
    Ok(Status { current, latest: LATEST, pending: steps.skip(current as usize).collect() })
}

/// The version in a write-ahead log that is in use. It may be newer than that in the file.
fn logged_version(path: &Path) -> Option<u32> {
    if !["-wal", "-shm"].iter().all(|ending| beside(path, ending).exists()) {
        return None;
    }
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    version(&conn).ok()
}

/// Refuses a file that has to be created or migrated first.
pub(super) fn check_current(path: &Path) -> Result<()> {
    match identify(path)? {
        Found::Nothing | Found::Empty => {
            let error = std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "there is no store yet; open it once without read_only",
            );
            Err(Error::io(path, error))
        }
        Found::Store(_) => {
            let current = status(path)?.current;
            if current < LATEST {
                return Err(Error::SchemaTooOld { path: path.into(), found: current, latest: LATEST });
            }
            Ok(())
        }
    }
}

/// Migrates the open file to the latest version. An older file is first copied to a backup beside it. All migrations run in
/// one transaction: if several processes try, one does it and the others wait.
pub(super) fn run(conn: &Connection, path: &Path, deadline: Instant) -> Result<()> {
    while !is_latest(conn, path, deadline)? {
        let transaction = Transaction::begin(conn, deadline)?;
        match version(conn)? {
            0 => create(conn, path)?,
            LATEST => continue,
            current => {
                check_known(path, current)?;
                schema::check(conn, path, current)?;
                back_up(path, current)?;
                (current + 1..=LATEST).try_for_each(|version| apply(conn, version))?;
            }
        }
        transaction.commit(deadline)?;
    }
    check_owner(conn, path, deadline)
}

/// True if the file has the latest version. Checks its schema then.
fn is_latest(conn: &Connection, path: &Path, deadline: Instant) -> Result<bool> {
    transaction::until(deadline, || {
        transaction::snapshot(conn, |conn| {
            let latest = version(conn)? == LATEST;
            if latest {
                schema::check(conn, path, LATEST)?;
            }
            Ok(latest)
        })
    })
}

/// Creates the tables of a new store. Others see the latest version alone.
fn create(conn: &Connection, path: &Path) -> Result<()> {
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        return Err(Error::NotAStore { path: path.into(), detail: "it has tables but no version".into() });
    }
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    (1..=LATEST).try_for_each(|version| apply(conn, version))
}

/// Copies the file to `memory.db.v1-backup`. If that exists, a number is appended: no backup is overwritten.
fn back_up(path: &Path, version: u32) -> Result<()> {
    let free = |copy: &PathBuf| fs::symlink_metadata(copy).is_err();
    let mut names = (1..).map(|number: u32| match number {
        1 => beside(path, &format!(".v{version}-backup")),
        _ => beside(path, &format!(".v{version}-backup-{number}")),
    });
    let Some(copy) = names.find(free) else { return Ok(()) };
    // This thread holds the write lock, so nobody is writing parts that are left here.
    backup::sweep(&copy, Duration::ZERO);
    let source = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    backup::write(&source, &copy, &mut |_, _| true)?;
    log::info!("the store as it was before the migration is in {}", copy.display());
    Ok(())
}

/// Refuses a file that a newer agentmem has migrated since it was opened.
///
/// # Errors
/// [`Error::SchemaTooNew`], [`Error::Backend`].
pub fn check_not_newer(conn: &Connection) -> Result<()> {
    let found = conn.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))?;
    check_known(Path::new(conn.path().unwrap_or_default()), found)
}

fn check_known(path: &Path, found: u32) -> Result<()> {
    if found > LATEST {
        return Err(Error::SchemaTooNew { path: path.into(), found, supported: LATEST });
    }
    Ok(())
}

fn check_owner(conn: &Connection, path: &Path, deadline: Instant) -> Result<()> {
    let read = || conn.query_row("PRAGMA application_id", [], |row| row.get(0));
    let owner: i32 = transaction::until(deadline, read)?;
    if owner != APPLICATION_ID {
        let detail = "it is an SQLite database of another program".into();
        return Err(Error::NotAStore { path: path.into(), detail });
    }
    Ok(())
}

fn version(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}
