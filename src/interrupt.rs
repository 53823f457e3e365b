//! Hearing, in the middle of a wait, that the user wants to stop.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, Result};

static ASK: OnceLock<fn() -> bool> = OnceLock::new();

/// So often is asked while something is waited for.
const INTERVAL: Duration = Duration::from_millis(50);

/// From here on `ask` says whether the calling thread's user wants to stop.
pub fn listen(ask: fn() -> bool) {
    // It is the same function each time.
    let _ = ASK.set(ask);
}

/// Does the calling thread's user want to stop? Finding that out may run any code of theirs: no lock may be held.
pub fn requested() -> bool {
    ASK.get().is_some_and(|ask| ask())
}

/// How long somebody waits for a lock, in slices with a question between.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// When it began.
    pub start: Instant,
    /// When patience ends.
    pub deadline: Instant,
}

impl Turn {
    /// From now on.
    pub fn new(patience: Duration) -> Self {
        let start = Instant::now();
        Self { start, deadline: start + patience }
    }

    /// Until when to wait in a row: then ask [`requested`].
    pub fn slice(self) -> Instant {
        self.deadline.min(Instant::now() + INTERVAL)
    }

    /// Is patience at its end?
    pub fn is_over(self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// Locks `mutex` within `timeout`. The user can interrupt the wait, so the caller may hold no other lock.
///
/// # Errors
/// [`Error::Interrupted`]; [`Error::Busy`], which says that `what` was busy.
pub fn lock<'m, T>(mutex: &'m Mutex<T>, what: &'static str, timeout: Duration) -> Result<MutexGuard<'m, T>> {
    let turn = Turn::new(timeout);
    loop {
        if let Some(guard) = mutex.try_lock_until(turn.slice()) {
            return Ok(guard);
        }
        if requested() {
            return Err(Error::Interrupted { done: 0 });
        }
        if turn.is_over() {
            return Err(Error::Busy { what, waited: timeout });
        }
    }
}
