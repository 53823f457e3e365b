//! Hearing, in the middle of a wait, that the user wants to stop.

use std::sync::OnceLock;
use std::time::Duration;

static ASK: OnceLock<fn() -> bool> = OnceLock::new();

/// So often is asked while something is waited for.
pub const INTERVAL: Duration = Duration::from_millis(50);

/// From here on `ask` says whether the calling thread's user wants to stop.
pub fn listen(ask: fn() -> bool) {
    // It is the same function each time.
    let _ = ASK.set(ask);
}

/// Does the calling thread's user want to stop? Finding that out may run any code of theirs: no lock may be held.
pub fn requested() -> bool {
    ASK.get().is_some_and(|ask| ask())
}
