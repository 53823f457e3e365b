//! Forks.
//!
//! A connection to SQLite must not be used in the child of a fork, even if it was idle. So calls into the core end before a
//! fork, new ones wait until it is over, and all stores are closed meanwhile.

use std::thread::sleep;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::call::{self, POLL_INTERVAL};
use super::handle;

/// How long a fork waits for the calls of other threads to end.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Call before a fork: ends calls, keeps new ones waiting, and closes all stores.
#[pyfunction]
pub fn before_fork(py: Python<'_>) {
    py.detach(|| {
        if !call::suspend(TIMEOUT) {
            log::warn!("the process forks during a call: the child must not use agentmem");
        } else if handle::suspend_all() > 0 {
            wait_for_workers();
        }
    });
}

/// Call in the parent after a fork: calls continue.
#[pyfunction]
pub fn after_fork_in_parent() {
    call::resume();
}

/// Call in the child after a fork: calls continue.
#[pyfunction]
pub fn after_fork_in_child() {
    call::resume_in_child();
    handle::forget_all();
}

/// Waits until the threads of the closed connection pools have ended. While they sleep, parking_lot's table of waiting threads
/// points to their stacks, which the child does not have.
fn wait_for_workers() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1)
        && any_worker().unwrap_or(start.elapsed() < 50 * POLL_INTERVAL)
    {
        sleep(POLL_INTERVAL);
    }
}

/// Whether a thread of r2d2 is alive; `None` if the system does not say.
fn any_worker() -> Option<bool> {
    let mut threads = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    Some(threads.any(|thread| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("r2d2-worker"))
    }))
}
