//! Follows the change feed: adds to the shared index what was committed.
//!
//! [`catch_up`] is the only way into the index, for own writes and for those of other processes. A writer of this process
//! only hands over the terms that it has computed.

use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::RwLock;

use super::shared_index::SharedIndex;
use super::{index_files, parallel, rebuild};
use crate::backend::feed::{Feed, Known};
use crate::backend::{Backend, Snapshot};
use crate::error::{Error, Result};
use crate::index::{Damaged, Index, Position};
use crate::interrupt;
use crate::text::Bag;

/// How many records are read from the feed at a time.
const FEED_LIMIT: usize = 16 * 1024;

/// What taking in a part of the feed led to.
enum Advanced {
    UpToDate,
    /// More of the feed follows.
    Partly,
    /// The index has to be loaded again.
    Invalid,
}

/// Brings the index up to date with everything that was committed before the call. False if nothing was.
///
/// # Errors
/// [`Error::Interrupted`] when the user stops waiting; what the database says. The next call goes on.
pub fn catch_up(shared: &SharedIndex, backend: &dyn Backend) -> Result<bool> {
    follow(shared, backend, false)
}

/// Loads the index from its files, or from the records if files are missing or damaged. Until it is loaded, searches use
/// the old index.
///
/// # Errors
/// As [`catch_up`], but the next call begins anew.
pub fn reload(shared: &SharedIndex, backend: &dyn Backend) -> Result<()> {
    follow(shared, backend, true).map(drop)
}

/// Takes in one part of the feed after the other, and asks between them whether the user wants to stop. If the index `is_invalid`, or
/// turns out to be, a new one is loaded, which takes its place when it is complete.
fn follow(shared: &SharedIndex, backend: &dyn Backend, mut is_invalid: bool) -> Result<bool> {
    let (mut moved, mut loading) = (false, None);
    loop {
        let mut watch = interrupt::wait_for(&shared.watch)?;
        if !watch.moved()? && !is_invalid && loading.is_none() {
            return Ok(moved);
        }
        moved = true;
        let snapshot = if is_invalid {
            let Some((index, snapshot)) = from_files(shared, backend).inspect_err(|_| watch.forget())? else {
                // Without the lock: this asks whether the user wants to stop.
                drop(watch);
                rebuild::for_this_analyzer(backend)?;
                continue;
            };
            backend.counters().reloads.add(1);
            loading = Some(RwLock::new(index));
            snapshot
        } else {
            backend.snapshot().inspect_err(|_| watch.forget())?
        };
        let index = loading.as_ref().unwrap_or(&shared.index);
        match advance(shared, backend, index, snapshot).inspect_err(|_| watch.forget())? {
            Advanced::UpToDate => {
                loading.into_iter().for_each(|index| shared.replace(index.into_inner()));
                return Ok(true);
            }
            Advanced::Partly => is_invalid = false,
            Advanced::Invalid => is_invalid = true,
        }
        watch.forget();
        drop(watch);
        if interrupt::requested() {
            return Err(Error::Interrupted { done: 0 });
        }
    }
}

/// Builds the index from the records, because an index file turned out to be damaged.
///
/// # Errors
/// What the database says.
pub fn repair(shared: &SharedIndex, backend: &dyn Backend, damaged: Damaged) -> Result<()> {
    invalidate(shared, backend, damaged)?;
    reload(shared, backend)
}

/// The index in the state of its files, and a snapshot to which it still has to catch up. `None` if everything has to be derived
/// again before.
fn from_files<'b>(
    shared: &SharedIndex,
    backend: &'b dyn Backend,
) -> Result<Option<(Index, Box<dyn Snapshot + 'b>)>> {
    let mut snapshot = backend.snapshot()?;
    if rebuild::is_due(backend, &*snapshot)? {
        return Ok(None);
    }
    let files_invalid = shared.files_invalid.load(Ordering::Acquire);
    let manifest = if files_invalid { Vec::new() } else { snapshot.manifest()? };
    let mut index = Index::default();
    if !manifest.is_empty() {
        // Fetching files takes a connection.
        drop(snapshot);
        index = index_files::load(backend, manifest)?;
        snapshot = backend.snapshot()?;
    }
    // An empty index needs no past deletions.
    if index.position() == Position::default() {
        index.set_position(Position { seq: 0, ..snapshot.newest()? });
    }
    Ok(Some((index, snapshot)))
}

