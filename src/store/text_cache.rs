//! Caches the texts that searches read: a record that was a candidate is often one again.

use std::ops::Deref;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::search_error::SearchError;
use crate::backend::Snapshot;
use crate::backend::budget::Budget;
use crate::rank::Texts;
use crate::record::Seq;

/// When the younger generation takes this many bytes, the older one is dropped.
const GENERATION_BYTES: usize = 12 << 20;

/// While it has more bytes, the younger generation takes in no text.
const MOST_BYTES: usize = 2 * GENERATION_BYTES;

/// Longer texts are not cached.
const KEPT_BYTES: usize = 2 << 20;

/// The texts that were read last, up to a limit. The record with a number never changes, so a cached text stays valid.
#[derive(Debug, Default)]
pub struct TextCache(RwLock<Generations>);

/// A search reads from the young generation. Texts that are in the old one are moved to the young one first.
#[derive(Debug, Default)]
struct Generations {
    young: Texts,
    old: Texts,
}

/// Texts of records. The cache changes only after this is dropped, so drop it before asking for other texts.
#[derive(Debug)]
pub struct ReadTexts<'c> {
    texts: Held<'c>,
    count: usize,
}

#[derive(Debug)]
enum Held<'c> {
    Cached(RwLockReadGuard<'c, Generations>),
    Own(Box<Texts>),
}

impl ReadTexts<'_> {
    /// How many of the requested records are within the budget.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Deref for ReadTexts<'_> {
    type Target = Texts;

    fn deref(&self) -> &Texts {
        match &self.texts {
            Held::Cached(generations) => &generations.young,
            Held::Own(texts) => texts,
        }
    }
}

impl TextCache {
    /// The texts of these records, from the first one on, until the budget is used up.
    ///
    /// # Errors
    /// [`SearchError::Outdated`] when a record is gone; what the database says.
    pub fn get(
        &self,
        snapshot: &dyn Snapshot,
        seqs: &[Seq],
        budget: Budget,
    ) -> Result<ReadTexts<'_>, SearchError> {
        let generations = self.0.read();
        if let Some(count) = generations.young_within(seqs, budget) {
            return Ok(ReadTexts { texts: Held::Cached(generations), count });
        }
        let missing: Vec<Seq> = seqs.iter().copied().filter(|&seq| !generations.hold(seq)).collect();
        drop(generations);
        let contents = contents(snapshot, &missing, budget)?;
        let mut generations = self.0.write();
        generations.take_in(seqs, contents);
        let generations = RwLockWriteGuard::downgrade(generations);
        match generations.young_within(seqs, budget) {
            Some(count) => Ok(ReadTexts { texts: Held::Cached(generations), count }),
            None => {
                drop(generations);
                read(snapshot, seqs, budget)
            }
        }
    }

    /// Empties the cache, because record numbers started over.
    pub fn clear(&self) {
        *self.0.write() = Generations::default();
    }

    /// Bytes on the heap, approximately.
    pub fn bytes(&self) -> usize {
        let generations = self.0.read();
        generations.young.bytes() + generations.old.bytes()
    }
}

/// [`Snapshot::contents`], if none of these records is gone.
fn contents(
    snapshot: &dyn Snapshot,
    seqs: &[Seq],
    budget: Budget,
) -> Result<Vec<(Seq, String)>, SearchError> {
    let contents = snapshot.contents(seqs, budget)?;
    let in_order = contents.iter().zip(seqs).all(|((found, _), wanted)| found == wanted);
    let is_complete =
        contents.len() == seqs.len() || budget.is_used_up(contents.iter().map(|(_, text)| text.len()));
    match in_order && is_complete {
        true => Ok(contents),
        false => Err(SearchError::Outdated),
    }
}

/// As [`TextCache::get`], without a cache.
///
/// # Errors
/// As [`TextCache::get`].
pub fn read(
    snapshot: &dyn Snapshot,
    seqs: &[Seq],
    budget: Budget,
) -> Result<ReadTexts<'static>, SearchError> {
    let (mut texts, mut bytes, mut count) = (Box::<Texts>::default(), 0usize, 0);
    for &seq in seqs {
        let (_, text) = snapshot.contents(&[seq], Budget::UNLIMITED)?.pop().ok_or(SearchError::Outdated)?;
        bytes += text.len().min(budget.each);
        if bytes > budget.total && count > 0 {
            break;
        }
        texts.read(seq, &text);
        count += 1;
    }
    Ok(ReadTexts { texts: Held::Own(texts), count })
}

