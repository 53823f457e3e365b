//! Copies of a store.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::identify::identify;
use super::{Progress, transaction};
use crate::error::{Error, Result};
use crate::files::{PartFile, beside, folder};
use crate::random;

/// An unfinished backup that was last written longer ago than this was left by a killed process.
const STRAY: Duration = Duration::from_secs(3600);

/// Copies the current state of the store to `target`, while others read and write. The copy appears under its name when it
/// is complete and synced. An older backup there is replaced.
///
/// # Errors
/// [`Error::Io`] if `target` is the store itself or in use, or cannot be written; [`Error::NotAStore`] if something else
/// is there; [`Error::Interrupted`] if progress says so.
pub fn write(source: &Connection, target: &Path, progress: &mut Progress<'_>) -> Result<()> {
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
    // A read transaction begins with the first read.
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
