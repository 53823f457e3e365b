//! Small scopes have indexes of their own: [`ScopeIndexes`] keeps those that were searched last.
//!
//! The statistics of a search are those of its population: the records of its scope that its viewer may see. A population
//! that is a small part of the store is read once and indexed. Its index has nothing of other records, and answers faster
//! than that of the store.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::parallel;
use crate::backend::Snapshot;
use crate::backend::budget::Budget;
use crate::backend::feed::Position;
use crate::error::Result;
use crate::index::Index;
use crate::record::{Filter, Seq};
use crate::text::Bag;

/// Most records of such an index.
pub const MOST_RECORDS: usize = 1 << 14;

/// Most bytes of their texts.
const MOST_TEXT: usize = 16 << 20;

/// Texts that are read in one go.
const BATCH: usize = 250;

/// Most indexes that are kept.
const KEPT: usize = 256;

/// Most bytes that all of them take; the last is kept however large it is.
const KEPT_BYTES: usize = 48 << 20;

/// The indexes that searches used last, the last one at the end.
#[derive(Debug, Default)]
pub struct ScopeIndexes(Mutex<Vec<Arc<Kept>>>);

/// What is kept for a population.
#[derive(Debug)]
pub struct Kept {
    population: Filter,
    state: RwLock<State>,
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    index: Index,
    /// Everything up to here was taken in.
    position: Position,
    /// Bytes of the texts that were read.
    text: usize,
    /// The index is not complete, because there is more than [`MOST_TEXT`].
    too_large: bool,
}

/// An index while it is read.
pub struct ScopeIndex<'k>(RwLockReadGuard<'k, State>);

impl Deref for ScopeIndex<'_> {
    type Target = Index;

    fn deref(&self) -> &Index {
        &self.0.index
    }
}

impl Kept {
    /// The index. It has everything that the snapshot saw, and may have what came since.
    pub fn read(&self) -> ScopeIndex<'_> {
        ScopeIndex(self.state.read())
    }
}

impl ScopeIndexes {
    /// The index of a population, up to `position` or further; `None` if it would be too large. `seqs` are the numbers of its
    /// records up to there, at most [`MOST_RECORDS`], in ascending order.
    ///
    /// # Errors
    /// What the database says.
    pub fn get(
        &self,
        snapshot: &dyn Snapshot,
        population: &Filter,
        seqs: &[Seq],
        position: Position,
    ) -> Result<Option<Arc<Kept>>> {
        let kept = self.find(population);
        if !kept.state.read().reaches(position) {
            let mut state = kept.state.write();
            state.advance(snapshot, seqs)?;
            kept.bytes.store(state.index.size().heap as usize, Ordering::Relaxed);
        }
        let too_large = kept.state.read().too_large;
        Ok((!too_large).then_some(kept))
    }

    /// Forgets all, because record numbers started over.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    /// Bytes on the heap, about.
    pub fn bytes(&self) -> usize {
        bytes(&self.0.lock())
    }

    fn find(&self, population: &Filter) -> Arc<Kept> {
        let mut all = self.0.lock();
        if let Some(at) = all.iter().position(|kept| kept.population == *population) {
            all[at..].rotate_left(1);
        } else {
            let (population, state) = (population.clone(), RwLock::default());
            all.push(Arc::new(Kept { population, state, bytes: AtomicUsize::new(0) }));
        }
        while all.len() > KEPT || (all.len() > 1 && bytes(&all) > KEPT_BYTES) {
            all.remove(0);
        }
        Arc::clone(&all[all.len() - 1])
    }
}

fn bytes(all: &[Arc<Kept>]) -> usize {
    all.iter().map(|kept| kept.bytes.load(Ordering::Relaxed)).sum()
}

impl State {
    fn reaches(&self, position: Position) -> bool {
        self.too_large || self.position.seq >= position.seq && self.position.deletion >= position.deletion
    }

    /// Takes in those of these records that the snapshot sees.
    fn advance(&mut self, snapshot: &dyn Snapshot, seqs: &[Seq]) -> Result<()> {
        let newest = snapshot.newest()?;
        if self.too_large || self.reaches(newest) {
            return Ok(());
        }
        if newest.deletion > self.position.deletion && !self.remove(snapshot, newest)? {
            *self = Self::default();
        }
        let known = seqs.partition_point(|&seq| seq <= self.position.seq);
        for seqs in seqs[known..].chunks(BATCH) {
            let budget = Budget { total: MOST_TEXT - self.text, each: usize::MAX };
            self.add(snapshot.contents(seqs, budget)?);
            if self.text > MOST_TEXT {
                *self = Self { too_large: true, ..Self::default() };
                return Ok(());
            }
        }
        self.position = newest;
        Ok(())
    }

