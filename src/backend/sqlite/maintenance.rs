//! Maintenance: backup, compaction, integrity checks and checkpoints.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use super::connection::Interruptible;
use super::identify::identify;
use super::transaction::MaybeBusy;
use super::{Progress, expiries, fts, history, journals, transaction};
use crate::error::{Error, Result};
use crate::files::{PartFile, beside, folder};
use crate::random;

/// How long a compaction waits for readers of an older state.
const READERS_END: Duration = Duration::from_secs(1);
/// An unfinished backup that was last written longer ago than this was left by a killed process.
const STRAY: Duration = Duration::from_secs(3600);

/// Copies the current state of the store to `target`, while others read and write. The copy appears under its name when it
/// is complete and synced. An older backup there is replaced.
///
/// # Errors
/// [`Error::Io`] if `target` is the store itself or in use, or cannot be written; [`Error::NotAStore`] if something else
/// is there; [`Error::Interrupted`] if progress says so.
pub fn backup(source: &Connection, target: &Path, progress: &mut Progress<'_>) -> Result<()> {
    check_target(source, target)?;
    sweep(target, STRAY);
    let part = beside(target, &format!(".{:016x}.part", random::number()));
    let (part, _) = PartFile::create(part).map_err(|error| Error::io(target, error))?;
    // One read transaction for the whole copy: without it, other writers would make the copy start again.
    transaction::snapshot(source, |source| copy(source, part.path(), progress))?;
    part.publish(target).map_err(|error| Error::io(target, error))
}

fn check_target(source: &Connection, target: &Path) -> Result<()> {
    identify(target)?;
    let same =
        |path: &str| matches!((fs::canonicalize(path), fs::canonicalize(target)), (Ok(a), Ok(b)) if a == b);
    if source.path().is_some_and(same) {
        return Err(refused(target, "it is the store itself; name another file"));
    }
    // A log left there would be replayed over the copy.
    if beside(target, "-wal").exists() {
        return Err(refused(target, "a store there is in use; name another file"));
    }
    Ok(())
}

fn refused(target: &Path, why: &'static str) -> Error {
    Error::io(target, io::Error::new(io::ErrorKind::InvalidInput, why))
}

fn copy(source: &Connection, part: &Path, progress: &mut Progress<'_>) -> Result<()> {
    const PAGES: i32 = 4096;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = Connection::open_with_flags(part, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let backup = Backup::new(source, &mut target)?;
    loop {
        let step = backup.step(PAGES)?;
        let pages = backup.progress();
        let total = u64::try_from(pages.pagecount).unwrap_or_default();
        let done = total.saturating_sub(u64::try_from(pages.remaining).unwrap_or_default());
        if !progress(done, total) {
            return Err(Error::Interrupted { done: 0 });
        }
        match step {
            StepResult::Done => return Ok(()),
            _ => continue,
        }
    }
}

/// Removes unfinished backups to `target` that were last written longer ago than `age`. If that fails, they stay.
pub(super) fn sweep(target: &Path, age: Duration) {
    let Some(name) = target.file_name() else { return };
    for entry in fs::read_dir(folder(target)).into_iter().flatten().flatten() {
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let idle = written.is_ok_and(|at| at.elapsed().unwrap_or_default() >= age);
        if idle && is_part(entry.file_name().as_encoded_bytes(), name.as_encoded_bytes()) {
            log::info!("removing {:?}, the part of a backup that was cut short", entry.path());
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// True for the name of an unfinished backup to `target`, or of SQLite's journal beside one.
fn is_part(name: &[u8], target: &[u8]) -> bool {
    let name = name.strip_suffix(b"-journal").unwrap_or(name);
    let middle = name.strip_prefix(target).and_then(|rest| rest.strip_suffix(b".part"));
    middle
        .and_then(|middle| middle.strip_prefix(b"."))
        .is_some_and(|number| number.len() == 16 && number.iter().all(u8::is_ascii_hexdigit))
}

/// The problems that SQLite finds in the file and in the structure of the full-text table.
///
/// # Errors
/// [`Error::Backend`] if the file cannot be read at all.
pub fn problems(conn: &Connection) -> Result<Vec<String>> {
    transaction::snapshot(conn, |conn| {
        // FTS5's check uses the connection's cached state of the table. Only a query updates that.
        let full_text = fts::rows_with_term(conn, "a").err().map(|error| format!("full text: {error}"));
        let mut statement = conn.prepare("PRAGMA integrity_check")?;
        let lines =
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut problems: Vec<String> =
            lines.into_iter().filter(|line| line != "ok").chain(full_text).collect();
        problems.extend(expiries::problems(conn)?);
        problems.extend(history::problems(conn)?);
        problems.extend(journals::read::problems(conn)?);
        Ok(problems)
    })
}

/// Writes the file again, without the space that deleted records left in its pages, and empties the write-ahead log.
/// Meanwhile the store takes twice its space, and others can read it. See <https://www.sqlite.org/lang_vacuum.html>.
///
/// # Errors
/// [`Error::Backend`], busy at the deadline and interrupted among others: the file stays as it was.
pub fn compact(conn: &Connection, deadline: Instant) -> Result<()> {
    // SQLite's temporary copy contains all records, which is too much for memory.
    let _interruptible = Interruptible::new(conn)?;
    conn.execute_batch("PRAGMA temp_store = FILE")?;
    let compacted = transaction::until(deadline, || conn.execute_batch("VACUUM"));
    conn.execute_batch("PRAGMA temp_store = MEMORY")?;
    compacted?;
    truncate_log(conn, deadline.min(Instant::now() + READERS_END))
}

/// Moves the whole write-ahead log into the file and empties it, which shrinks both. Readers of an older state prevent that;
/// then the next checkpoint does it.
fn truncate_log(conn: &Connection, deadline: Instant) -> Result<()> {
    let truncated = transaction::until(deadline, || {
        let busy = conn.query_row("PRAGMA main.wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
        if busy {
            Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))
        } else {
            Ok(())
        }
    });
    match truncated {
        Err(error) if error.is_busy() => Ok(()),
        outcome => Ok(outcome?),
    }
}
