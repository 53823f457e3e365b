//! Following the change feed: how the shared index learns what was committed.
//!
//! [`catch_up`] is the one way into the index. Own writes take it like those of other processes; their writer only
//! hands over the terms that it has computed anyway.

use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::RwLock;

use super::shared_index::{IndexState, SharedIndex, Terms};
use super::{index_files, parallel};
use crate::backend::feed::Added;
use crate::backend::sqlite::Pool;
use crate::backend::sqlite::changes;
use crate::error::Result;
use crate::index::{Damaged, Index, Position};
use crate::text::Bag;

/// Records read from the feed at a time.
const STRETCH: usize = 16 * 1024;

/// Brings the index up to date with everything that was committed before the call. False if nothing was.
///
/// # Errors
/// What the database says; the next call tries again.
pub fn catch_up(shared: &SharedIndex, pool: &Pool) -> Result<bool> {
    let mut watcher = shared.watcher.lock();
    if !watcher.moved().map_err(|error| pool.explain(error))? {
        return Ok(false);
    }
    follow(shared, pool).inspect_err(|_| watcher.forget())?;
    Ok(true)
}

/// Loads the index from its files, or from the records where files are missing or damaged. Until that is done, others
/// see what was there before.
///
/// # Errors
/// What the database says; the next catch-up tries again.
pub fn reload(shared: &SharedIndex, pool: &Pool) -> Result<()> {
    let mut watcher = shared.watcher.lock();
    watcher.moved().map_err(|error| pool.explain(error))?;
    load(shared, pool).inspect_err(|_| watcher.forget())
}

/// Builds the index from the records, because an index file turned out to be damaged.
///
/// # Errors
/// What the database says.
pub fn repair(shared: &SharedIndex, pool: &Pool, damaged: Damaged) -> Result<()> {
    invalidate(shared, pool, damaged)?;
    reload(shared, pool)
}

fn follow(shared: &SharedIndex, pool: &Pool) -> Result<()> {
    if advance(shared, pool, &shared.state)? { Ok(()) } else { load(shared, pool) }
}

fn load(shared: &SharedIndex, pool: &Pool) -> Result<()> {
    loop {
        pool.counters().reloads.add(1);
        let fresh = RwLock::new(IndexState { index: from_files(shared, pool)? });
        if advance(shared, pool, &fresh)? {
            shared.replace(fresh.into_inner().index);
            return Ok(());
        }
    }
}

/// The index as its files hold it, still to be caught up.
fn from_files(shared: &SharedIndex, pool: &Pool) -> Result<Index> {
    let files_invalid = shared.files_invalid.load(Ordering::Acquire);
    let mut index = if files_invalid { Index::default() } else { index_files::load(pool)? };
    // An index that starts from nothing needs no deletion of the past.
    if index.position() == Position::default() {
        index.set_position(pool.read(changes::start)?);
    }
    Ok(index)
}

/// Takes in what was committed since; false if that is not possible, and the index has to be loaded again.
fn advance(shared: &SharedIndex, pool: &Pool, state: &RwLock<IndexState>) -> Result<bool> {
    let start = Instant::now();
    let mut taken = 0;
    loop {
        let from = state.read().index.position();
        // Texts of own writes are not read back: their terms were handed over.
        let known = |seq| shared.is_handed_over(seq);
        let Some(mut feed) = pool.read(|conn| changes::since(conn, from, STRETCH, &known))? else {
            log::info!("the change feed of {:?} was pruned; loading the index again", pool.path());
            return Ok(false);
        };
        taken += feed.added.len() + feed.deleted.len();
        let complete = feed.complete;
        let terms = terms(shared, &mut feed.added);
        if let Err(damaged) = state.write().take_in(feed, &terms) {
            invalidate(shared, pool, damaged)?;
            return Ok(false);
        }
        if complete {
            break;
        }
    }
    shared.clear_handed_over();
    pool.counters().catch_ups.add(1);
    pool.counters().caught_up.add(taken as u64);
    log::debug!("took in {taken} changes of {:?} in {:.1?}", pool.path(), start.elapsed());
    Ok(true)
}

/// Terms and vector of each record: those that were handed over, and of other records those in the feed.
fn terms(shared: &SharedIndex, added: &mut [Added]) -> Vec<Terms> {
    let known = shared.take_handed_over(added.iter().map(|record| record.seq));
    let analyzed =
        parallel::map(added.len(), 128, |i| added[i].text.as_ref().map(|text| Bag::of(&text.content)));
    let terms = |((record, known), bag): ((&mut Added, Option<_>), Option<Bag>)| match known {
        Some((entries, at)) => Terms::HandedOver(entries, at),
        None => {
            let embedding = record.text.take().and_then(|text| text.embedding);
            Terms::Analyzed(bag.unwrap_or_default(), embedding)
        }
    };
    added.iter_mut().zip(known).zip(analyzed).map(terms).collect()
}

fn invalidate(shared: &SharedIndex, pool: &Pool, damaged: Damaged) -> Result<()> {
    shared.files_invalid.store(pool.is_read_only(), Ordering::Release);
    index_files::invalidate(pool, damaged)
}
