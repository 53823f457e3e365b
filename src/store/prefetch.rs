//! Prepares on other cores what a task will need.

use std::thread;

use super::parallel::{Shares, cores};

/// Up to this many things are not worth a thread.
pub const FEW: usize = 256;

/// Runs `work`, which needs the results of `prepare(0)` to `prepare(count - 1)` in this order. Up to [`FEW`] are prepared
/// before it starts. More are prepared by other threads while it runs: `work` prepares itself what is not ready, and when it
/// ends, the threads stop.
pub fn prefetch<T>(count: usize, prepare: impl Fn(usize) + Sync, work: impl FnOnce() -> T) -> T {
    if count <= FEW {
        (0..count).for_each(prepare);
        return work();
    }
    let shares = Shares::new(count, 1);
    let prepare_all = || {
        while let Some(share) = shares.take() {
            share.for_each(&prepare);
        }
    };
    thread::scope(|scope| {
        for _ in 1..cores().max(2) {
            // If no thread can be started, `work` prepares everything itself.
            drop(thread::Builder::new().spawn_scoped(scope, prepare_all));
        }
        let done = work();
        shares.stop();
        done
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{FEW, prefetch};

    #[test]
    fn a_few_are_prepared_before_the_work_starts() {
        let prepared = AtomicUsize::new(0);
        let count = |_| {
            prepared.fetch_add(1, Ordering::Relaxed);
        };
        assert_eq!(prefetch(FEW, count, || prepared.load(Ordering::Relaxed)), FEW);
    }

    #[test]
    fn many_are_prepared_once_at_most() {
        let times: Vec<AtomicUsize> = (0..4 * FEW).map(|_| AtomicUsize::new(0)).collect();
        let count = |i: usize| {
            times[i].fetch_add(1, Ordering::Relaxed);
        };
        assert_eq!(prefetch(times.len(), count, || 7), 7);
        assert!(times.iter().all(|times| times.load(Ordering::Relaxed) <= 1));
    }
}
