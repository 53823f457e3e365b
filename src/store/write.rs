//! Writing with group commit: writers that wait at the same time share one transaction, and its sync.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{io, mem, thread};

use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::Connection;

use crate::backend::sqlite::{Analyze, Batch, Pool, Transaction, records};
use crate::error::{Error, Result};
use crate::interrupt::{self, Turn};
use crate::record::{Changes, Filter, Micros, Record, RecordId, Scope, Seq};
use crate::text::Bag;

/// A transaction takes in waiting jobs for so long, then commits.
const GATHERING: Duration = Duration::from_millis(50);

/// What `add` does about an id that the store holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnConflict {
    /// Refuse the whole call.
    #[default]
    Fail,
    /// Put the new record in place of the old.
    Replace,
    /// Keep the old record and pass over the new.
    Skip,
}

/// A record to be written.
#[derive(Debug)]
pub struct Entry {
    /// A validated record.
    pub record: Record,
    terms: OnceLock<Bag>,
}

impl Entry {
    /// `record` must be validated.
    pub fn new(record: Record) -> Self {
        Self { record, terms: OnceLock::new() }
    }

    /// The terms of its content; analyzed by whoever asks first. Nobody waits for another thread that
    /// is at it, and may not get to run: the work is little.
    pub fn terms(&self, analyze: &Analyze) -> &Bag {
        self.terms.get().unwrap_or_else(|| {
            let terms = analyze(&self.record.content);
            self.terms.get_or_init(|| terms)
        })
    }
}

/// The road of all writes into one store.
pub struct Writer {
    queue: WriteQueue,
    analyze: Arc<Analyze>,
}

impl Writer {
    /// Writes through `pool`; `analyze` must be the analyzer that made the terms in the store.
    pub fn new(pool: Arc<Pool>, analyze: Arc<Analyze>) -> Self {
        Self { queue: WriteQueue::new(pool), analyze }
    }

    /// Adds all entries or none, and returns their numbers in order; `None` for one that was skipped.
    ///
    /// # Errors
    /// [`Error::DuplicateId`], for an id twice in one call too; [`Error::DimensionMismatch`]; [`Error::Busy`];
    /// [`Error::ReadOnly`]; [`Error::Io`].
    pub fn add(&self, entries: Arc<Vec<Entry>>, on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        if on_conflict != OnConflict::Skip {
            check_distinct(&entries)?;
        }
        let analyze = Arc::clone(&self.analyze);
        self.queue.submit(move |batch| {
            entries.iter().map(|entry| add_one(batch, entry, on_conflict, &*analyze)).collect()
        })
    }

    /// Changes a record and returns it with its new number. `terms` are those of the new content, if it changes.
    ///
    /// # Errors
    /// [`Error::RecordNotFound`], [`Error::InvalidRecord`]; otherwise as [`Writer::add`].
    pub fn update(&self, id: RecordId, changes: Changes) -> Result<(Seq, Record)> {
        let analyze = Arc::clone(&self.analyze);
        let new_terms = changes.content.as_deref().map(&*analyze);
        self.queue.submit(move |batch| {
            let (seq, old) =
                records::by_id(batch.conn(), &id)?.ok_or_else(|| Error::RecordNotFound(id.to_string()))?;
            let old_terms = analyze(&old.content);
            let new = changes.clone().apply(old)?;
            batch.remove(seq, old_terms.clone())?;
            let seq = batch.insert(&new, new_terms.as_ref().unwrap_or(&old_terms))?;
            Ok((seq, new))
        })
    }

    /// Deletes the records that pass the filter and says how many they were.
    ///
    /// # Errors
    /// As [`Writer::add`].
    pub fn delete(&self, filter: Filter) -> Result<u64> {
        let analyze = Arc::clone(&self.analyze);
        self.queue.submit(move |batch| batch.remove_matching(&filter, &*analyze))
    }

    /// Notes that these records were read at `at` and says how many of them there are.
    ///
    /// # Errors
    /// As [`Writer::add`].
    pub fn touch(&self, ids: Vec<RecordId>, at: Micros) -> Result<u64> {
        self.queue.submit(move |batch| batch.touch(&ids, at))
    }

    /// Deletes everything in a scope, or in the store, and says how many records it was.
    ///
    /// # Errors
    /// As [`Writer::add`].
    pub fn reset(&self, scope: Option<Scope>) -> Result<u64> {
        match scope {
            Some(scope) if scope != Scope::root() => {
                self.delete(Filter { scope: Some(scope), ..Filter::all() })
            }
            _ => self.queue.submit(|batch| batch.remove_all()),
        }
    }

