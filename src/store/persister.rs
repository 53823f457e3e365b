//! Writing the index to disk: a full memtable as a segment, and several segments merged into one.

use std::sync::Arc;

use super::shared_index::SharedIndex;
use super::{follower, index_files};
use crate::backend::Backend;
use crate::error::Result;
use crate::index::{Damaged, Index};

/// At closing, a memtable of so many records is written. Analyzing fewer records again takes less time.
const MEMTABLE_AT_CLOSE: u32 = 4 * 1024;

/// Starts a thread that writes the memtable to disk if it is full, and merges segments if that pays.
pub fn persist_in_background(shared: &Arc<SharedIndex>, backend: &Arc<dyn Backend>) {
    if backend.is_read_only() || shared.index.read().memtable_records() < backend.segment_records() {
        return;
    }
    let (index, backend) = (Arc::clone(shared), Arc::clone(backend));
    shared.persisting.start_if_idle(move || {
        if let Err(error) = persist(&index, &*backend, backend.segment_records()) {
            log::warn!("the index of {:?} stays in memory, it could not be written: {error}", backend.path());
        }
    });
}

/// Writes the memtable to disk if that pays, and removes stray files.
///
/// # Errors
/// What the disk or the database says.
pub fn persist_at_close(shared: &SharedIndex, backend: &dyn Backend) -> Result<()> {
    let outcome = persist(shared, backend, MEMTABLE_AT_CLOSE);
    index_files::sweep(backend)
        .unwrap_or_else(|error| log::debug!("stray index files of {:?}: {error}", backend.path()));
    outcome
}

/// Writes the memtable if it has at least `full` records, then merges as planned.
fn persist(shared: &SharedIndex, backend: &dyn Backend, full: u32) -> Result<()> {
    let start = |index: &mut Index| Some((index.start_flush(full)?, index.position(), index.names()));
    while let Some((flush, position, names)) = change(shared, start) {
        let segment = index_files::write(backend, |out, name| flush.write(out, name))?;
        let end = names.len()..names.len();
        if !index_files::publish(backend, &segment, flush.deletion, position, &names, end)? {
            return follower::reload(shared, backend);
        }
        install(shared, backend, |index| index.install_flush(segment))?;
    }
    loop {
        let current = shared.index.read();
        let Some(merge) = current.plan_merge() else { return Ok(()) };
        let (position, names) = (current.position(), current.names());
        drop(current);
        let old = merge.names();
        let Some(start) = names.windows(old.len()).position(|window| window == old) else { continue };
        let segment = index_files::write(backend, |out, name| merge.write(out, name))?;
        let range = start..start + old.len();
        if !index_files::publish(backend, &segment, merge.deletion, position, &names, range)? {
            return follower::reload(shared, backend);
        }
        install(shared, backend, |index| index.install_merge(&merge, segment))?;
        old.into_iter().for_each(|name| index_files::remove(backend, name));
    }
}

fn change<T>(shared: &SharedIndex, change: impl FnOnce(&mut Index) -> T) -> T {
    change(&mut shared.index.write())
}

/// Puts a published segment to use, unless it is damaged already.
fn install(
    shared: &SharedIndex,
    backend: &dyn Backend,
    segment: impl FnOnce(&mut Index) -> Result<(), Damaged>,
) -> Result<()> {
    change(shared, segment).or_else(|damaged| follower::repair(shared, backend, damaged))
}
