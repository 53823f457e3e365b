//! Counters of one open store, for `stats()`.

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

    /// The current value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All counters of a store.
#[derive(Debug, Default)]
pub struct Counters {
    /// Searches that took long; each is in the log.
    pub slow_searches: Counter,
    /// Waits for the write lock, short ones left out.
    pub lock_waits: Counter,
    /// Microseconds of all those waits.
    pub lock_wait_micros: Counter,
    /// How often the index was brought up to date.
    pub catch_ups: Counter,
    /// How many records and deletions were added to it.
    pub caught_up: Counter,
    /// How often the index was loaded.
    pub reloads: Counter,
    /// How often index files were invalidated, because one was damaged or belongs to another store.
    pub invalidated: Counter,
}

impl Counters {
    /// Counts a wait for the write lock that began at `start` and has ended.
    pub fn waited(&self, start: Instant) {
        let waited = start.elapsed();
        if waited >= SHORT {
            self.lock_waits.add(1);
            self.lock_wait_micros.add(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        }
    }
}
