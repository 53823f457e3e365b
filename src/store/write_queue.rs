//! Group commit: jobs that wait at the same time share one transaction and one sync of the disk.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::backend::Execute;
use crate::backend::write::{Job, JobError, JobResult, Outcome, Write, lost};
use crate::error::{Error, Result};
use crate::interrupt::{self, PollingWait};

/// Jobs that wait for a transaction. A thread that finds no leader becomes the leader: it lets the backend execute every
/// waiting job and gives each its result. Stores of one process on one file share a queue, and any of them may lead.
pub struct WriteQueue {
    backend: Arc<dyn Execute>,
    shared: Arc<SharedQueue>,
}

/// The jobs that wait, of one store or of several.
#[derive(Default)]
struct SharedQueue {
    state: Mutex<State>,
    changed: Condvar,
}

/// Process and [`Execute::queue`]. The process is part of the key because a forked child must not use what a thread of its
/// parent may have locked.
type QueueKey = (u32, String);

static QUEUES: LazyLock<Mutex<HashMap<QueueKey, Weak<SharedQueue>>>> = LazyLock::new(Mutex::default);

/// The queue of this name, which is made if no store has it. Without a name, a queue of its own.
fn shared_queue(name: Option<String>) -> Arc<SharedQueue> {
    let Some(name) = name else { return Arc::default() };
    let mut queues = QUEUES.lock();
    queues.retain(|_, queue| queue.strong_count() > 0);
    let known = queues.entry((std::process::id(), name)).or_default();
    known.upgrade().unwrap_or_else(|| {
        let queue = Arc::default();
        *known = Arc::downgrade(&queue);
        queue
    })
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Ticket>>,
    led: bool,
}

/// A job in the queue, and its result once there is one.
struct Ticket {
    /// Of the store that submitted it.
    backend: Arc<dyn Execute>,
    job: Arc<Job>,
    result: Mutex<Option<JobResult>>,
}

/// Jobs that the backend has taken. Those that have no result when it is dropped get an error.
#[derive(Default)]
struct Group(Vec<Arc<Ticket>>);

impl WriteQueue {
    /// A queue in front of `backend`.
    pub fn new(backend: Arc<dyn Execute>) -> Self {
        Self { shared: shared_queue(backend.queue()), backend }
    }

    /// [`WriteQueue::submit`] for a single write.
    ///
    /// # Errors
    /// As there.
    pub fn write(&self, write: Write) -> Result<Outcome> {
        self.submit(write.into()).map_err(|failed| failed.error)?.pop().ok_or_else(lost)
    }

    /// Executes a job and returns the outcome of each of its writes once they are committed.
    ///
    /// # Errors
    /// The error of a call or of the commit: then nothing of the job is written. [`Error::Busy`] after the timeout, and
    /// [`Error::Interrupted`] if the user stops waiting: then the job did not run.
    pub fn submit(&self, job: Job) -> JobResult {
        let ticket = Arc::new(Ticket::new(&self.backend, job));
        let wait = PollingWait::new(self.backend.timeout());
        let mut state = self.shared.state.lock();
        state.waiting.push_back(Arc::clone(&ticket));
        loop {
            if let Some(result) = ticket.result.lock().take() {
                return result;
            }
            let polled = if state.led {
                self.shared.changed.wait_until(&mut state, wait.next_poll()).timed_out()
            } else {
                !self.lead(&mut state, &ticket, wait)
            };
            if !polled {
                continue;
            }
            let interrupted = MutexGuard::unlocked(&mut state, interrupt::requested);
            if !interrupted && !wait.timed_out() {
                continue;
            }
            if state.withdraw(&ticket) {
                self.backend.counters().waited(wait.start);
                return Err(JobError::from(match interrupted {
                    true => Error::Interrupted { done: 0 },
                    false => Error::Busy { what: "the write lock", waited: self.backend.timeout() },
                }));
            }
            // The job is in a transaction, which ends soon.
            self.shared.changed.wait_while(&mut state, |_| ticket.result.lock().is_none());
        }
    }

    /// Lets the backend execute one group. False if the write lock was not free until the next poll: then nothing was done.
    /// `own` is the leader's job.
    fn lead(&self, state: &mut MutexGuard<'_, State>, own: &Arc<Ticket>, wait: PollingWait) -> bool {
        state.led = true;
        let led =
            MutexGuard::unlocked(state, || catch_unwind(AssertUnwindSafe(|| self.run_group(own, wait))));
        state.led = false;
        self.shared.changed.notify_all();
        led.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn run_group(&self, own: &Arc<Ticket>, wait: PollingWait) -> bool {
        let mut group = Group::default();
        let take = |group: &mut Group| {
            if group.0.is_empty() {
                self.backend.counters().waited(wait.start);
            }
            let ticket = self.shared.state.lock().waiting.pop_front()?;
            let job = Arc::clone(&ticket.job);
            group.0.push(ticket);
            Some(job)
        };
        match self.backend.execute(wait.next_poll(), wait.deadline, &mut || take(&mut group)) {
            Ok(results) => group.settle(results, self.backend.path()),
            Err(Error::Busy { .. }) => {
                self.shared.state.lock().put_back(&mut group);
                return false;
            }
            Err(error) => {
                // Other stores of the queue may be able to write.
                if group.0.is_empty() && self.shared.state.lock().withdraw(own) {
                    group.0.push(Arc::clone(own));
                }
                group.fail(&error, self.backend.path());
            }
        }
        true
    }
}

impl State {
    /// Removes a job from the queue; false if the backend has taken it.
    fn withdraw(&mut self, ticket: &Arc<Ticket>) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|other| !Arc::ptr_eq(other, ticket));
        self.waiting.len() < before
    }

    /// Lets jobs that did not run wait again, before all others.
    fn put_back(&mut self, group: &mut Group) {
        for ticket in group.0.drain(..).rev() {
            self.waiting.push_front(ticket);
        }
    }
}

