//! Work on all cores, in threads that end with the call. A thread pool would lose its threads in a fork.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

/// The numbers below `count`, handed out to threads in chunks.
pub struct Shares {
    next: AtomicUsize,
    count: usize,
    chunk: usize,
}

impl Shares {
    /// All numbers below `count`.
    pub fn new(count: usize, chunk: usize) -> Self {
        Self { next: AtomicUsize::new(0), count, chunk: chunk.max(1) }
    }

    /// The next chunk; `None` when all were handed out.
    pub fn take(&self) -> Option<Range<usize>> {
        let start = self.next.fetch_add(self.chunk, Ordering::Relaxed);
        (start < self.count).then(|| start..(start + self.chunk).min(self.count))
    }

    /// Hands out no more.
    pub fn stop(&self) {
        self.next.store(self.count, Ordering::Relaxed);
    }
}

/// How many threads can run at once. Counting the cores reads files, so it is done once.
pub fn cores() -> usize {
    /// 0 until they are counted. No lock, which a fork could leave locked.
    static CORES: AtomicUsize = AtomicUsize::new(0);
    let known = CORES.load(Ordering::Relaxed);
    if known > 0 {
        return known;
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    CORES.store(cores, Ordering::Relaxed);
    cores
}

/// `each(0)` to `each(count - 1)` on all cores, in order of their numbers. One thread does `chunk` of them in a row.
pub fn map<T: Send>(count: usize, chunk: usize, each: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = cores().min(count.div_ceil(chunk.max(1)));
    if threads <= 1 {
        return (0..count).map(each).collect();
    }
    let shares = Shares::new(count, chunk);
    let done: Mutex<Vec<(usize, Vec<T>)>> = Mutex::default();
    let work = || {
        while let Some(share) = shares.take() {
            let start = share.start;
            let part: Vec<T> = share.map(&each).collect();
            done.lock().push((start, part));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // If no thread can be started, this one does all the work.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
    let mut parts = done.into_inner();
    parts.sort_by_key(|&(start, _)| start);
    parts.into_iter().flat_map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeps_the_order() {
        for (count, chunk) in [(0, 1), (1, 10), (1000, 7), (5, 0)] {
            assert_eq!(super::map(count, chunk, |i| i * 2), (0..count).map(|i| i * 2).collect::<Vec<_>>());
        }
    }
}
