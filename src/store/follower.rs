//! Following the change feed: how the shared index learns what was committed.
//!
//! [`catch_up`] is the one way into the index. Own writes take it like those of other processes; their writer only
//! hands over the terms that it has computed anyway.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::RwLock;

use super::shared_index::SharedIndex;
use super::{index_files, parallel};
use crate::backend::Backend;
use crate::backend::feed::{Added, Feed};
use crate::backend::write::Entry;
use crate::error::Result;
use crate::index::{Damaged, Index, Position};
use crate::record::Seq;
use crate::text::Bag;

/// Records read from the feed at a time.
const STRETCH: usize = 16 * 1024;

/// Brings the index up to date with everything that was committed before the call. False if nothing was.
///
/// # Errors
/// What the database says; the next call tries again.
pub fn catch_up(shared: &SharedIndex, backend: &dyn Backend) -> Result<bool> {
    let mut watch = shared.watch.lock();
    if !watch.moved()? {
        return Ok(false);
    }
    follow(shared, backend).inspect_err(|_| watch.forget())?;
    Ok(true)
}

/// Loads the index from its files, or from the records where files are missing or damaged. Until that is done, others
/// see what was there before.
///
/// # Errors
/// What the database says; the next catch-up tries again.
pub fn reload(shared: &SharedIndex, backend: &dyn Backend) -> Result<()> {
    let mut watch = shared.watch.lock();
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

fn follow(shared: &SharedIndex, backend: &dyn Backend) -> Result<()> {
    if advance(shared, backend, &shared.index)? { Ok(()) } else { load(shared, backend) }
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

/// The index as its files hold it, still to be caught up.
fn from_files(shared: &SharedIndex, backend: &dyn Backend) -> Result<Index> {
    let files_invalid = shared.files_invalid.load(Ordering::Acquire);
    let mut index = if files_invalid { Index::default() } else { index_files::load(backend)? };
    // An index that starts from nothing needs no deletion of the past.
    if index.position() == Position::default() {
        index.set_position(Position { seq: 0, ..backend.snapshot()?.newest()? });
    }
    Ok(index)
}

/// Takes in what was committed since; false if that is not possible, and the index has to be loaded again.
fn advance(shared: &SharedIndex, backend: &dyn Backend, index: &RwLock<Index>) -> Result<bool> {
    let start = Instant::now();
    let mut taken = 0;
    loop {
        let from = index.read().position();
        // Texts of own writes are not read back: their terms were handed over.
        let known = |seq| shared.is_handed_over(seq);
        let Some(feed) = backend.snapshot()?.feed(from, STRETCH, &known)? else {
            log::info!("the change feed of {:?} was pruned; loading the index again", backend.path());
            return Ok(false);
        };
        taken += feed.added.len() + feed.deleted.len();
        let complete = feed.complete;
        if let Err(damaged) = take_in(shared, index, feed) {
            invalidate(shared, backend, damaged)?;
            return Ok(false);
        }
        if complete {
            break;
        }
    }
    shared.clear_handed_over();
    backend.counters().catch_ups.add(1);
    backend.counters().caught_up.add(taken as u64);
    log::debug!("took in {taken} changes of {:?} in {:.1?}", backend.path(), start.elapsed());
    Ok(true)
}

/// Takes in one part of the feed. Analysis comes first, so that searches wait for the changes alone.
fn take_in(shared: &SharedIndex, index: &RwLock<Index>, feed: Feed) -> Result<(), Damaged> {
    let Feed { added, deleted, position, complete } = feed;
    let additions = additions(shared, added);
    let mut index = index.write();
    for (seq, addition) in &additions {
        index.add(*seq, addition.terms(), addition.embedding());
    }
    // Deletions wait for the last part, so that an updated record is found at any moment, old or new. The feed lists
    // them again until then.
    let mut deletion = index.position().deletion;
    if complete {
        deleted.into_iter().try_for_each(|range| index.remove(range))?;
        deletion = position.deletion;
    }
    index.set_position(Position { seq: position.seq, deletion });
    Ok(())
}

/// What the index stores of a new record.
enum Addition {
    /// The writer's terms and vector.
    HandedOver(Arc<Vec<Entry>>, usize),
    /// The analyzed text, and the vector, of the feed.
    Read(Bag, Option<Vec<f32>>),
}

impl Addition {
    fn terms(&self) -> &Bag {
        match self {
            Self::HandedOver(entries, at) => entries[*at].terms(),
            Self::Read(terms, _) => terms,
        }
    }

    fn embedding(&self) -> Option<&[f32]> {
        match self {
            Self::HandedOver(entries, at) => entries[*at].record.embedding.as_deref(),
            Self::Read(_, embedding) => embedding.as_deref(),
        }
    }
}

fn additions(shared: &SharedIndex, added: Vec<Added>) -> Vec<(Seq, Addition)> {
    let handed_over = shared.take_handed_over(added.iter().map(|record| record.seq));
    let analyzed =
        parallel::map(added.len(), 128, |i| added[i].text.as_ref().map(|text| Bag::of(&text.content)));
    let addition = |((record, handed_over), terms): ((Added, Option<_>), Option<Bag>)| {
        let addition = match handed_over {
            Some((entries, at)) => Addition::HandedOver(entries, at),
            None => {
                let embedding = record.text.and_then(|text| text.embedding);
                Addition::Read(terms.unwrap_or_default(), embedding)
            }
        };
        (record.seq, addition)
    };
    added.into_iter().zip(handed_over).zip(analyzed).map(addition).collect()
}

fn invalidate(shared: &SharedIndex, backend: &dyn Backend, damaged: Damaged) -> Result<()> {
    shared.files_invalid.store(backend.is_read_only(), Ordering::Release);
    index_files::invalidate(backend, damaged)
}
