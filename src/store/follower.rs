//! Follows the change feed: adds to the shared index what was committed.
//!
//! [`catch_up`] is the only way into the index, for own writes and for those of other processes. A writer of this process
//! only hands over the terms that it has computed.

use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::RwLock;

use super::shared_index::SharedIndex;
use super::{index_files, parallel};
use crate::backend::Backend;
use crate::backend::feed::Feed;
use crate::error::Result;
use crate::index::{Damaged, Index, Position};
use crate::interrupt;
use crate::text::Bag;

/// How many records are read from the feed at a time.
const FEED_LIMIT: usize = 16 * 1024;

/// Brings the index up to date with everything that was committed before the call. False if nothing was.
///
/// # Errors
/// [`Error::Interrupted`](crate::Error::Interrupted) when the user stops waiting for another thread that catches up; what
/// the database says. The next call tries again.
pub fn catch_up(shared: &SharedIndex, backend: &dyn Backend) -> Result<bool> {
    let mut watch = interrupt::wait_for(&shared.watch)?;
    if !watch.moved()? {
        return Ok(false);
    }
    let up_to_date = advance(shared, backend, &shared.index);
    let loaded = up_to_date.and_then(|done| if done { Ok(()) } else { load(shared, backend) });
    loaded.inspect_err(|_| watch.forget())?;
    Ok(true)
}

/// Loads the index from its files, or from the records if files are missing or damaged. Until it is loaded, searches use
/// the old index.
///
/// # Errors
/// As [`catch_up`].
pub fn reload(shared: &SharedIndex, backend: &dyn Backend) -> Result<()> {
    let mut watch = interrupt::wait_for(&shared.watch)?;
    watch.moved()?;
    load(shared, backend).inspect_err(|_| watch.forget())
}

/// Builds the index from the records, because an index file turned out to be damaged.
///
/// # Errors
/// What the database says.
pub fn repair(shared: &SharedIndex, backend: &dyn Backend, damaged: Damaged) -> Result<()> {
    invalidate(shared, backend, damaged)?;
    reload(shared, backend)
}

fn load(shared: &SharedIndex, backend: &dyn Backend) -> Result<()> {
    loop {
        backend.counters().reloads.add(1);
        let fresh = RwLock::new(from_files(shared, backend)?);
        if advance(shared, backend, &fresh)? {
            shared.replace(fresh.into_inner());
            return Ok(());
        }
    }
}

/// The index in the state of its files, which still has to catch up.
fn from_files(shared: &SharedIndex, backend: &dyn Backend) -> Result<Index> {
    let files_invalid = shared.files_invalid.load(Ordering::Acquire);
    let mut index = if files_invalid { Index::default() } else { index_files::load(backend)? };
    // An empty index needs no past deletions.
    if index.position() == Position::default() {
        index.set_position(Position { seq: 0, ..backend.snapshot()?.newest()? });
    }
    Ok(index)
}

/// Adds what was committed since the index's position. False if the index has to be loaded again.
fn advance(shared: &SharedIndex, backend: &dyn Backend, index: &RwLock<Index>) -> Result<bool> {
    let start = Instant::now();
    let mut taken = 0;
    loop {
        let from = index.read().position();
        // Texts of own writes are not read back: their terms were handed over.
        let known = |seq| shared.is_handed_over(seq);
        let Some(feed) = backend.snapshot()?.feed(from, FEED_LIMIT, &known)? else {
            log::info!("the change feed of {:?} was pruned; loading the index again", backend.path());
            return Ok(false);
        };
        taken += feed.added.len() + feed.vectors.len() + feed.deleted.len();
        if let Err(damaged) = take_in(shared, index, &feed) {
            invalidate(shared, backend, damaged)?;
            return Ok(false);
        }
        if feed.complete {
            break;
        }
    }
    backend.counters().catch_ups.add(1);
    backend.counters().caught_up.add(taken as u64);
    log::debug!("took in {taken} changes of {:?} in {:.1?}", backend.path(), start.elapsed());
    Ok(true)
}

/// Adds one part of the feed. Texts are analyzed before the index is locked, so that searches wait only for the changes.
fn take_in(shared: &SharedIndex, index: &RwLock<Index>, feed: &Feed) -> Result<(), Damaged> {
    let handed_over = shared.take_handed_over(feed.added.iter().map(|record| record.seq), feed.complete);
    let analyzed = parallel::map(feed.added.len(), 128, |i| match (&handed_over[i], &feed.added[i].text) {
        (None, Some(text)) => Bag::of(&text.content),
        _ => Bag::default(),
    });
    let mut index = index.write();
    for ((record, handed_over), terms) in feed.added.iter().zip(&handed_over).zip(&analyzed) {
        if let Some((records, at)) = handed_over {
            let new = &records[*at];
            index.add(record.seq, new.terms(), new.record.embedding.as_deref());
        } else {
            let embedding = record.text.as_ref().and_then(|text| text.embedding.as_deref());
            index.add(record.seq, terms, embedding);
        }
    }
    for (seq, vector) in &feed.vectors {
        index.add_late_vector(*seq, vector)?;
    }
    // Deletions are applied with the last part, so that searches always find the old or the new version of an updated
    // record. Each part of the feed lists all deletions again.
    let mut deletion = index.position().deletion;
    if feed.complete {
        feed.deleted.iter().try_for_each(|range| index.remove(range.clone()))?;
        deletion = feed.position.deletion;
    }
    index.set_position(Position { deletion, ..feed.position });
    Ok(())
}

fn invalidate(shared: &SharedIndex, backend: &dyn Backend, damaged: Damaged) -> Result<()> {
    shared.files_invalid.store(backend.is_read_only(), Ordering::Release);
    index_files::invalidate(backend, damaged)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::TempDir;

    use super::*;
    use crate::error::Error;
    use crate::record::{Filter, Query, Record};
    use crate::store::{OnConflict, Options, Store};

    #[test]
    fn an_interrupt_ends_the_wait_for_a_catch_up_of_another_thread() {
        let folder = TempDir::new().unwrap();
        let opened = || Store::open(Options::new(folder.path().join("a.db"))).unwrap();
        let (store, other) = (opened(), opened());
        let space = store.space("/").unwrap();
        let shared = space.index.as_ref().unwrap().shared();
        let search = || {
            interrupt::request_in_this_thread();
            store.search(&Query::new("one", 10))
        };
        let catches_up = shared.watch.lock();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| other.add(vec![Record::new("one")], OnConflict::Fail));
            while store.count(&Filter::all()).unwrap() == 0 {}
            let interrupted = scope.spawn(search).join().unwrap();
            assert!(matches!(interrupted, Err(Error::Interrupted { .. })), "{interrupted:?}");
            drop(catches_up);
            writer.join().unwrap().unwrap();
        });
        assert_eq!(store.search(&Query::new("one", 10)).unwrap().len(), 1);
    }
}
