//! Hearing, in the middle of a wait, that the user wants to stop.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static ASK: OnceLock<fn() -> bool> = OnceLock::new();

/// So often is asked while something is waited for.
pub const INTERVAL: Duration = Duration::from_millis(50);

/// From here on `ask` says whether the calling thread's user wants to stop.
pub fn listen(ask: fn() -> bool) {
    // It is the same function each time.
    let _ = ASK.set(ask);
}

/// Does the calling thread's user want to stop? No lock that others need may be held.
pub fn requested() -> bool {
    ASK.get().is_some_and(|ask| ask())
}

/// Asks now and then.
pub struct NowAndThen(Instant);

impl Default for NowAndThen {
    /// For the first time after the first [`INTERVAL`].
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl NowAndThen {
    /// [`requested`], if it is time to ask.
    pub fn requested(&mut self) -> bool {
        let due = self.0.elapsed() >= INTERVAL;
        if due {
            self.0 = Instant::now();
        }
        due && requested()
    }
}
