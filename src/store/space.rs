//! A space: a backend, the queue of its writes, and its index.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::index_handle::IndexHandle;
use super::scope_index::ScopeIndexes;
use super::write_queue::WriteQueue;
use super::{IndexMode, Stats, index_files, rebuild, retriever};
use crate::backend::{Backend, Progress};
use crate::error::Result;

/// What searches and writes of one space use. Many threads may use it at once.
pub struct Space {
    /// Where it is kept.
    pub backend: Arc<dyn Backend>,
    /// The writes that wait.
    pub queue: WriteQueue,
    /// `None` for [`IndexMode::Disk`].
    pub index: Option<IndexHandle>,
    /// For [`IndexMode::Disk`].
    pub scopes: ScopeIndexes,
    closed: AtomicBool,
}

impl Space {
    /// Brings the index of a space up to date, and what is derived to the version of the analyzer.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`](crate::Error::InvalidFilter) if the backend has no full text on disk; what the database says.
    pub fn open(backend: Arc<dyn Backend>, index: IndexMode) -> Result<Self> {
        if index == IndexMode::Disk {
            let snapshot = backend.snapshot()?;
            if snapshot.full_text().is_none() {
                return Err(retriever::no_full_text());
            }
            let is_due = rebuild::is_due(&*backend, &*snapshot)?;
            drop(snapshot);
            if is_due {
                rebuild::for_this_analyzer(&*backend)?;
            }
        }
        let mut space = Self {
            queue: WriteQueue::new(Arc::clone(&backend) as _),
            backend,
            index: None,
            scopes: ScopeIndexes::default(),
            closed: AtomicBool::new(false),
        };
        if index == IndexMode::Memory {
            space.index = Some(IndexHandle::open(&space.backend)?);
        }
        Ok(space)
    }

    /// Brings the index up to date with everything that is committed.
    ///
    /// # Errors
    /// What the database says.
    pub fn catch_up(&self) -> Result<()> {
        self.index.as_ref().map_or(Ok(()), IndexHandle::catch_up)
    }

    /// Derives everything from the records again. Then returns the room that deleted records left, if that is possible now.
    /// Returns how many records there are.
    ///
    /// # Errors
    /// As [`Store::rebuild`](super::Store::rebuild).
    pub fn rebuild(&self, progress: &mut Progress<'_>) -> Result<u64> {
        let (records, files) = rebuild::full_text(&*self.backend, progress)?;
        if let Some(index) = &self.index {
            index.wait();
            index.reload()?;
        }
        index_files::remove_all(&*self.backend, &files);
        rebuild::compact(&*self.backend)?;
        Ok(records)
    }

    /// Adds what is about this space.
    pub fn add_to(&self, stats: &mut Stats) {
        let size = self.index.as_ref().map(|index| index.shared().size()).unwrap_or_default();
        let counters = self.backend.counters();
        stats.index_disk_bytes += index_files::bytes_on_disk(self.backend.index_folder());
        stats.memory_bytes += size.heap;
        stats.mapped_bytes += size.mapped;
        stats.segments += size.segments;
        stats.memtable_records += size.memtable;
        stats.slow_searches += counters.slow_searches.get();
        stats.lock_waits += counters.lock_waits.get();
        stats.lock_waited += Duration::from_micros(counters.lock_wait_micros.get());
        stats.catch_ups += counters.catch_ups.get();
        stats.caught_up += counters.caught_up.get();
        stats.reloads += counters.reloads.get();
        stats.invalidated += counters.invalidated.get();
    }

    /// Bytes of the indexes and of cached texts on the heap, about.
    pub fn heap(&self) -> u64 {
        self.index.as_ref().map_or(0, |index| index.shared().size().heap)
    }

    /// Writes the index to disk if that pays. A second call does nothing.
    pub fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(index) = &self.index else { return };
        index.wait();
        if !self.backend.is_read_only() {
            index.persist_at_close();
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.close();
        // A write that ended after `close` may have started threads.
        if let Some(index) = &self.index {
            index.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::TempDir;

    use super::*;
    use crate::record::{Query, Record};
    use crate::store::{OnConflict, Options, Store};

    #[test]
    fn what_another_analyzer_derived_is_derived_again() {
        for index in [IndexMode::Memory, IndexMode::Disk] {
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("a.db");
            let options = Options { index, ..Options::new(&path) };
            let store = Store::open(options.clone()).unwrap();
            store.add(vec![Record::new("red cars")], OnConflict::Fail).unwrap();
            drop(store);
            let file = rusqlite::Connection::open(&path).unwrap();
            file.execute("UPDATE meta SET value = 0 WHERE key = 'analyzer_version'", []).unwrap();
            drop(file);
            let store = Store::open(options).unwrap();
            assert_eq!(store.search(&Query::new("car", 10)).unwrap().len(), 1);
            assert!(store.verify(&mut |_, _| true).unwrap().problems.is_empty());
        }
    }
}
