//! Interrupts: asking during a wait whether the user wants to stop.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, Result};

static ASK: OnceLock<fn() -> bool> = OnceLock::new();

/// Poll interval.
pub const INTERVAL: Duration = Duration::from_millis(50);

/// Sets the function that says whether the user of the calling thread wants to stop.
pub fn listen(ask: fn() -> bool) {
    // Every caller sets the same function.
    let _ = ASK.set(ask);
}

/// True if the user of the calling thread wants to stop. The call may run any code of the user's, such as a signal
/// handler that uses the store, so the caller must hold no lock.
pub fn requested() -> bool {
    ASK.get().is_some_and(|ask| ask())
}

/// A wait with a timeout that is interrupted at intervals, to ask [`requested`].
#[derive(Debug, Clone, Copy)]
pub struct PollingWait {
    /// When it began.
    pub start: Instant,
    /// When it times out.
    pub deadline: Instant,
}

impl PollingWait {
    /// Begins now.
    pub fn new(timeout: Duration) -> Self {
        let start = Instant::now();
        Self { start, deadline: start + timeout }
    }

    /// When to ask [`requested`] next.
    pub fn next_poll(self) -> Instant {
        self.deadline.min(Instant::now() + INTERVAL)
    }

    /// True after the deadline.
    pub fn timed_out(self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// Locks `mutex` however long that takes. The user can interrupt the wait, so the caller may hold no other lock.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn wait_for<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    loop {
        if let Some(guard) = mutex.try_lock_for(INTERVAL) {
            return Ok(guard);
        }
        if requested() {
            return Err(Error::Interrupted { done: 0 });
        }
    }
}

/// Locks `mutex` within `timeout`. The user can interrupt the wait, so the caller may hold no other lock.
///
/// # Errors
/// [`Error::Interrupted`]; [`Error::Busy`], which says that `what` was busy.
pub fn lock<'m, T>(mutex: &'m Mutex<T>, what: &'static str, timeout: Duration) -> Result<MutexGuard<'m, T>> {
    let wait = PollingWait::new(timeout);
    loop {
        if let Some(guard) = mutex.try_lock_until(wait.next_poll()) {
            return Ok(guard);
        }
        if requested() {
            return Err(Error::Interrupted { done: 0 });
        }
        if wait.timed_out() {
            return Err(Error::Busy { what, waited: timeout });
        }
    }
}

/// From now on, the user of this thread wants to stop.
#[cfg(test)]
pub fn request_in_this_thread() {
    thread_local! {
        static REQUESTED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    listen(|| REQUESTED.get());
    REQUESTED.set(true);
}
