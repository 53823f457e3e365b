//! A background thread that ends with its work.

use std::thread::JoinHandle;

use parking_lot::Mutex;

/// Runs one task at a time in a background thread. There is no thread while there is no task.
pub struct Worker {
    name: &'static str,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    /// A worker without a task. The name is that of its threads.
    pub fn new(name: &'static str) -> Self {
        Self { name, thread: Mutex::default() }
    }

    /// Waits until the previous task has ended, then starts `work`. If no thread can be started, the caller does it.
    pub fn start(&self, work: impl FnOnce() + Send + Clone + 'static) {
        let mut thread = self.thread.lock();
        join(thread.take());
        *thread = self.spawn(work.clone());
        if thread.is_none() {
            drop(thread);
            work();
        }
    }

    /// Starts `work` unless another task is running or no thread can be started.
    pub fn start_if_idle(&self, work: impl FnOnce() + Send + 'static) {
        let mut thread = self.thread.lock();
        if thread.as_ref().is_none_or(JoinHandle::is_finished) {
            *thread = self.spawn(work);
        }
    }

    /// Waits until the task has ended.
    pub fn wait(&self) {
        let thread = self.thread.lock().take();
        join(thread);
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
        std::thread::Builder::new()
            .name(self.name.into())
            .spawn(work)
            .inspect_err(|error| log::warn!("no thread for {}: {error}", self.name))
            .ok()
    }
}

fn join(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        log::error!("work on the index ended in a panic; the index will be rebuilt");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::Worker;

    #[test]
    fn one_piece_of_work_follows_the_other() {
        let (worker, done) = (Worker::new("test"), Arc::new(AtomicU32::new(0)));
        for before in 0..5 {
            let done = Arc::clone(&done);
            worker.start(move || {
                std::thread::sleep(Duration::from_millis(1));
                assert_eq!(done.fetch_add(1, Ordering::Relaxed), before);
            });
        }
        worker.wait();
        assert_eq!(done.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn a_busy_worker_passes_work_over() {
        let (worker, done) = (Worker::new("test"), Arc::new(AtomicU32::new(0)));
        let (release, gate) = std::sync::mpsc::channel::<()>();
        worker.start_if_idle(move || assert!(gate.recv().is_err()));
        let count = Arc::clone(&done);
        worker.start_if_idle(move || count.store(1, Ordering::Relaxed));
        drop(release);
        worker.wait();
        assert_eq!(done.load(Ordering::Relaxed), 0);
    }
}
