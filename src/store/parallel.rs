//! Work spread over all cores by threads that live as long as the call: no pool that a fork would leave without threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

/// No more than so many things are not worth a thread.
pub const FEW: usize = 256;

/// Prepares `count` things, `prepare(0)` first, while `work` goes through them. A few are prepared before; many by the other
/// cores meanwhile, as far as they get: `work` prepares for itself what it comes to first, and when it is done they stop.
pub fn ahead<T>(count: usize, prepare: impl Fn(usize) + Sync, work: impl FnOnce() -> T) -> T {
    if count <= FEW {
        (0..count).for_each(prepare);
        return work();
    }
    let next = AtomicUsize::new(0);
    let prepare_next = || loop {
        let i = next.fetch_add(1, Ordering::Relaxed);
        if i >= count {
            break;
        }
        prepare(i);
    };
    thread::scope(|scope| {
        for _ in 1..thread::available_parallelism().map_or(2, usize::from).max(2) {
            // Without another thread the work is done all the same.
            drop(thread::Builder::new().spawn_scoped(scope, prepare_next));
        }
        let done = work();
        next.store(count, Ordering::Relaxed);
        done
    })
}

/// `each(0)` to `each(count - 1)` on all cores, in order of their numbers. `chunk` of them are done in a row by
/// one thread.
pub fn map<T: Send>(count: usize, chunk: usize, each: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let chunk = chunk.max(1);
    // Asking for the number of cores reads files: not for work that one thread does.
    let threads = match count.div_ceil(chunk) {
        0 | 1 => 1,
        parts => thread::available_parallelism().map_or(1, usize::from).min(parts),
    };
    if threads == 1 {
        return (0..count).map(each).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Vec<T>)>> = Mutex::default();
    let work = || loop {
        let start = next.fetch_add(chunk, Ordering::Relaxed);
        if start >= count {
            break;
        }
        let part: Vec<T> = (start..(start + chunk).min(count)).map(&each).collect();
        done.lock().push((start, part));
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Without another thread the work is done all the same.
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