    /// Runs `work` in a write transaction, maybe one shared with others; see [`WriteQueue::submit`].
    ///
    /// # Errors
    /// What `work` raises; otherwise as [`Writer::add`].
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Batch<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queue.submit(work)
    }
}

fn check_distinct(entries: &[Entry]) -> Result<()> {
    let mut seen = HashSet::with_capacity(entries.len());
    match entries.iter().find(|entry| !seen.insert(&entry.record.id)) {
        Some(twice) => Err(Error::DuplicateId(twice.record.id.to_string())),
        None => Ok(()),
    }
}

fn add_one(
    batch: &mut Batch<'_>,
    entry: &Entry,
    on_conflict: OnConflict,
    analyze: &Analyze,
) -> Result<Option<Seq>> {
    if on_conflict != OnConflict::Fail
        && let Some(seq) = records::seq_of_id(batch.conn(), &entry.record.id)?
    {
        if on_conflict == OnConflict::Skip {
            return Ok(None);
        }
        for (seq, content) in records::contents(batch.conn(), &[seq])? {
            batch.remove(seq, analyze(&content))?;
        }
    }
    batch.insert(&entry.record, entry.terms(analyze)).map(Some)
}

/// Jobs that wait for a transaction. The first to find nobody at work leads: it takes the write lock, runs every job
/// that waits, commits, and hands out the results.
///
/// The jobs of a group do not see savepoints: FTS5 would write its memory to disk at each. Should a job fail after it
/// has written, the transaction is rolled back and the others run again.
pub struct WriteQueue {
    pool: Arc<Pool>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<dyn Job>>,
    led: bool,
}

impl WriteQueue {
    /// A queue in front of the pool's writer.
    pub fn new(pool: Arc<Pool>) -> Self {
        Self { pool, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Runs `work` in a write transaction and returns what it returned once that is committed. `work` may be called
    /// again after a rollback, and so must do nothing but read and write through the batch. If it panics, so does this.
    ///
    /// # Errors
    /// What `work` raises: then nothing of it is left. [`Error::Busy`] if its turn does not come in time, and
    /// [`Error::Interrupted`] if the user stops waiting for it: then it never ran. What the commit raises.
    pub fn submit<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Batch<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let task = Arc::new(Task::new(work));
        let job: Arc<dyn Job> = Arc::clone(&task) as _;
        let turn = Turn::new(self.pool.patience());
        let mut state = self.state.lock();
        state.waiting.push_back(Arc::clone(&job));
        while !task.is_settled() {
            let in_vain = if state.led {
                self.changed.wait_until(&mut state, turn.slice()).timed_out()
            } else {
                !self.lead(&mut state, &job, turn)
            };
            if !in_vain {
                continue;
            }
            let stop = MutexGuard::unlocked(&mut state, interrupt::requested);
            if !stop && !turn.is_over() {
                continue;
            }
            if state.withdraw(&job) {
                self.pool.counters().waited(turn.start);
                return Err(match stop {
                    true => Error::Interrupted { done: 0 },
                    false => Error::Busy { what: "the write lock", waited: self.pool.patience() },
                });
            }
            // It is in the transaction now, whose end is near.
            self.changed.wait_while(&mut state, |_| !task.is_settled());
        }
        drop(state);
        match task.outcome() {
            Some(Ok(result)) => result.map_err(|error| self.pool.explain(error)),
            Some(Err(panic)) => resume_unwind(panic),
            None => Err(Error::io(self.pool.path(), io::Error::other("the write was lost"))),
        }
    }

    /// Leads one group; `job` is the leader's own. False if the lock did not come for as long as one waits in a row: nothing
    /// was done then.
    fn lead(&self, state: &mut MutexGuard<'_, State>, job: &Arc<dyn Job>, turn: Turn) -> bool {
        state.led = true;
        let slice = turn.slice();
        let outcome =
            MutexGuard::unlocked(state, || self.pool.write(slice, |conn| self.run_group(conn, slice, turn)));
        state.led = false;
        self.changed.notify_all();
        match outcome {
            Err(Error::Busy { .. }) => return false,
            Err(error) => {
                state.withdraw(job);
                job.fail(error);
            }
            Ok(()) => {}
        }
        true
    }

    /// Waits until `slice` for the lock, and once it came until the end of the turn for all that may come then.
    fn run_group(&self, conn: &Connection, slice: Instant, turn: Turn) -> Result<()> {
        let mut transaction = Transaction::begin(conn, slice)?;
        self.pool.counters().waited(turn.start);
        let mut group = Group::default();
        let outcome = loop {
            match self.attempt(conn, transaction, &mut group, turn.deadline) {
                Ok(Attempt::Committed) => break Ok(()),
                Ok(Attempt::Spoiled) => match Transaction::begin(conn, turn.deadline) {
                    Ok(again) => transaction = again,
                    Err(error) => break Err(error),
                },
                Err(error) => break Err(error),
            }
        };
        // Nobody was touched yet: only the leader's own luck is at its end.
        if group.is_empty() {
            return outcome;
        }
        if let Err(error) = outcome {
            group.fail(&error);
        }
        group.settle();
        Ok(())
    }

    /// One transaction: the jobs of the group so far, then those that wait.
    fn attempt(
        &self,
        conn: &Connection,
        transaction: Transaction<'_>,
        group: &mut Group,
        deadline: Instant,
    ) -> Result<Attempt> {
        let mut batch = Batch::new(conn)?;
        let start = Instant::now();
        let mut again = mem::take(&mut group.done).into_iter();
        loop {
            let next = again.next().or_else(|| self.next(start));
            let Some(job) = next else { break };
            let before = conn.total_changes();
            if job.run(&mut batch) {
                group.done.push(job);
                continue;
            }
            group.failed.push(job);
            if conn.total_changes() != before || conn.is_autocommit() {
                group.done.extend(again);
                return Ok(Attempt::Spoiled);
            }
        }
        batch.finish()?;
        transaction.commit(deadline)?;
        Ok(Attempt::Committed)
    }

    fn next(&self, start: Instant) -> Option<Arc<dyn Job>> {
        if start.elapsed() > GATHERING { None } else { self.state.lock().waiting.pop_front() }
    }
}

impl State {
    /// Takes a job back; false if it has been started.
    fn withdraw(&mut self, job: &Arc<dyn Job>) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|other| !Arc::ptr_eq(other, job));
        self.waiting.len() < before
    }
}

