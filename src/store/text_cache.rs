//! Texts that searches have read, kept for the next ones: what was a candidate once will be one again.

use parking_lot::{RwLock, RwLockWriteGuard};
use rusqlite::Connection;

use crate::backend::sqlite::records;
use crate::error::Result;
use crate::rank::Texts;
use crate::record::Seq;
use crate::text::beginning;

/// When the younger generation takes so many bytes, the older one is given up.
const GENERATION_BYTES: usize = 12 << 20;

/// Longer texts are not kept.
const KEPT_BYTES: usize = 16 << 10;

/// The texts that were read last, bounded. A record never changes under its sequence number, so they never grow stale.
#[derive(Debug, Default)]
pub struct TextCache(RwLock<Generations>);

/// All that a search looks at is in the younger generation, or brought there from the older one.
#[derive(Debug, Default)]
struct Generations {
    young: Texts,
    old: Texts,
}

impl TextCache {
    /// Lends `work` texts of these records: of the first ones, as long as they have no more than `budget` bytes
    /// together, but one at least. `None` when a record is gone.
    ///
    /// # Errors
    /// What the database says.
    pub fn lend<T>(
        &self,
        conn: &Connection,
        seqs: &[Seq],
        budget: usize,
        work: impl FnOnce(&Texts, &[Seq]) -> T,
    ) -> Result<Option<T>> {
        let generations = self.0.read();
        if let Some(within) = generations.young_within(seqs, budget) {
            return Ok(Some(work(&generations.young, within)));
        }
        let missing: Vec<Seq> = seqs.iter().copied().filter(|&seq| !generations.hold(seq)).collect();
        drop(generations);
        let contents = records::contents(conn, &missing)?;
        if contents.len() < missing.len() {
            return Ok(None);
        }
        let mut generations = self.0.write();
        generations.take_in(seqs, contents, budget);
        let generations = RwLockWriteGuard::downgrade(generations);
        match generations.young_within(seqs, budget) {
            Some(within) => Ok(Some(work(&generations.young, within))),
            None => {
                drop(generations);
                lend_once(conn, seqs, budget, work)
            }
        }
    }

    /// Forgets all, because sequence numbers began anew.
    pub fn clear(&self) {
        *self.0.write() = Generations::default();
    }

    /// Bytes on the heap, about.
    pub fn bytes(&self) -> usize {
        let generations = self.0.read();
        generations.young.bytes() + generations.old.bytes()
    }
}

/// As [`TextCache::lend`], without keeping anything.
///
/// # Errors
/// What the database says.
pub fn lend_once<T>(
    conn: &Connection,
    seqs: &[Seq],
    budget: usize,
    work: impl FnOnce(&Texts, &[Seq]) -> T,
) -> Result<Option<T>> {
    let (mut texts, mut bytes) = (Texts::default(), 0);
    for (i, &seq) in seqs.iter().enumerate() {
        let Some((_, text)) = records::contents(conn, &[seq])?.pop() else { return Ok(None) };
        bytes += text.len();
        if bytes > budget && i > 0 {
            return Ok(Some(work(&texts, &seqs[..i])));
        }
        texts.read(seq, beginning(&text, budget));
    }
    Ok(Some(work(&texts, seqs)))
}

impl Generations {
    fn hold(&self, seq: Seq) -> bool {
        self.young.get(seq).or_else(|| self.old.get(seq)).is_some()
    }

    /// The first records with texts within the budget, if the younger generation holds those.
    fn young_within<'a>(&self, seqs: &'a [Seq], budget: usize) -> Option<&'a [Seq]> {
        let mut bytes = 0;
        for (i, &seq) in seqs.iter().enumerate() {
            bytes += self.young.get(seq)?.bytes;
            if bytes > budget && i > 0 {
                return Some(&seqs[..i]);
            }
        }
        Some(seqs)
    }

    /// Brings records into the younger generation, from the older one or of `contents`, which have the same order. One
    /// record beyond the budget comes too, so that it is known where the budget ends; the first that is too long to be
    /// kept is the end.
    fn take_in(&mut self, seqs: &[Seq], contents: Vec<(Seq, String)>, budget: usize) {
        if self.young.bytes() > GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
        }
        let mut contents = contents.into_iter().peekable();
        let mut bytes = 0;
        for &seq in seqs {
            self.young.adopt(&self.old, seq);
            if let Some((_, text)) = contents.next_if(|(next, _)| *next == seq) {
                if text.len() > KEPT_BYTES {
                    return;
                }
                self.young.read(seq, &text);
            }
            bytes += self.young.get(seq).map_or(0, |text| text.bytes);
            if bytes > budget {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::record::Record;
    use crate::store::{OnConflict, Options, Store};

    /// Lends from a library, and for once, to the same outcome: how many texts, and the bytes of the last.
    fn lent(store: &Store, library: &TextCache, seqs: &[Seq], budget: usize) -> Option<(usize, usize)> {
        let look = |texts: &Texts, seqs: &[Seq]| {
            (seqs.len(), seqs.last().and_then(|&seq| texts.get(seq)).map_or(0, |text| text.bytes))
        };
        store
            .read(|conn| {
                let found = library.lend(conn, seqs, budget, look)?;
                assert_eq!(found, lend_once(conn, seqs, budget, look)?);
                assert_eq!(found, library.lend(conn, seqs, budget, look)?, "now from memory");
                Ok(found)
            })
            .unwrap()
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
        let library = TextCache::default();
        assert_eq!(lent(&store, &library, &[3, 1, 2], 9), Some((3, 2)));
        assert_eq!(lent(&store, &library, &[3, 1, 2], 5), Some((2, 1)));
        assert_eq!(lent(&store, &library, &[3, 1], 3), Some((1, 3)));
        assert_eq!(lent(&store, &library, &[], 0), Some((0, 0)));
        assert_eq!(lent(&store, &library, &[1, 4], 9), None);
    }

    #[test]
    fn long_texts_are_read_but_not_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = store(&folder, [KEPT_BYTES + 1, 4].into_iter().map(|letters| "x".repeat(letters)));
        let library = TextCache::default();
        assert_eq!(lent(&store, &library, &[2, 1], usize::MAX), Some((2, KEPT_BYTES + 1)));
        let kept = |seq| library.0.read().hold(seq);
        assert!(kept(2) && !kept(1));
    }

    #[test]
    fn it_stays_small_and_what_is_used_stays_in_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let text = |n: usize| (0..50).map(|word| format!("w{n}x{word} ")).collect();
        let store = store(&folder, (0..4000).map(text));
        let library = TextCache::default();
        let seqs: Vec<Seq> = (2..=4000).collect();
        for part in seqs.chunks(50) {
            let bytes = lent(&store, &library, &[&[1], part].concat(), usize::MAX);
            assert!(bytes.is_some() && library.bytes() < 3 * GENERATION_BYTES);
        }
        let generations = library.0.read();
        assert!(generations.hold(1) && !generations.hold(2));
        drop(generations);
        library.clear();
        assert!(library.bytes() == 0);
    }
}
