//! Handles: stores that are closed before a fork and opened again by whoever uses them next, parent or child.
//!
//! SQLite must not be carried across a fork, neither in use nor idle. So calls into the core end before a fork, and
//! new ones wait until it is over; meanwhile all stores are closed. The waiting is done without locks, since a lock
//! may be held for ever in the child.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::store::{Options, Store};

/// A fork waits so long for the calls of other threads to end.
const PATIENCE: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_micros(100);

static CALLS: AtomicUsize = AtomicUsize::new(0);
static FORKING: AtomicBool = AtomicBool::new(false);
static HANDLES: Mutex<Vec<Weak<Handle>>> = Mutex::new(Vec::new());

thread_local! {
    /// Calls of this thread: more than one when a progress function calls the store.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

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
    /// As [`Store::open`].
    pub fn new(options: Options) -> Result<Arc<Self>> {
        let _call = Call::begin();
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
    /// [`Error::Closed`], and what `work` raises.
    pub fn call<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let _call = Call::begin();
        let store = self.store()?;
        work(&store)
    }

    fn store(&self) -> Result<Arc<Store>> {
        if self.is_closed() {
            return Err(Error::Closed(self.options.path.clone()));
        }
        let mut open = self.open.lock();
        if let Some(store) = &*open {
            return Ok(Arc::clone(store));
        }
        Ok(Arc::clone(open.insert(Arc::new(Store::open(self.options.clone())?))))
    }

    /// Closes the store for good; calls that are under way end first.
    ///
    /// # Errors
    /// As [`Store::close`].
    pub fn close(&self) -> Result<()> {
        let _call = Call::begin();
        self.closed.store(true, Ordering::Release);
        let store = self.open.lock().take();
        store.map_or(Ok(()), |store| store.close())
    }

    /// Was it closed?
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// A call into the core, for as long as it lives.
struct Call(());

impl Call {
    /// Begins a call, after the fork if there is one.
    fn begin() -> Self {
        let outermost = DEPTH.replace(DEPTH.get() + 1) == 0;
        loop {
            CALLS.fetch_add(1, Ordering::SeqCst);
            if !outermost || !FORKING.load(Ordering::SeqCst) {
                return Self(());
            }
            CALLS.fetch_sub(1, Ordering::SeqCst);
            while FORKING.load(Ordering::SeqCst) {
                sleep(MOMENT);
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::SeqCst);
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Before a fork: waits until no call is under way, keeps new ones waiting, and closes all stores.
pub fn before_fork() {
    FORKING.store(true, Ordering::SeqCst);
    let start = Instant::now();
    while CALLS.load(Ordering::SeqCst) > DEPTH.get() && start.elapsed() < PATIENCE {
        sleep(MOMENT);
    }
    if CALLS.load(Ordering::SeqCst) > 0 {
        log::warn!("a fork in the middle of a call: the child must not use agentmem");
        return;
    }
    let closed = handles().iter().filter(|handle| handle.open.lock().take().is_some()).count();
    if closed > 0 {
        wait_for_workers();
    }
}

/// Waits until the threads of the closed connection pools have ended. They sleep in parking_lot's table of waiting
/// threads, which the child would follow into stacks that are no more.
fn wait_for_workers() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1) && any_worker().unwrap_or(start.elapsed() < 50 * MOMENT) {
        sleep(MOMENT);
    }
}

/// Does a thread of r2d2 live? `None` where the system does not tell.
fn any_worker() -> Option<bool> {
    let mut threads = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    Some(threads.any(|thread| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("r2d2-worker"))
    }))
}

/// After a fork, in the parent: calls go on.
pub fn after_fork_in_parent() {
    FORKING.store(false, Ordering::SeqCst);
}

/// After a fork, in the child: calls go on. A store that could not be closed is the parent's; it is neither used
/// nor closed here.
pub fn after_fork_in_child() {
    CALLS.store(DEPTH.get(), Ordering::SeqCst);
    FORKING.store(false, Ordering::SeqCst);
    for handle in handles() {
        if let Some(mut open) = handle.open.try_lock() {
            std::mem::forget(open.take());
        }
    }
}

fn handles() -> Vec<Arc<Handle>> {
    HANDLES.try_lock().map_or_else(Vec::new, |handles| handles.iter().filter_map(Weak::upgrade).collect())
}
