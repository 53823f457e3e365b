//! Executes all waiting jobs in one transaction, in any backend.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::write::{Call, Job, JobError, JobResult, Outcome, Requirement, Write};
use super::write_transaction::WriteTransaction;
use crate::error::{Conflict, Error, Result};
use crate::record::{Record, RecordId, Scope, Seq};

/// A transaction takes waiting jobs for this long, then commits.
const GATHERING: Duration = Duration::from_millis(50);

/// Every transaction that writes also deletes up to this many expired records and entries, or twice as many as it writes if
/// that is more.
const SWEPT: usize = 64;

/// The jobs of one transaction, and the result of each.
type Group = Vec<(Arc<Job>, Option<JobResult>)>;

/// See [`Execute::execute`](super::Execute::execute). `begin` begins a transaction, and waits for the write lock until then.
///
/// There are no savepoints around jobs: SQLite's FTS5 writes its memory to disk at each, and in PostgreSQL each takes a round
/// trip. If a job fails after it has written, the transaction is rolled back and the other jobs run again.
///
/// # Errors
/// As there, not explained.
pub fn execute<T: WriteTransaction>(
    begin: impl Fn(Instant) -> Result<T>,
    lock_until: Instant,
    deadline: Instant,
    next: &mut dyn FnMut() -> Option<Arc<Job>>,
) -> Result<Vec<JobResult>> {
    let mut group = Group::new();
    let mut transaction = begin(lock_until)?;
    let mut sweeps = true;
    loop {
        match run_all(transaction, &mut group, next, sweeps)? {
            TransactionEnd::Committed => break,
            TransactionEnd::JobFailed => {}
            TransactionEnd::SweepFailed => sweeps = false,
        }
        transaction = begin(deadline)?;
    }
    Ok(group.into_iter().filter_map(|(_, result)| result).collect())
}

/// How a transaction ended.
enum TransactionEnd {
    Committed,
    /// A job failed after it had written. Nothing was committed.
    JobFailed,
    /// What has expired could not be deleted. Nothing was committed.
    SweepFailed,
}

/// Runs the jobs of the group that have not failed, then those that wait. Deletes some of what has expired, and commits.
fn run_all(
    mut transaction: impl WriteTransaction,
    group: &mut Group,
    next: &mut dyn FnMut() -> Option<Arc<Job>>,
    sweeps: bool,
) -> Result<TransactionEnd> {
    let start = Instant::now();
    for at in 0.. {
        if at == group.len() {
            let waiting = if start.elapsed() > GATHERING { None } else { next() };
            let Some(job) = waiting else { break };
            group.push((job, None));
        }
        let (job, result) = &mut group[at];
        if matches!(result, Some(Err(_))) {
            continue;
        }
        transaction.begin_job();
        let outcome = run(&mut transaction, job);
        let goes_on =
            outcome.as_ref().map_or_else(|failed| transaction.goes_on_after(&failed.error), |_| true);
        *result = Some(outcome);
        if !goes_on {
            return Ok(TransactionEnd::JobFailed);
        }
    }
    if sweeps
        && transaction.written() > 0
        && !group.iter().all(|(job, _)| is_purge(job))
        && let Err(error) = sweep(&mut transaction)
    {
        log::warn!("what has expired could not be deleted: {error}");
        return Ok(TransactionEnd::SweepFailed);
    }
    transaction.commit()?;
    Ok(TransactionEnd::Committed)
}

/// True for a purge. A transaction of purges alone does not sweep: a purge deletes no more than it is asked to.
fn is_purge(job: &Job) -> bool {
    job.calls.iter().all(|call| matches!(call.write, Some(Write::Purge { .. })))
}

fn run(transaction: &mut impl WriteTransaction, job: &Job) -> JobResult {
    let failed = |at| move |error| JobError { call: Some(at), error };
    for (at, call) in job.calls.iter().enumerate() {
        check(transaction, call).map_err(failed(at))?;
    }
    let run = |(at, call): (usize, &Call)| {
        let write = call.write.as_ref();
        transaction.set_embedder(call.embedder.as_deref());
        write.map_or(Ok(Outcome::Checked), |write| run_one(transaction, write)).map_err(failed(at))
    };
    job.calls.iter().enumerate().map(run).collect()
}

/// Checks what a call requires.
fn check(transaction: &impl WriteTransaction, call: &Call) -> Result<()> {
    if let Some(Requirement { id, scope, version }) = &call.requires {
        let found = transaction.version_of(id, scope.as_ref())?.unwrap_or(0);
        if found != *version {
            let what = Conflict::Record(id.to_string());
            return Err(Error::Conflict { what, expected: *version, found });
        }
    }
    match &call.write {
        Some(Write::Journal { name, change }) => transaction.check_journal(name, change),
        _ => Ok(()),
    }
}

fn run_one(transaction: &mut impl WriteTransaction, write: &Write) -> Result<Outcome> {
    match write {
        Write::Add { records, on_conflict } => transaction.add(records, *on_conflict).map(Outcome::Added),
        Write::Update { id, changes } => {
            let (seq, old) = found(transaction, id)?;
            let new = changes.clone().update(old.clone())?;
            rewrite(transaction, seq, &old, new)
        }
        Write::Supersede { id, changes } => {
            let (seq, old) = found(transaction, id)?;
            let new = changes.clone().supersede(&old)?;
            transaction.keep(&old, new.created_at)?;
            rewrite(transaction, seq, &old, new)
        }
        Write::Embed(vectors) => transaction.embed(vectors).map(Outcome::Counted),
        Write::Delete(filter) => transaction.remove_matching(filter).map(Outcome::Counted),
        Write::Touch { ids, scope, at, expires_at } => {
            transaction.touch(ids, scope.as_ref(), *at, *expires_at).map(Outcome::Counted)
        }
        Write::Reset => transaction.remove_all().map(Outcome::Counted),
        Write::ResetJournals => transaction.remove_journals().map(Outcome::Counted),
        Write::Purge { scope, limit } => purge(transaction, scope.as_ref(), *limit),
        Write::Journal { name, change } => transaction.change_journal(name, change).map(Outcome::Journal),
    }
}

fn found(transaction: &impl WriteTransaction, id: &RecordId) -> Result<(Seq, Record)> {
    transaction.live(id)?.ok_or_else(|| Error::RecordNotFound(id.to_string()))
}

fn rewrite(transaction: &mut impl WriteTransaction, seq: Seq, old: &Record, new: Record) -> Result<Outcome> {
    let seq = transaction.rewrite(seq, old, &new)?;
    Ok(Outcome::Updated(Box::new(Record { version: Some(seq), ..new })))
}

fn purge(transaction: &mut impl WriteTransaction, scope: Option<&Scope>, limit: usize) -> Result<Outcome> {
    let records = transaction.sweep(scope, limit)? as u64;
    let entries = if scope.is_none() { transaction.sweep_journals(limit)? } else { 0 };
    Ok(Outcome::Counted(records + entries))
}

/// Deletes some of what has expired: more rows than the jobs wrote, so that expired rows do not accumulate.
fn sweep(transaction: &mut impl WriteTransaction) -> Result<()> {
    if !transaction.some_expired()? {
        return Ok(());
    }
    let limit = usize::try_from(2 * transaction.written()).unwrap_or(usize::MAX).max(SWEPT);
    transaction.sweep(None, limit)?;
    transaction.sweep_journals(limit)?;
    Ok(())
}
