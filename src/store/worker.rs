//! A background thread that ends with its work.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::interrupt;

/// Runs one task at a time in a background thread. There is no thread while there is no task.
pub struct Worker {
    name: &'static str,
    task: Mutex<Option<Task>>,
}

/// A task, and its thread.
struct Task {
    thread: JoinHandle<()>,
    /// Disconnected when the task ends.
    running: Receiver<Infallible>,
}

impl Worker {
    /// A worker without a task. The name is that of its threads.
    pub fn new(name: &'static str) -> Self {
        Self { name, task: Mutex::default() }
    }

    /// Waits until the previous task has ended, then starts `work`. If no thread can be started, the caller does it.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the user stops waiting: then `work` was not started.
    pub fn start(&self, work: impl FnOnce() + Send + Clone + 'static) -> Result<()> {
        loop {
            let mut task = self.task.lock();
            if task.as_ref().is_none_or(|task| task.ends_within(interrupt::INTERVAL)) {
                task.take().into_iter().for_each(Task::join);
                *task = self.spawn(work.clone());
                if task.is_none() {
                    drop(task);
                    work();
                }
                return Ok(());
            }
            drop(task);
            if interrupt::requested() {
                return Err(Error::Interrupted { done: 0 });
            }
        }
    }

    /// Starts `work` unless another task is running or no thread can be started.
    pub fn start_if_idle(&self, work: impl FnOnce() + Send + 'static) {
        let mut task = self.task.lock();
        if task.as_ref().is_none_or(|task| task.ends_within(Duration::ZERO)) {
            *task = self.spawn(work);
        }
    }

    /// Waits until the task has ended.
    pub fn wait(&self) {
        let task = self.task.lock().take();
        task.into_iter().for_each(Task::join);
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) -> Option<Task> {
        let (ends, running) = channel();
        let thread = std::thread::Builder::new().name(self.name.into()).spawn(move || {
            let _ends = ends;
            work();
        });
        let thread = thread.inspect_err(|error| log::warn!("no thread for {}: {error}", self.name)).ok()?;
        Some(Task { thread, running })
    }
}

impl Task {
    fn ends_within(&self, timeout: Duration) -> bool {
        matches!(self.running.recv_timeout(timeout), Err(RecvTimeoutError::Disconnected))
    }

    fn join(self) {
        if self.thread.join().is_err() {
            log::error!("work on the index ended in a panic; the index will be rebuilt");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::{Error, Worker, interrupt};

    #[test]
    fn one_piece_of_work_follows_the_other() {
        let (worker, done) = (Worker::new("test"), Arc::new(AtomicU32::new(0)));
        for before in 0..5 {
            let done = Arc::clone(&done);
            let started = worker.start(move || {
                std::thread::sleep(Duration::from_millis(1));
                assert_eq!(done.fetch_add(1, Ordering::Relaxed), before);
            });
            assert!(started.is_ok());
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

    #[test]
    fn an_interrupt_ends_the_wait_for_the_previous_task() {
        let worker = Worker::new("test");
        let (release, gate) = std::sync::mpsc::channel::<()>();
        worker.start_if_idle(move || assert!(gate.recv().is_err()));
        interrupt::request_in_this_thread();
        let started = worker.start(|| ());
        assert!(matches!(started, Err(Error::Interrupted { .. })));
        drop(release);
        worker.wait();
    }
}
