//! Backup, compaction, integrity and checkpoint.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::identify::identify;
use super::pool::beside;
use super::{Progress, fts, transaction};
use crate::error::{Error, Result};
use crate::random;

/// A part of a backup that nobody has written to for so long is what a killed process left.
const STRAY: Duration = Duration::from_secs(3600);

/// Copies the store as of now to `target`, while others read and write. The copy appears under its name when it is
/// whole and synced; an older backup there is replaced.
///
/// # Errors
/// [`Error::InvalidFilter`] if `target` is the store itself or in use, [`Error::NotAStore`] if it is something else
/// than a store, [`Error::Interrupted`] if progress says so, [`Error::Io`].
pub fn backup(source: &Connection, target: &Path, progress: &mut Progress<'_>) -> Result<()> {
    check_target(source, target)?;
    sweep(target, STRAY);
    let part = Part::create(target)?;
    // One view of the source from first page to last: other writers would make the copy begin anew.
    transaction::snapshot(source, |source| copy(source, &part.0, progress))?;
    let sync = File::open(&part.0).and_then(|file| file.sync_all());
    sync.and_then(|()| fs::rename(&part.0, target))
        .and_then(|()| sync_folder(target))
        .map_err(|error| Error::io(target, error))
}

fn check_target(source: &Connection, target: &Path) -> Result<()> {
    identify(target)?;
    let same =
        |path: &str| matches!((fs::canonicalize(path), fs::canonicalize(target)), (Ok(a), Ok(b)) if a == b);
    if source.path().is_some_and(same) {
        return Err(Error::InvalidFilter(format!("{target:?} is the store itself; name another file")));
    }
    // A log left there would be replayed over the copy.
    if beside(target, "-wal").exists() {
        return Err(Error::InvalidFilter(format!("{target:?} is a store in use; name another file")));
    }
    Ok(())
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

/// Removes the parts of backups to `target` that were last written longer ago than `age`. Should that fail, they stay.
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

/// Is it the name of a [`Part`] of `target`, or of the journal that SQLite keeps beside one?
fn is_part(name: &[u8], target: &[u8]) -> bool {
    let name = name.strip_suffix(b"-journal").unwrap_or(name);
    let middle = name.strip_prefix(target).and_then(|rest| rest.strip_suffix(b".part"));
    middle
        .and_then(|middle| middle.strip_prefix(b"."))
        .is_some_and(|number| number.len() == 16 && number.iter().all(u8::is_ascii_hexdigit))
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file that is removed unless it was renamed.
struct Part(PathBuf);

impl Part {
    fn create(target: &Path) -> Result<Self> {
        let part = beside(target, &format!(".{:016x}.part", random::number()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&part).map_err(|error| Error::io(target, error))?;
        Ok(Self(part))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already when it was renamed.
        drop(fs::remove_file(&self.0));
    }
}

#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder(file))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// What is wrong with the file and the structure of the full-text table, as SQLite says it; empty if all is sound.
/// `thorough` compares indexes with tables as well.
///
/// # Errors
/// [`Error::Backend`] if the file cannot be read at all.
pub fn problems(conn: &Connection, thorough: bool) -> Result<Vec<String>> {
    let pragma = if thorough { "PRAGMA integrity_check" } else { "PRAGMA quick_check" };
    transaction::snapshot(conn, |conn| {
        // FTS5's check trusts what the connection remembers of the table, which only a query brings up to date.
        let full_text = fts::rows_with_term(conn, "a").err().map(|error| format!("full text: {error}"));
        let mut statement = conn.prepare(pragma)?;
        let lines =
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").chain(full_text).collect())
    })
}

/// Writes the file anew, without the gaps that deleted records left in its pages; it shrinks when the log is moved into it. Meanwhile it takes twice its room; others
/// can read. See <https://www.sqlite.org/lang_vacuum.html>.
///
/// # Errors
/// [`Error::Backend`], busy at the deadline among others: the file stays as it was.
pub fn compact(conn: &Connection, deadline: Instant) -> Result<()> {
    // A copy of all records is too much for memory.
    conn.execute_batch("PRAGMA temp_store = FILE")?;
    let compacted = transaction::until(deadline, || conn.execute_batch("VACUUM"));
    conn.execute_batch("PRAGMA temp_store = MEMORY")?;
    Ok(compacted?)
}

/// Moves as much of the write-ahead log into the file as no reader still needs.
///
/// # Errors
/// [`Error::Backend`].
pub fn checkpoint(conn: &Connection) -> Result<()> {
    // Not for all: the temporary database, which has no log, may be in a transaction of its own.
    conn.query_row("PRAGMA main.wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(())
}
