//! The index of one file, shared by all stores of this process on it.
//!
//! Locks, in the order in which a thread may take them:
//!
//! 1. [`registry`](super::registry): the cell of a file, held while its index is loaded. The map of cells is locked alone.
//! 2. `catching_up`: held until the work before has ended, which takes the locks below.
//! 3. `watcher`: held for a whole catch-up or reload.
//! 4. `state`: held for writing only while changes are taken in, for reading during a search.
//! 5. `handed_over`, `filters`, `texts`, `persisting`: each alone.
//!
//! A thread that holds a connection takes none of the first three: whoever holds those asks for connections.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use super::filter_cache::FilterCache;
use super::text_cache::TextCache;
use super::worker::Worker;
use crate::backend::feed::Feed;
use crate::backend::sqlite::changes::Watcher;
use crate::backend::write::Entry;
use crate::index::{Damaged, Index, Position, Size};
use crate::record::Seq;
use crate::text::Bag;

/// Everything that is derived in memory from one file's records.
pub struct SharedIndex {
    /// Changed by [`super::follower`] and [`super::persister`].
    pub state: RwLock<IndexState>,
    /// The filters that searches used.
    pub filters: FilterCache,
    /// The texts that searches read.
    pub texts: TextCache,
    /// Whoever holds it and finds that nothing was committed knows that the last catch-up has ended.
    pub watcher: Mutex<Watcher>,
    handed_over: Mutex<FxHashMap<Seq, HandedOver>>,
    /// The index files are damaged, and the store is read-only, so that the manifest still names them.
    pub files_invalid: AtomicBool,
    /// Takes in large writes.
    pub catching_up: Worker,
    /// Writes index files.
    pub persisting: Worker,
}

/// Terms and vectors of the records, at one position of the change feed.
#[derive(Debug, Default)]
pub struct IndexState {
    /// Terms and vectors.
    pub index: Index,
}

/// A record that a writer of this process has analyzed: the entries of its write, and which of them it is.
type HandedOver = (Arc<Vec<Entry>>, usize);

/// The terms and the vector of a new record.
pub enum Terms {
    /// Of the writer.
    HandedOver(Arc<Vec<Entry>>, usize),
    /// Of the text in the feed.
    Analyzed(Bag, Option<Vec<f32>>),
}

impl Terms {
    fn bag(&self) -> &Bag {
        match self {
            Self::HandedOver(entries, at) => entries[*at].terms(),
            Self::Analyzed(bag, _) => bag,
        }
    }

    fn embedding(&self) -> Option<&[f32]> {
        match self {
            Self::HandedOver(entries, at) => entries[*at].record.embedding.as_deref(),
            Self::Analyzed(_, embedding) => embedding.as_deref(),
        }
    }
}

impl SharedIndex {
    /// An empty one, to be loaded. `watcher` watches its file.
    pub fn new(watcher: Watcher) -> Self {
        Self {
            state: RwLock::default(),
            filters: FilterCache::default(),
            texts: TextCache::default(),
            watcher: Mutex::new(watcher),
            handed_over: Mutex::default(),
            files_invalid: AtomicBool::new(false),
            catching_up: Worker::new("agentmem-follow"),
            persisting: Worker::new("agentmem-index"),
        }
    }

    /// What the index and the cached texts take.
    pub fn size(&self) -> Size {
        let mut size = self.state.read().index.size();
        size.heap += self.texts.bytes() as u64;
        size
    }

    /// Keeps the terms of committed records until the next catch-up takes them in.
    pub fn hand_over(&self, seqs: &[Option<Seq>], entries: &Arc<Vec<Entry>>) {
        let written = seqs.iter().enumerate().filter_map(|(at, seq)| Some(((*seq)?, at)));
        self.handed_over.lock().extend(written.map(|(seq, at)| (seq, (Arc::clone(entries), at))));
    }

    /// True if terms were handed over for this record.
    pub fn is_handed_over(&self, seq: Seq) -> bool {
        self.handed_over.lock().contains_key(&seq)
    }

    /// Takes back what was handed over for each of these records.
    pub fn take_handed_over(&self, seqs: impl Iterator<Item = Seq>) -> Vec<Option<HandedOver>> {
        let mut handed_over = self.handed_over.lock();
        seqs.map(|seq| handed_over.remove(&seq)).collect()
    }

    /// Drops what was handed over for records that are gone.
    pub fn clear_handed_over(&self) {
        self.handed_over.lock().clear();
    }

    /// Puts a newly loaded index in place of the old one. Row numbers may have begun anew.
    pub fn replace(&self, fresh: Index) {
        let mut state = self.state.write();
        *state = IndexState { index: fresh };
        self.filters.clear();
        // The generations of the new index begin anew too: a document frequency must not outlive the old one.
        self.texts.clear();
    }
}

impl IndexState {
    /// Takes in a stretch of the change feed; `terms` are those of its new records, in order.
    ///
    /// # Errors
    /// [`Damaged`] when an index file cannot be read.
    pub fn take_in(&mut self, feed: Feed, terms: &[Terms]) -> Result<(), Damaged> {
        let Feed { added, deleted, position, complete } = feed;
        for (record, terms) in added.iter().zip(terms) {
            self.index.add(record.seq, terms.bag(), terms.embedding());
        }
        // Deletions wait for the last stretch, so that an updated record is found at any moment, old or new. The feed
        // lists them again until then.
        let mut deletion = self.index.position().deletion;
        if complete {
            deleted.into_iter().try_for_each(|range| self.index.remove(range))?;
            deletion = position.deletion;
        }
        self.index.set_position(Position { seq: position.seq, deletion });
        Ok(())
    }
}