impl Generations {
    fn hold(&self, seq: Seq) -> bool {
        self.young.get(seq).or_else(|| self.old.get(seq)).is_some()
    }

    /// How many of the first records have texts within the budget, if the younger generation holds those.
    fn young_within(&self, seqs: &[Seq], budget: Budget) -> Option<usize> {
        budget.covers(seqs.iter().map(|&seq| Some(self.young.get(seq)?.bytes)))
    }

    /// Brings records into the younger generation, from the older one or from `contents`, which have the same order. The first
    /// text that cannot be kept ends it.
    fn take_in(&mut self, seqs: &[Seq], contents: Vec<(Seq, String)>) {
        if self.young.bytes() > GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
        }
        let mut contents = contents.into_iter().peekable();
        for &seq in seqs {
            self.young.adopt(&self.old, seq);
            if let Some((_, text)) = contents.next_if(|(next, _)| *next == seq) {
                if text.len() > KEPT_BYTES || self.young.bytes() > MOST_BYTES {
                    return;
                }
                self.young.read(seq, &text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::record::Record;
    use crate::store::{OnConflict, Options, Store};

    /// Reads through a cache and without one, to the same outcome: how many texts, and the bytes of the last.
    fn read_texts(store: &Store, cache: &TextCache, seqs: &[Seq], total: usize) -> Option<(usize, usize)> {
        let budget = Budget { total, each: total };
        let snapshot = store.spaces.snapshot(None).unwrap();
        let look = |texts: Result<ReadTexts<'_>, SearchError>| match texts {
            Ok(texts) => {
                let last = texts.count().checked_sub(1).and_then(|last| texts.get(seqs[last]));
                Some((texts.count(), last.map_or(0, |text| text.bytes)))
            }
            Err(SearchError::Outdated) => None,
            Err(error) => panic!("{error:?}"),
        };
        let found = look(cache.get(&*snapshot, seqs, budget));
        assert_eq!(found, look(read(&*snapshot, seqs, budget)));
        assert_eq!(found, look(cache.get(&*snapshot, seqs, budget)), "now from memory");
        found
    }

    fn store(folder: &tempfile::TempDir, contents: impl Iterator<Item = String>) -> Store {
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        store.add(contents.map(Record::new).collect(), OnConflict::Fail).unwrap();
        store
    }

    #[test]
    fn texts_come_in_order_within_the_budget() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = store(&folder, [1, 2, 3].into_iter().map(|letters| "x".repeat(letters)));
        let cache = TextCache::default();
        assert_eq!(read_texts(&store, &cache, &[3, 1, 2], 9), Some((3, 2)));
        assert_eq!(read_texts(&store, &cache, &[3, 1, 2], 5), Some((2, 1)));
        assert_eq!(read_texts(&store, &cache, &[3, 1], 3), Some((1, 3)));
        let all_of_the_first = Budget { total: 1, each: 9 };
        let snapshot = store.spaces.snapshot(None).unwrap();
        let found = TextCache::default().get(&*snapshot, &[3, 2, 1], all_of_the_first).unwrap().count();
        assert_eq!(found, 1, "the first text is read even if it is beyond the budget");
        assert_eq!(read_texts(&store, &cache, &[], 0), Some((0, 0)));
        assert_eq!(read_texts(&store, &cache, &[1, 4], 9), None);
    }

    #[test]
    fn long_texts_are_read_but_not_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = store(&folder, [KEPT_BYTES + 1, 4].into_iter().map(|letters| "x".repeat(letters)));
        let cache = TextCache::default();
        assert_eq!(read_texts(&store, &cache, &[2, 1], usize::MAX), Some((2, KEPT_BYTES + 1)));
        let kept = |seq| cache.0.read().hold(seq);
        assert!(kept(2) && !kept(1));
    }

    #[test]
    fn it_stays_small_and_what_is_used_stays_in_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let text = |n: usize| (0..50).map(|word| format!("w{n}x{word} ")).collect();
        let store = store(&folder, (0..4000).map(text));
        let cache = TextCache::default();
        let seqs: Vec<Seq> = (2..=4000).collect();
        for part in seqs.chunks(50) {
            let bytes = read_texts(&store, &cache, &[&[1], part].concat(), usize::MAX);
            assert!(bytes.is_some() && cache.bytes() < 3 * GENERATION_BYTES);
        }
        let generations = cache.0.read();
        assert!(generations.hold(1) && !generations.hold(2));
        drop(generations);
        cache.clear();
        assert!(cache.bytes() == 0);
    }
}