impl Ticket {
    fn new(backend: &Arc<dyn Execute>, job: Job) -> Self {
        Self { backend: Arc::clone(backend), job: Arc::new(job), result: Mutex::default() }
    }
}

impl Group {
    /// Gives each job its result, in the order in which the jobs were taken. An error names the path of the job's own store, and
    /// not that of the leader.
    fn settle(&mut self, results: Vec<JobResult>, leader: &Path) {
        for (result, ticket) in results.into_iter().zip(self.0.drain(..)) {
            let renamed = |failed: JobError| failed.map(|error| error.renamed(leader, ticket.backend.path()));
            *ticket.result.lock() = Some(result.map_err(renamed));
        }
    }

    /// Gives every job this error.
    fn fail(&mut self, error: &Error, leader: &Path) {
        self.settle(self.0.iter().map(|_| Err(error.clone().into())).collect(), leader);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            self.fail(&lost(), Path::new(""));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]

    use std::time::{Duration, Instant};

    use tempfile::TempDir;

    use super::*;
    use crate::backend::counters::Counters;
    use crate::backend::settings::Durability;
    use crate::store::space::Space;
    use crate::store::{Options, Store};

    /// How a backend executes the jobs that `next` gives.
    type Executes = fn(&Fake, next: &mut dyn FnMut() -> Option<Arc<Job>>) -> Result<Vec<JobResult>>;

    /// A backend that writes nothing.
    #[derive(Debug)]
    struct Fake {
        path: &'static Path,
        queue: Option<&'static str>,
        takes: Duration,
        timeout: Duration,
        executes: Executes,
        counters: Counters,
        /// How many jobs each group had.
        groups: Mutex<Vec<usize>>,
    }

    impl Default for Fake {
        fn default() -> Self {
            Self {
                path: Path::new("test.db"),
                queue: None,
                takes: Duration::ZERO,
                timeout: Duration::from_secs(30),
                executes: touches,
                counters: Counters::default(),
                groups: Mutex::default(),
            }
        }
    }

    impl Execute for Fake {
        fn execute(
            &self,
            _: Instant,
            _: Instant,
            next: &mut dyn FnMut() -> Option<Arc<Job>>,
        ) -> Result<Vec<JobResult>> {
            (self.executes)(self, next)
        }

        fn queue(&self) -> Option<String> {
            self.queue.map(str::to_owned)
        }

        fn path(&self) -> &Path {
            self.path
        }

        fn timeout(&self) -> Duration {
            self.timeout
        }

        fn counters(&self) -> &Counters {
            &self.counters
        }
    }

    /// Takes its time, panics at a reset, and otherwise says that 1 record was touched.
    fn touches(fake: &Fake, next: &mut dyn FnMut() -> Option<Arc<Job>>) -> Result<Vec<JobResult>> {
        let jobs: Vec<_> = std::iter::from_fn(next).collect();
        fake.groups.lock().push(jobs.len());
        std::thread::sleep(fake.takes);
        let reset = |job: &Arc<Job>| matches!(job.calls[0].write, Some(Write::Reset));
        assert!(!jobs.iter().any(reset), "on purpose");
        Ok(jobs.iter().map(|_| Ok(vec![Outcome::Counted(1)])).collect())
    }

    /// Takes jobs before the lock turns out to be busy, the first time.
    fn touches_later(fake: &Fake, next: &mut dyn FnMut() -> Option<Arc<Job>>) -> Result<Vec<JobResult>> {
        let results = touches(fake, next);
        match fake.groups.lock().len() {
            1 => Err(Error::Busy { what: "the lock", waited: Duration::ZERO }),
            _ => results,
        }
    }

    /// Finds the store damaged in each job.
    fn finds_damage(fake: &Fake, next: &mut dyn FnMut() -> Option<Arc<Job>>) -> Result<Vec<JobResult>> {
        let corrupt = || Error::Corrupt { path: fake.path.into(), detail: "a page".into() };
        Ok(std::iter::from_fn(next).map(|_| Err(corrupt().into())).collect())
    }

    fn touch() -> Write {
        Write::Touch { ids: Vec::new(), scope: None, at: 0, expires_at: None }
    }

    fn queued(fake: Fake) -> (Arc<Fake>, WriteQueue) {
        let fake = Arc::new(fake);
        (Arc::clone(&fake), WriteQueue::new(fake))
    }

