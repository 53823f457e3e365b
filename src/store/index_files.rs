//! The files of the index: one per segment, in a folder of the backend.
//!
//! A file is read only if the manifest in the database names it with its checksum. Files that a crash, a copy or another
//! store left in the folder are ignored. A file is written under a temporary name, synced, renamed, named in the
//! manifest, and never changed again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Backend;
use crate::backend::manifest::IndexFile;
use crate::error::{Error, Result};
use crate::files::{PartFile, create_private_folder};
use crate::index::{Damaged, Index, Position, Segment};
use crate::text::ANALYZER_VERSION;

/// A file that the manifest does not name may still be in use by its writer until it has this age.
const STRAY_AFTER: Duration = Duration::from_secs(3600);

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_extension("seg")
}

/// Bytes of all index files in a folder.
pub fn bytes_on_disk(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// The index in the state of the files that the manifest names, which still has to catch up; an empty index if a file is missing
/// or damaged.
///
/// # Errors
/// What the database says.
pub fn load(backend: &dyn Backend, mut manifest: Vec<IndexFile>) -> Result<Index> {
    loop {
        let opened =
            manifest.iter().map(|named| open(backend, named)).collect::<Result<Result<Vec<_>, _>>>()?;
        match opened.and_then(Index::new) {
            Ok(index) => return Ok(index),
            Err(damaged) => {
                let current = backend.snapshot()?.manifest()?;
                if current == manifest {
                    invalidate(backend, damaged)?;
                    return Ok(Index::default());
                }
                // Another process has merged files meanwhile and removed the old ones.
                manifest = current;
            }
        }
    }
}

/// A segment, and the newest deletion that it has applied.
type Opened = (Arc<Segment>, i64);

/// The file of this machine, or else one that is fetched.
fn open(backend: &dyn Backend, named: &IndexFile) -> Result<Result<Opened, Damaged>> {
    let path = file(backend.index_folder(), &named.name);
    let mut opened = open_local(&path, named);
    if opened.is_err() && backend.fetch_index_file(named, &path)? {
        opened = open_local(&path, named);
    }
    Ok(opened.map(|segment| (Arc::new(segment), named.deletion)))
}

fn open_local(path: &Path, named: &IndexFile) -> Result<Segment, Damaged> {
    let segment = Segment::open(path)?;
    if index_file(&segment, named.deletion) == *named && segment.footer().analyzer == ANALYZER_VERSION {
        Ok(segment)
    } else {
        Err(Damaged::FOREIGN)
    }
}

/// How the manifest names a segment.
fn index_file(segment: &Segment, deletion: i64) -> IndexFile {
    let footer = segment.footer();
    IndexFile {
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

/// Removes all files from the manifest, because one is damaged. The index is then built from the records.
///
/// # Errors
/// What the database says.
pub fn invalidate(backend: &dyn Backend, damaged: Damaged) -> Result<()> {
    backend.counters().invalidated.add(1);
    log::warn!("{:?}: {damaged}; rebuilding the index from the records", backend.path());
    if backend.is_read_only() { Ok(()) } else { backend.clear_manifest() }
}

/// Removes files that the manifest no longer names.
pub fn remove_all(backend: &dyn Backend, files: &[IndexFile]) {
    // In a damaged database, a name may be anything.
    let names = files.iter().filter_map(|file| u64::from_str_radix(&file.name, 16).ok());
    names.for_each(|name| remove(backend, name));
}

/// Removes the file of a segment.
pub fn remove(backend: &dyn Backend, name: u64) {
    // Processes that have mapped it keep it. After a failure, `sweep` removes it later.
    drop(fs::remove_file(file(backend.index_folder(), &file_name(name))));
    drop(backend.remove_index_file(&file_name(name)));
}

/// Writes a segment's file, synced and under its final name, and maps it.
///
/// # Errors
/// [`Error::Io`].
pub fn write(
    backend: &dyn Backend,
    write: impl FnOnce(BufWriter<File>, u64) -> io::Result<BufWriter<File>>,
) -> Result<Arc<Segment>> {
    let name = crate::random::number();
    let path = file(backend.index_folder(), &file_name(name));
    let segment = create_private_folder(backend.index_folder()).and_then(|()| {
        let (part, file) = PartFile::create(path.with_extension("part"))?;
        write(BufWriter::with_capacity(1 << 20, file), name)?.flush()?;
        part.publish(&path)?;
        Segment::open(&path).map_err(io::Error::from)
    });
    segment.map(Arc::new).map_err(|error| Error::io(path, error))
}

/// Names `new` in the manifest, in place of the segments `range` of `expected`. False, and the file is removed, when the
/// manifest does not name `expected`, because another process published first, or when what was read up to `position` was lost.
///
/// # Errors
/// What the database says.
pub fn publish(
    backend: &dyn Backend,
    new: &Segment,
    deletion: i64,
    position: Position,
    expected: &[u64],
    range: Range<usize>,
) -> Result<bool> {
    let named = index_file(new, deletion);
    let stored = backend.store_index_file(&named.name, &file(backend.index_folder(), &named.name));
    let published = stored.and_then(|()| replace_in_manifest(backend, named, position, expected, range));
    if !matches!(published, Ok(true)) {
        remove(backend, new.footer().name);
    }
    published
}

fn replace_in_manifest(
    backend: &dyn Backend,
    new: IndexFile,
    position: Position,
    expected: &[u64],
    range: Range<usize>,
) -> Result<bool> {
    let manifest = backend.snapshot()?.manifest()?;
    if !manifest.iter().map(|named| named.name.clone()).eq(expected.iter().map(|&name| file_name(name))) {
        return Ok(false);
    }
    let mut changed = manifest.clone();
    changed.splice(range, [new]);
    backend.replace_manifest(position, &manifest, &changed)
}

/// Removes files that the manifest does not name and that nobody can be writing.
///
/// # Errors
/// [`Error::Io`], and what the database says.
pub fn sweep(backend: &dyn Backend) -> Result<()> {
    let named: Vec<PathBuf> = backend
        .snapshot()?
        .manifest()?
        .iter()
        .map(|named| file(backend.index_folder(), &named.name))
        .collect();
    for entry in fs::read_dir(backend.index_folder()).into_iter().flatten().flatten() {
        let path = entry.path();
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
        if !named.contains(&path) && matches!(age, Ok(Ok(age)) if age > STRAY_AFTER) {
            fs::remove_file(&path).map_err(|error| Error::io(path, error))?;
        }
    }
    // Until a first file is published, nothing is worth a request to a server.
    if named.is_empty() { Ok(()) } else { backend.sweep_index_files() }
}
