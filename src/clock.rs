//! The time, for dates and for expiry.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01 UTC.
pub type Micros = i64;

/// Stands for "not fixed".
const UNSET: Micros = Micros::MIN;

static FIXED: AtomicI64 = AtomicI64::new(UNSET);
static LATEST: AtomicI64 = AtomicI64::new(UNSET);

/// The time. It never goes backwards within a process: what has expired once stays expired.
pub fn now() -> Micros {
    let time = match FIXED.load(Ordering::Relaxed) {
        UNSET => system(),
        fixed => fixed,
    };
    LATEST.fetch_max(time, Ordering::Relaxed).max(time)
}

/// Fixes the clock of this process, for tests of the bindings; `None` returns to the system's clock.
#[cfg(feature = "python")]
pub fn set(fixed: Option<Micros>) {
    FIXED.store(fixed.unwrap_or(UNSET), Ordering::Relaxed);
}

/// Returns to the system's clock and forgets the latest time, for tests of the bindings.
#[cfg(feature = "python")]
pub fn reset() {
    set(None);
    LATEST.store(UNSET, Ordering::Relaxed);
}

fn system() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since.and_then(|since| Micros::try_from(since.as_micros()).ok()).unwrap_or_default()
}
