//! Handles: stores that can be closed before a fork and opened again at the next call, in the parent and in the child.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::call::CallGuard;
use crate::error::{Error, Result};
use crate::store::{Options, Store};

static HANDLES: Mutex<Vec<Weak<Handle>>> = Mutex::new(Vec::new());

/// How to open a store, and the store while it is open.
pub struct Handle {
    options: Options,
    open: Mutex<Option<Arc<Store>>>,
    closed: AtomicBool,
}

impl Handle {
    /// Opens a store.
    ///
    /// # Errors
    /// Like [`Store::open`].
    pub fn new(options: Options) -> Result<Arc<Self>> {
        let _call = CallGuard::begin();
        let open = Mutex::new(Some(Arc::new(Store::open(options.clone())?)));
        let handle = Arc::new(Self { options, open, closed: AtomicBool::new(false) });
        let mut handles = HANDLES.lock();
        handles.retain(|handle| handle.strong_count() > 0);
        handles.push(Arc::downgrade(&handle));
        Ok(handle)
    }

    /// Calls the core.
    ///
    /// # Errors
    /// [`Error::Closed`], and those of `work`.
    pub fn call<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let _call = CallGuard::begin();
        if self.is_closed() {
            return Err(Error::Closed(self.options.path.clone()));
        }
        let open = self.open.lock().clone();
        let store = open.map_or_else(|| self.open_again(), Ok)?;
        work(&store)
    }

    /// Opens the store after a fork. No lock is held meanwhile, because a wait calls signal handlers, which may use the
    /// store. If several calls open it at once, the first one's is kept.
    fn open_again(&self) -> Result<Arc<Store>> {
        let opened = Arc::new(Store::open(self.options.clone())?);
        Ok(Arc::clone(self.open.lock().get_or_insert(opened)))
    }

    /// Closes the store for good. Calls that are in progress end first.
    ///
    /// # Errors
    /// Like [`Store::close`].
    pub fn close(&self) -> Result<()> {
        let _call = CallGuard::begin();
        self.closed.store(true, Ordering::Release);
        let store = self.open.lock().take();
        store.map_or(Ok(()), |store| store.close())
    }

    /// Whether the store was closed for good.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// Closes all stores until they are used again; returns how many were open. No call may be in progress.
pub fn suspend_all() -> usize {
    handles().iter().filter(|handle| handle.open.lock().take().is_some()).count()
}

/// Forgets stores that could not be closed before a fork, in the child: they are the parent's, and are neither used nor
/// closed here.
pub fn forget_all() {
    for handle in handles() {
        if let Some(mut open) = handle.open.try_lock() {
            mem::forget(open.take());
        }
    }
}

fn handles() -> Vec<Arc<Handle>> {
    HANDLES.try_lock().map_or_else(Vec::new, |handles| handles.iter().filter_map(Weak::upgrade).collect())
}
