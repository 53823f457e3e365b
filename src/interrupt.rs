//! Hearing, in the middle of a wait, that the user wants to stop.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

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