enum Attempt {
    Committed,
    /// A job failed in the middle of its writes.
    Spoiled,
}

/// The jobs of one transaction.
#[derive(Default)]
struct Group {
    done: Vec<Arc<dyn Job>>,
    failed: Vec<Arc<dyn Job>>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.done.is_empty() && self.failed.is_empty()
    }

    fn jobs(&self) -> impl Iterator<Item = &Arc<dyn Job>> {
        self.done.iter().chain(&self.failed)
    }

    fn settle(&self) {
        self.jobs().for_each(|job| job.settle());
    }

    /// Failed jobs too: what they stumbled over may have been another's write that did not come to pass.
    fn fail(&self, error: &Error) {
        self.jobs().for_each(|job| job.fail(error.clone()));
    }
}

/// A [`Task`] of any type.
trait Job: Send + Sync {
    /// Does the work; false if it failed.
    fn run(&self, batch: &mut Batch<'_>) -> bool;
    /// The outcome stands.
    fn settle(&self);
    /// The outcome is this error.
    fn fail(&self, error: Error);
}

type Work<T> = dyn FnMut(&mut Batch<'_>) -> Result<T> + Send;

/// Work, and what became of it. The leader's thread does it, the submitter's thread takes the outcome.
struct Task<T> {
    work: Mutex<Box<Work<T>>>,
    outcome: Mutex<Option<thread::Result<Result<T>>>>,
    settled: AtomicBool,
}

impl<T> Task<T> {
    fn new(work: impl FnMut(&mut Batch<'_>) -> Result<T> + Send + 'static) -> Self {
        Self { work: Mutex::new(Box::new(work)), outcome: Mutex::new(None), settled: AtomicBool::new(false) }
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    fn outcome(&self) -> Option<thread::Result<Result<T>>> {
        self.outcome.lock().take()
    }
}

impl<T: Send> Job for Task<T> {
    fn run(&self, batch: &mut Batch<'_>) -> bool {
        let mut work = self.work.lock();
        // A broken batch is thrown away with its transaction, so nothing half-done is seen.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(batch)));
        let fine = matches!(outcome, Ok(Ok(_)));
        *self.outcome.lock() = Some(outcome);
        fine
    }

    fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }

    fn fail(&self, error: Error) {
        *self.outcome.lock() = Some(Ok(Err(error)));
        self.settle();
    }
}
