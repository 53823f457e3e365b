//! The index of one file, shared by all stores of this process on it.
//!
//! Locks, in the order in which a thread may take them:
//!
//! 1. [`registry`](super::registry): the cell of a file, held while its index is loaded. The map of cells is locked alone.
//! 2. `catching_up`: held while a thread waits for its task, which takes the locks below, and asks for interrupts in between.
//! 3. `watch`: held for a whole catch-up or reload.
//! 4. `index`: held for writing only while changes are taken in, for reading during a search.
//! 5. The index of a scope: held for writing while it takes in changes, without the locks above, for reading during a search.
//! 6. `handed_over`, `filters`, `scopes`, `texts`, `persisting`: each alone.
//!
//! A thread that holds a snapshot takes none of the first three: their holders wait for connections.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use super::filter_cache::FilterCache;
use super::scope_index::ScopeIndexes;
use super::text_cache::TextCache;
use super::worker::Worker;

use crate::backend::Watch;
use crate::backend::write::NewRecord;
use crate::index::{Index, Size};
use crate::record::Seq;

/// Everything in memory that is derived from the records of one file.
pub struct SharedIndex {
    /// Terms and vectors of the records, at one position of the change feed. [`super::follower`] and [`super::persister`]
    /// change it.
    pub index: RwLock<Index>,
    /// The filters that searches used.
    pub filters: FilterCache,
    /// The indexes of small scopes that searches used.
    pub scopes: ScopeIndexes,
    /// The texts that searches read.
    pub texts: TextCache,
    /// Held during a whole catch-up. So a thread that holds it and finds no new commit knows that the index is up to date.
    pub watch: Mutex<Box<dyn Watch>>,
    handed_over: Mutex<FxHashMap<Seq, HandedOver>>,
    /// The index files are damaged, and the store is read-only, so that the manifest still names them.
    pub files_invalid: AtomicBool,
    /// Takes in large writes.
    pub catching_up: Worker,
    /// Writes index files.
    pub persisting: Worker,
}

/// A record that a writer of this process has analyzed: all records of the write, and the place of this one.
type HandedOver = (Arc<Vec<NewRecord>>, usize);

impl SharedIndex {
    /// An empty index, to be loaded. `watch` watches its file.
    pub fn new(watch: Box<dyn Watch>) -> Self {
        Self {
            index: RwLock::default(),
            filters: FilterCache::default(),
            scopes: ScopeIndexes::default(),
            texts: TextCache::default(),
            watch: Mutex::new(watch),
            handed_over: Mutex::default(),
            files_invalid: AtomicBool::new(false),
            catching_up: Worker::new("agentmem-follow"),
            persisting: Worker::new("agentmem-index"),
        }
    }

    /// The size of the indexes and of the cached texts.
    pub fn size(&self) -> Size {
        let mut size = self.index.read().size();
        size.heap += (self.scopes.bytes() + self.texts.bytes()) as u64;
        size
    }

    /// Keeps the terms of committed records until the next catch-up takes them in.
    pub fn hand_over(&self, seqs: &[Option<Seq>], records: &Arc<Vec<NewRecord>>) {
        let written = seqs.iter().enumerate().filter_map(|(at, seq)| Some(((*seq)?, at)));
        self.handed_over.lock().extend(written.map(|(seq, at)| (seq, (Arc::clone(records), at))));
    }

    /// How many records wait for that.
    pub fn waiting(&self) -> usize {
        self.handed_over.lock().len()
    }

    /// True if terms were handed over for this record.
    pub fn is_handed_over(&self, seq: Seq) -> bool {
        self.handed_over.lock().contains_key(&seq)
    }

    /// Takes back what was handed over for each of these records. If they are the `last` part of the feed, drops the rest,
    /// whose records no longer exist.
    pub fn take_handed_over(&self, seqs: impl Iterator<Item = Seq>, last: bool) -> Vec<Option<HandedOver>> {
        let mut handed_over = self.handed_over.lock();
        let taken = seqs.map(|seq| handed_over.remove(&seq)).collect();
        if last {
            handed_over.clear();
        }
        taken
    }

    /// Drops all that was handed over: the records are read back.
    pub fn forget_handed_over(&self) {
        self.handed_over.lock().clear();
    }

    /// Puts a newly loaded index in place of the old one. Record numbers may have started over.
    pub fn replace(&self, fresh: Index) {
        let mut index = self.index.write();
        *index = fresh;
        self.filters.clear();
        self.scopes.clear();
        self.texts.clear();
    }
}