    /// Takes in deletions. False if it is better to start anew.
    fn remove(&mut self, snapshot: &dyn Snapshot, newest: Position) -> Result<bool> {
        if self.position == Position::default() {
            // Nothing was read yet.
            return Ok(true);
        }
        let from = Position { seq: newest.seq, ..self.position };
        let Some(feed) = snapshot.feed(from, 1, Some(&|_| true))? else { return Ok(false) };
        let removed = feed.deleted.into_iter().try_for_each(|seqs| self.index.remove(seqs));
        let wasted = self.index.deleted_memtable_records() > self.index.memtable_records() / 2;
        Ok(removed.is_ok() && !wasted)
    }

    fn add(&mut self, texts: Vec<(Seq, String)>) {
        let bags = parallel::map(texts.len(), 32, |i| Bag::of(&texts[i].1));
        for ((seq, _), bag) in texts.iter().zip(&bags) {
            self.index.add(*seq, bag, None);
        }
        self.text += texts.iter().map(|(_, text)| text.len()).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::TempDir;

    use super::*;
    use crate::rank::Statistics;
    use crate::record::{Record, RecordId, Scope};
    use crate::store::{OnConflict, Options, Store};

    fn population(scope: &str) -> Filter {
        Filter { scope: Some(Scope::parse(scope).unwrap()), ..Filter::default() }
    }

    fn add(store: &Store, scope: &str, content: &str) -> RecordId {
        let record = Record { scope: Scope::parse(scope).unwrap(), ..Record::new(content) };
        store.add(vec![record], OnConflict::Fail).unwrap().remove(0)
    }

    fn get(scopes: &ScopeIndexes, snapshot: &dyn Snapshot, scope: &str) -> Option<Arc<Kept>> {
        let seqs = snapshot.seqs_matching(&population(scope), 0).unwrap();
        scopes.get(snapshot, &population(scope), &seqs, snapshot.newest().unwrap()).unwrap()
    }

    /// How many records hold "red", and how many there are.
    fn look(scopes: &ScopeIndexes, store: &Store, scope: &str) -> (u64, u64) {
        let snapshot = store.spaces.snapshot(None).unwrap();
        let kept = get(scopes, &*snapshot, scope).unwrap();
        let index = kept.read();
        (index.document_frequency("red").unwrap(), index.collection().records)
    }

    #[test]
    fn an_index_follows_its_scope() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        let scopes = ScopeIndexes::default();
        assert_eq!(look(&scopes, &store, "/a"), (0, 0));
        let ids: Vec<RecordId> = (0..8).map(|_| add(&store, "/a/b", "red car")).collect();
        add(&store, "/a", "blue car");
        add(&store, "/ab", "red car");
        assert_eq!(look(&scopes, &store, "/a"), (8, 9));
        for (gone, id) in (1..).zip(ids) {
            store.delete(&Filter { ids: Some(vec![id]), ..Filter::all() }, None).unwrap();
            assert_eq!(look(&scopes, &store, "/a"), (8 - gone, 9 - gone));
        }
        add(&store, "/a", "red bike");
        assert_eq!(look(&scopes, &store, "/a"), (1, 2));
    }

    #[test]
    fn the_scopes_that_were_used_last_are_kept() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        add(&store, "/first", "red car");
        let scopes = ScopeIndexes::default();
        for other in 0..2 * KEPT {
            look(&scopes, &store, "/first");
            look(&scopes, &store, &format!("/{other}"));
        }
        let kept = scopes.0.lock();
        assert_eq!(kept.len(), KEPT);
        assert!(kept.iter().any(|kept| kept.population == population("/first")));
    }

    #[test]
    fn long_records_have_no_index_of_their_own() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        (0..17).for_each(|_| drop(add(&store, "/a", &"red ".repeat(1 << 18))));
        let scopes = ScopeIndexes::default();
        let snapshot = store.spaces.snapshot(None).unwrap();
        assert!(get(&scopes, &*snapshot, "/a").is_none());
        assert!(scopes.bytes() < 1 << 20);
    }
}
