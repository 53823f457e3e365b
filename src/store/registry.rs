//! Finds the shared index of a store.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::follower;
use super::shared_index::SharedIndex;
use crate::backend::Backend;
use crate::error::Result;
use crate::interrupt;

/// Process and identity of a backend. The process is part of the key because a forked child must not use what a thread of its parent may
/// have locked.
type IndexKey = (u32, String);

/// The index of one store, while a store uses it. Locked while it is being loaded.
type Cell = Mutex<Weak<SharedIndex>>;

static CELLS: LazyLock<Mutex<HashMap<IndexKey, Arc<Cell>>>> = LazyLock::new(Mutex::default);

/// The index of a backend, and whether it was just loaded. The first that is opened of those with one identity loads it, and others
/// wait for that.
///
/// # Errors
/// [`Error::Busy`](crate::Error::Busy) when another store is still loading it after the backend's timeout,
/// [`Error::Interrupted`](crate::Error::Interrupted) when the user stops waiting for that; what the database says.
pub fn open(backend: &dyn Backend) -> Result<(Arc<SharedIndex>, bool)> {
    let cell = cell(backend.identity());
    let mut entry = interrupt::lock(&cell, "the index, which another store loads,", backend.timeout())?;
    if let Some(shared) = entry.upgrade() {
        return Ok((shared, false));
    }
    let shared = Arc::new(SharedIndex::new(backend.watch()?));
    // The user can interrupt this although the cell is locked: a signal handler that opens the same store gets an error.
    follower::reload(&shared, backend)?;
    *entry = Arc::downgrade(&shared);
    Ok((shared, true))
}

/// The cell of an identity. Cells that nobody uses are dropped.
fn cell(identity: &str) -> Arc<Cell> {
    let mut cells = CELLS.lock();
    cells.retain(|_, cell| Arc::strong_count(cell) > 1 || cell.lock().strong_count() > 0);
    Arc::clone(cells.entry((std::process::id(), identity.to_owned())).or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::{Duration, Instant};

    use tempfile::TempDir;

    use super::*;
    use crate::error::Error;
    use crate::store::{Options, Store};

    fn options(folder: &TempDir, name: &str) -> Options {
        Options { busy_timeout: Duration::from_millis(200), ..Options::new(folder.path().join(name)) }
    }

    /// Opens `name` while the index of a.db is being loaded. Returns how long that took.
    fn open_beside_loading(name: &str) -> (Result<Store>, Duration) {
        let folder = TempDir::new().unwrap();
        let first = Store::open(options(&folder, "a.db")).unwrap();
        let cell = cell(first.space("/").unwrap().backend.identity());
        let _loading = cell.lock();
        let start = Instant::now();
        (Store::open(options(&folder, name)), start.elapsed())
    }

    #[test]
    fn another_store_opens_while_an_index_is_loaded() {
        assert!(open_beside_loading("b.db").0.is_ok());
    }

    #[test]
    fn who_opens_a_store_whose_index_is_being_loaded_waits_no_longer_than_the_timeout() {
        let (opened, took) = open_beside_loading("a.db");
        assert!(matches!(opened, Err(Error::Busy { .. })));
        assert!(took >= Duration::from_millis(200));
    }

    #[test]
    fn an_interrupt_ends_the_wait_for_an_index() {
        interrupt::request_in_this_thread();
        assert!(matches!(open_beside_loading("a.db").0, Err(Error::Interrupted { .. })));
    }

    #[test]
    fn stores_that_open_one_file_at_once_share_one_index() {
        let folder = TempDir::new().unwrap();
        let opened = || Store::open(Options::new(folder.path().join("a.db"))).unwrap();
        let stores: Vec<Store> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(opened)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let shared =
            |store: &Store| std::ptr::from_ref(store.space("/").unwrap().index.as_ref().unwrap().shared());
        assert!(stores.iter().all(|store| shared(store) == shared(&stores[0])));
        let key = (std::process::id(), stores[0].space("/").unwrap().backend.identity().to_owned());
        drop(stores);
        Store::open(Options::new(folder.path().join("b.db"))).unwrap();
        assert!(!CELLS.lock().contains_key(&key), "a cell that nobody uses is dropped");
    }
}