/// Adds a part of what was committed since the index's position, and ends the snapshot.
fn advance(
    shared: &SharedIndex,
    backend: &dyn Backend,
    index: &RwLock<Index>,
    snapshot: Box<dyn Snapshot + '_>,
) -> Result<Advanced> {
    let start = Instant::now();
    let from = index.read().position();
    // Texts of own writes are not read back: their terms were handed over.
    let known = |seq| shared.is_handed_over(seq);
    if snapshot.era() != from.era {
        // Other records may have the numbers of those writes.
        shared.forget_handed_over();
    }
    let known: Option<Known<'_>> = if shared.waiting() > 0 { Some(&known) } else { None };
    let feed = snapshot.feed(from, FEED_LIMIT, known)?;
    let Some(feed) = feed else {
        log::info!(
            "the change feed of {:?} does not reach back to the index; loading it again",
            backend.path()
        );
        return Ok(Advanced::Invalid);
    };
    if !feed.follows(from) {
        let detail = "the numbers of its records are out of order".to_owned();
        return Err(Error::Corrupt { path: backend.path().into(), detail });
    }
    let taken_in = take_in(shared, index, &feed);
    // Not before: a server on this machine would end the transaction on the core that helps to analyze.
    drop(snapshot);
    if let Err(damaged) = taken_in {
        invalidate(shared, backend, damaged)?;
        return Ok(Advanced::Invalid);
    }
    let taken = feed.added.len() + feed.vectors.len() + feed.deleted.len();
    backend.counters().caught_up.add(taken as u64);
    log::debug!("took in {taken} changes of {:?} in {:.1?}", backend.path(), start.elapsed());
    if !feed.complete {
        return Ok(Advanced::Partly);
    }
    backend.counters().catch_ups.add(1);
    Ok(Advanced::UpToDate)
}

/// Adds one part of the feed. Texts are analyzed before the index is locked, so that searches wait only for the changes.
fn take_in(shared: &SharedIndex, index: &RwLock<Index>, feed: &Feed) -> Result<(), Damaged> {
    let handed_over = shared.take_handed_over(feed.added.iter().map(|record| record.seq), feed.complete);
    let analyzed = parallel::map(feed.added.len(), 32, |i| match (&handed_over[i], &feed.added[i].text) {
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
    use crate::record::{Filter, Query, Record};
    use crate::store::{IndexMode, OnConflict, Options, Store};

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

    #[test]
    fn an_interrupt_ends_a_catch_up_which_goes_on_at_the_next_search() {
        let folder = TempDir::new().unwrap();
        let options = Options::new(folder.path().join("a.db"));
        let store = Store::open(options.clone()).unwrap();
        let other = Store::open(Options { index: IndexMode::Disk, ..options }).unwrap();
        other.add((0..=FEED_LIMIT).map(|_| Record::new("one")).collect(), OnConflict::Fail).unwrap();
        std::thread::scope(|scope| {
            let interrupted = scope.spawn(|| {
                interrupt::request_in_this_thread();
                store.search(&Query::new("one", 10))
            });
            let interrupted = interrupted.join().unwrap();
            assert!(matches!(interrupted, Err(Error::Interrupted { .. })), "{interrupted:?}");
        });
        assert_eq!(store.search(&Query::new("one", 10)).unwrap().len(), 10);
        let stats = store.stats(None).unwrap();
        assert_eq!((stats.caught_up, stats.reloads), (FEED_LIMIT as u64 + 1, 1));
    }

    #[test]
    fn an_interrupt_ends_the_loading_of_an_index() {
        let folder = TempDir::new().unwrap();
        let options = Options::new(folder.path().join("a.db"));
        let store = Store::open(Options { index: IndexMode::Disk, ..options.clone() }).unwrap();
        store.add((0..=FEED_LIMIT).map(|_| Record::new("one")).collect(), OnConflict::Fail).unwrap();
        std::thread::scope(|scope| {
            let interrupted = scope.spawn(|| {
                interrupt::request_in_this_thread();
                Store::open(options.clone()).map(drop)
            });
            let interrupted = interrupted.join().unwrap();
            assert!(matches!(interrupted, Err(Error::Interrupted { .. })), "{interrupted:?}");
        });
        let opened = Store::open(options).unwrap();
        assert_eq!(opened.search(&Query::new("one", 10)).unwrap().len(), 10);
    }
}
