//! The index on disk, so that opening is not rebuilding: one file per segment in a folder beside the database.
//!
//! A file counts only if the manifest in the database names it, with its checksum: what a crash, a copy, or another
//! store left in the folder is never believed. Files are written under a temporary name, synced, renamed, named in the
//! manifest, and never changed again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::follow::Shared;
use crate::backend::sqlite::pool::beside;
use crate::backend::sqlite::{Pool, Transaction, changes, segments};
use crate::error::{Error, Result};
use crate::index::{Damaged, Index, Segment};
use crate::text::ANALYZER_VERSION;

/// A tail of so many records is written to disk.
const FULL_TAIL: u32 = 32 * 1024;
/// At closing, a tail of so many records is: fewer are sooner analyzed again than read.
const TAIL_AT_CLOSE: u32 = 4 * 1024;
/// A stray file of this age is nobody's work in progress.
const STRAY: Duration = Duration::from_secs(3600);

fn folder(path: &Path) -> PathBuf {
    beside(path, "-index")
}

fn file(path: &Path, name: &str) -> PathBuf {
    folder(path).join(name).with_extension("seg")
}

/// Bytes of all index files of the store at `path`.
pub fn bytes_on_disk(path: &Path) -> u64 {
    let entries = fs::read_dir(folder(path)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// The index as the manifest describes it, still to be caught up; an empty one if a file is missing or damaged.
///
/// # Errors
/// What the database says.
pub fn load(pool: &Pool) -> Result<Index> {
    let manifest = pool.read(segments::read)?;
    let opened: Result<Vec<_>, Damaged> =
        manifest.iter().map(|named| Ok((Arc::new(open(pool.path(), named)?), named.deletion))).collect();
    match opened.and_then(Index::new) {
        Ok(index) => Ok(index),
        Err(damaged) => {
            disown(pool, damaged)?;
            Ok(Index::default())
        }
    }
}

fn open(path: &Path, named: &segments::Segment) -> Result<Segment, Damaged> {
    let segment = Segment::open(&file(path, &named.name))?;
    if row(&segment, named.deletion) == *named && segment.footer().analyzer == ANALYZER_VERSION {
        Ok(segment)
    } else {
        Err(Damaged::FOREIGN)
    }
}

/// How the manifest names a segment.
fn row(segment: &Segment, deletion: i64) -> segments::Segment {
    let footer = segment.footer();
    segments::Segment {
        name: file_name(footer.name),
        first: *footer.seqs.start(),
        last: *footer.seqs.end(),
        deletion,
        bytes: segment.size(),
        checksum: footer.checksum,
    }
}

fn file_name(name: u64) -> String {
    format!("{name:016x}")
}

/// Notes that the index files are not to be believed; the index is built from the records again.
///
/// # Errors
/// What the database says.
pub fn disown(pool: &Pool, damaged: Damaged) -> Result<()> {
    pool.counters().disowned.add(1);
    log::warn!("{:?}: {damaged}; rebuilding the index from the records", pool.path());
    if pool.is_read_only() {
        return Ok(());
    }
    in_transaction(pool, |conn| segments::replace(conn, &[]))
}

fn in_transaction<T>(pool: &Pool, work: impl FnOnce(&rusqlite::Connection) -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + pool.patience();
    pool.write(deadline, |conn| {
        let transaction = Transaction::begin(conn, deadline)?;
        let outcome = work(conn)?;
        transaction.commit(deadline)?;
        Ok(outcome)
    })
}

/// If the tail is full, writes it to disk and merges what should be merged, in a thread of its own.
pub fn persist_in_background(shared: &Arc<Shared>, pool: &Arc<Pool>) {
    if pool.is_read_only() || shared.read(|derived| derived.index.tail_records()) < FULL_TAIL {
        return;
    }
    let (shared_there, pool) = (Arc::clone(shared), Arc::clone(pool));
    shared.in_background(move || {
        if let Err(error) = persist(&shared_there, &pool, FULL_TAIL) {
            log::warn!("the index of {:?} could not be written, it stays in memory: {error}", pool.path());
        }
    });
}

impl Shared {
    /// Writes the tail to disk if it is worth it, and drops stray files.
    ///
    /// # Errors
    /// What the disk or the database says.
    pub fn persist_at_close(&self, pool: &Pool) -> Result<()> {
        let outcome = persist(self, pool, TAIL_AT_CLOSE);
        sweep(pool).unwrap_or_else(|error| log::debug!("stray index files of {:?}: {error}", pool.path()));
        outcome
    }
}

/// Writes the tail if it has at least `full` records, then merges as planned.
fn persist(shared: &Shared, pool: &Pool, full: u32) -> Result<()> {
    while let Some(frozen) = shared.change(|index| index.freeze(full)) {
        let here = shared.read(|derived| derived.index.names());
        let segment = write(pool, |out, name| frozen.write(out, name))?;
        if !publish(pool, &segment, frozen.deletion, &here, here.len()..here.len())? {
            return shared.reload(pool);
        }
        settle(shared, pool, |index| index.thaw(segment))?;
    }
    while let Some(merge) = shared.read(|derived| derived.index.plan_merge()) {
        let here = shared.read(|derived| derived.index.names());
        let old = merge.names();
        let Some(start) = here.windows(old.len()).position(|window| window == old) else { continue };
        let segment = write(pool, |out, name| merge.write(out, name))?;
        if !publish(pool, &segment, merge.deletion, &here, start..start + old.len())? {
            return shared.reload(pool);
        }
        settle(shared, pool, |index| index.replace(&merge, segment))?;
        old.into_iter().for_each(|name| remove(pool, name));
    }
    Ok(())
}

/// Removes files that the manifest named until now.
pub fn remove_disowned(pool: &Pool, disowned: &[segments::Segment]) {
    // Of a damaged database, a name may be anything.
    let names = disowned.iter().filter_map(|segment| u64::from_str_radix(&segment.name, 16).ok());
    names.for_each(|name| remove(pool, name));
}

fn remove(pool: &Pool, name: u64) {
    // Processes that have it mapped keep it; a failure leaves a stray for the sweep.
    drop(fs::remove_file(file(pool.path(), &file_name(name))));
}

/// Writes a segment's file, synced and under its final name, and maps it.
fn write(
    pool: &Pool,
    write: impl FnOnce(BufWriter<File>, u64) -> io::Result<BufWriter<File>>,
) -> Result<Arc<Segment>> {
    let name = crate::random::number();
    let path = file(pool.path(), &file_name(name));
    let part = path.with_extension("part");
    let written = create_folder(pool.path())
        .and_then(|()| create_private(&part))
        .and_then(|file| write(BufWriter::with_capacity(1 << 20, file), name))
        .and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error))
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&part, &path))
        .and_then(|()| sync_folder(pool.path()))
        .and_then(|()| Segment::open(&path).map_err(io::Error::from));
    written.map(Arc::new).map_err(|error| {
        drop(fs::remove_file(&part));
        Error::io(path, error)
    })
}