    fn slow(takes: u64) -> Fake {
        Fake { takes: Duration::from_millis(takes), ..Fake::default() }
    }

    /// Waits until the backend executes a group.
    fn wait_for_group(backend: &Fake) {
        while backend.groups.lock().is_empty() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn jobs_that_wait_share_a_transaction() {
        let (backend, queue) = queued(slow(50));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| queue.write(touch()));
            wait_for_group(&backend);
            let others: Vec<_> = (0..3).map(|_| scope.spawn(|| queue.write(touch()))).collect();
            for thread in others.into_iter().chain([first]) {
                assert_eq!(thread.join().unwrap().unwrap().count(), 1);
            }
        });
        assert_eq!(*backend.groups.lock(), [1, 3]);
    }

    #[test]
    fn stores_in_one_queue_share_a_transaction() {
        let shares = || queued(Fake { queue: Some("shared"), ..slow(50) });
        let ((backend, queue), (other_backend, other)) = (shares(), shares());
        std::thread::scope(|scope| {
            let first = scope.spawn(|| queue.write(touch()));
            wait_for_group(&backend);
            let others = [&queue, &other, &other].map(|queue| scope.spawn(|| queue.write(touch())));
            for thread in others.into_iter().chain([first]) {
                assert_eq!(thread.join().unwrap().unwrap().count(), 1);
            }
        });
        let mut groups = [backend.groups.lock().clone(), other_backend.groups.lock().clone()].concat();
        groups.sort_unstable();
        assert_eq!(groups, [1, 3]);
    }

    #[test]
    fn stores_share_a_queue_if_they_keep_one_file_as_durably() {
        let folder = TempDir::new().unwrap();
        let opened = |name: &str, durability| {
            let options = Options { durability, ..Options::new(folder.path().join(name)) };
            Store::open(options).unwrap().space("/").unwrap()
        };
        let space = opened("a.db", Durability::Full);
        let shares = |other: &Space| Arc::ptr_eq(&space.queue.shared, &other.queue.shared);
        assert!(shares(&opened("a.db", Durability::Full)));
        assert!(!shares(&opened("a.db", Durability::Normal)));
        assert!(!shares(&opened("b.db", Durability::Full)));
        let name = (std::process::id(), space.backend.queue().unwrap());
        drop(space);
        opened("b.db", Durability::Full);
        assert!(!QUEUES.lock().contains_key(&name), "a queue that nobody uses is dropped");
    }

    #[test]
    fn a_leader_that_cannot_write_fails_its_own_job_alone() {
        let (_, queue) = queued(Fake { executes: |_, _| Err(lost()), ..Fake::default() });
        let other = Arc::new(Ticket::new(&queue.backend, touch().into()));
        queue.shared.state.lock().waiting.push_back(Arc::clone(&other));
        assert!(queue.write(touch()).is_err());
        assert!(other.result.lock().is_none());
        assert_eq!(queue.shared.state.lock().waiting.len(), 1);
    }

    #[test]
    fn an_error_names_the_path_of_the_store_that_wrote() {
        let damaged = |path| Fake { path: Path::new(path), executes: finds_damage, ..Fake::default() };
        let (_, queue) = queued(damaged("leader.db"));
        let (_, other) = queued(damaged("other.db"));
        let other = Arc::new(Ticket::new(&other.backend, touch().into()));
        queue.shared.state.lock().waiting.push_back(Arc::clone(&other));
        let led = queue.write(touch()).unwrap_err();
        let followed = other.result.lock().take().unwrap().unwrap_err().error;
        let paths = [led, followed].map(|error| match error {
            Error::Corrupt { path, .. } => path,
            other => panic!("{other}"),
        });
        assert_eq!(paths.map(|path| path.display().to_string()), ["leader.db", "other.db"]);
    }

    #[test]
    fn a_job_that_waits_too_long_is_withdrawn() {
        let (backend, queue) = queued(Fake { timeout: Duration::from_millis(100), ..slow(1000) });
        std::thread::scope(|scope| {
            let first = scope.spawn(|| queue.write(touch()));
            wait_for_group(&backend);
            assert!(matches!(queue.write(touch()), Err(Error::Busy { .. })));
            assert_eq!(first.join().unwrap().unwrap().count(), 1);
        });
        assert_eq!(*backend.groups.lock(), [1], "the second job never ran");
    }

    #[test]
    fn a_job_that_was_taken_too_early_waits_again() {
        let (backend, queue) = queued(Fake { executes: touches_later, ..Fake::default() });
        assert_eq!(queue.write(touch()).unwrap().count(), 1);
        assert_eq!(*backend.groups.lock(), [1, 1]);
    }

    #[test]
    fn a_panic_of_the_leader_leaves_nobody_waiting() {
        let (backend, queue) = queued(slow(50));
        std::thread::scope(|scope| {
            let panics = scope.spawn(|| queue.write(Write::Reset));
            wait_for_group(&backend);
            let waits = scope.spawn(|| queue.write(touch()));
            assert!(panics.join().is_err());
            assert_eq!(waits.join().unwrap().unwrap().count(), 1);
        });
    }
}
