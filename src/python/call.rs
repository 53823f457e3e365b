//! Calls into the core, which wait while the process forks.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a condition is checked. Waiting uses no lock, since a lock may be held for ever in the child.
pub const POLL_INTERVAL: Duration = Duration::from_micros(100);

/// Calls of all threads.
static CALLS: AtomicUsize = AtomicUsize::new(0);
static FORKING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Calls of this thread: more than one when a progress function calls the store.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A call into the core, for as long as it lives.
pub struct CallGuard(());

impl CallGuard {
    /// Begins a call, after the fork if there is one.
    pub fn begin() -> Self {
        let outermost = DEPTH.replace(DEPTH.get() + 1) == 0;
        loop {
            CALLS.fetch_add(1, Ordering::SeqCst);
            if !outermost || !FORKING.load(Ordering::SeqCst) {
                return Self(());
            }
            CALLS.fetch_sub(1, Ordering::SeqCst);
            while FORKING.load(Ordering::SeqCst) {
                sleep(POLL_INTERVAL);
            }
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::SeqCst);
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Keeps new calls waiting, and waits up to `timeout` for those of other threads to end. Returns whether no call is left.
pub fn suspend(timeout: Duration) -> bool {
    FORKING.store(true, Ordering::SeqCst);
    let start = Instant::now();
    while CALLS.load(Ordering::SeqCst) > DEPTH.get() && start.elapsed() < timeout {
        sleep(POLL_INTERVAL);
    }
    CALLS.load(Ordering::SeqCst) == 0
}

/// Lets calls continue, in the parent.
pub fn resume() {
    FORKING.store(false, Ordering::SeqCst);
}

/// Lets calls continue, in the child, which has only the thread that forked.
pub fn resume_in_child() {
    CALLS.store(DEPTH.get(), Ordering::SeqCst);
    resume();
}