/// Names `new` in the manifest in the place of those of `here` in `range`. False, and the file gone, when the
/// manifest is not `here`: another process wrote first.
fn publish(pool: &Pool, new: &Segment, deletion: i64, here: &[u64], range: Range<usize>) -> Result<bool> {
    let published = in_transaction(pool, |conn| {
        let mut manifest = segments::read(conn)?;
        if !manifest.iter().map(|named| &named.name).eq(here
            .iter()
            .map(|&name| file_name(name))
            .collect::<Vec<_>>()
            .iter())
        {
            return Ok(false);
        }
        manifest.splice(range, [row(new, deletion)]);
        segments::replace(conn, &manifest)?;
        let needed = manifest.iter().map(|named| named.deletion).min().unwrap_or(0);
        changes::prune(conn, needed)?;
        Ok(true)
    });
    if !matches!(published, Ok(true)) {
        remove(pool, new.footer().name);
    }
    published
}

/// Puts a published segment to use. One that is damaged already is not believed.
fn settle(
    shared: &Shared,
    pool: &Pool,
    change: impl FnOnce(&mut Index) -> Result<(), Damaged>,
) -> Result<()> {
    shared.change(change).or_else(|damaged| shared.repair(pool, damaged))
}

/// Removes files that the manifest does not name and nobody can be writing.
fn sweep(pool: &Pool) -> Result<()> {
    let named: Vec<PathBuf> =
        pool.read(segments::read)?.iter().map(|named| file(pool.path(), &named.name)).collect();
    for entry in fs::read_dir(folder(pool.path())).into_iter().flatten().flatten() {
        let path = entry.path();
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
        if !named.contains(&path) && matches!(age, Ok(Ok(age)) if age > STRAY) {
            fs::remove_file(&path).map_err(|error| Error::io(path, error))?;
        }
    }
    Ok(())
}

fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder(path))
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
