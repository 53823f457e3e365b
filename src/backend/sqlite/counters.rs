//! What happened since a store was opened, for its operator.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Waits for the write lock that are shorter than this are not counted.
const SHORT: Duration = Duration::from_millis(10);

/// A number that many threads add to.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a store counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Searches that took long; each is in the log.
    pub slow_searches: Counter,
    /// Waits for the write lock, short ones left out.
    pub lock_waits: Counter,
    /// Microseconds of all those waits.
    pub lock_wait_micros: Counter,
    /// Times that the index took in what was committed.
    pub catch_ups: Counter,
    /// Records and deletions that it took in.
    pub caught_up: Counter,
    /// Times that the index was loaded anew.
    pub reloads: Counter,
    /// Times that index files were invalidated, because one was damaged or belongs to another store.
    pub invalidated: Counter,
}

impl Counters {
    /// Notes a wait for the write lock that began at `start` and has ended.
    pub fn waited(&self, start: Instant) {
        let waited = start.elapsed();
        if waited >= SHORT {
            self.lock_waits.add(1);
            self.lock_wait_micros.add(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        }
    }
}
