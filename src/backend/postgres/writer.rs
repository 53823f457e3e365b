//! Executes all waiting jobs in one transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::database::Database;
use super::journals;
use crate::backend::write::{Call, Job, JobError, JobResult, Outcome, Requirement, Write};
use crate::error::{Conflict, Error, Result};
use crate::record::{Record, Scope};

/// A transaction takes waiting jobs for this long, then commits.
const GATHERING: Duration = Duration::from_millis(50);

/// Who waits for the lock keeps its place in the server's queue for so long, however soon the caller wants to look around.
const IN_LINE: Duration = Duration::from_secs(1);

/// Every transaction that writes also deletes up to this many expired records and entries, or twice as many as it writes if
/// that is more.
const SWEPT: usize = 64;

/// The jobs of one transaction, and the result of each.
type Group = Vec<(Arc<Job>, Option<JobResult>)>;

/// See [`Execute::execute`](crate::backend::Execute::execute). If a job fails after it has written, the transaction is rolled
/// back and the other jobs run again.
///
/// # Errors
/// As there, not explained.
pub fn execute(
    database: &Database,
    (space, path): (i64, &str),
    lock_until: Instant,
    deadline: Instant,
    next: &mut dyn FnMut() -> Option<Arc<Job>>,
) -> Result<Vec<JobResult>> {
    let mut group = Group::new();
    let lock_until = lock_until.max(Instant::now() + IN_LINE).min(deadline);
    let mut batch = Batch::begin(database, space, path, lock_until, deadline)?;
    let mut sweeps = true;
    loop {
        match run_all(batch, &mut group, next, sweeps)? {
            TransactionEnd::Committed => break,
            TransactionEnd::JobFailed => {}
            TransactionEnd::SweepFailed => sweeps = false,
        }
        batch = Batch::begin(database, space, path, deadline, deadline)?;
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
    mut batch: Batch<'_>,
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
        let (statements, head) = (batch.statements, batch.head.clone());
        let outcome = run(&mut batch, job);
        let failed = outcome.as_ref().err().map(|failed| batch.survives(&failed.error));
        *result = Some(outcome);
        match failed {
            None => {}
            Some(true) if batch.statements == statements => batch.head = head,
            Some(_) => return Ok(TransactionEnd::JobFailed),
        }
    }
    if batch.rows > 0
        && sweeps
        && !group.iter().all(|(job, _)| is_purge(job))
        && let Err(error) = sweep(&mut batch)
    {
        log::warn!("what has expired could not be deleted: {error}");
        return Ok(TransactionEnd::SweepFailed);
    }
    batch.commit()?;
    Ok(TransactionEnd::Committed)
}

/// True for a purge. A transaction of purges alone does not sweep: a purge deletes no more than it is asked to.
fn is_purge(job: &Job) -> bool {
    job.calls.iter().all(|call| matches!(call.write, Some(Write::Purge { .. })))
}

fn run(batch: &mut Batch<'_>, job: &Job) -> JobResult {
    let failed = |at| move |error| JobError { call: Some(at), error };
    for (at, call) in job.calls.iter().enumerate() {
        check(batch, call).map_err(failed(at))?;
    }
    let run = |(at, call): (usize, &Call)| {
        let write = call.write.as_ref();
        batch.set_embedder(call.embedder.as_deref());
        write.map_or(Ok(Outcome::Checked), |write| run_one(batch, write)).map_err(failed(at))
    };
    job.calls.iter().enumerate().map(run).collect()
}

/// Checks what a call requires.
fn check(batch: &Batch<'_>, call: &Call) -> Result<()> {
    if let Some(Requirement { id, scope, version }) = &call.requires {
        let found = batch.version_of(id, scope.as_ref())?.unwrap_or(0);
        if found != *version {
            let what = Conflict::Record(id.to_string());
            return Err(Error::Conflict { what, expected: *version, found });
        }
    }
    match &call.write {
        Some(Write::Journal { name, change }) => journals::check(batch, name, change),
        _ => Ok(()),
    }
}

fn run_one(batch: &mut Batch<'_>, write: &Write) -> Result<Outcome> {
    match write {
        Write::Add { records, on_conflict } => batch.add(records, *on_conflict).map(Outcome::Added),
        Write::Update { id, changes } => {
            let (seq, old) = batch.live(id)?;
            let new = changes.clone().update(old)?;
            rewritten(batch.rewrite(seq, &new)?, new)
        }
        Write::Supersede { id, changes } => {
            let (seq, old) = batch.live(id)?;
            let new = changes.clone().supersede(&old)?;
            batch.keep(&old, new.created_at)?;
            rewritten(batch.rewrite(seq, &new)?, new)
        }
        Write::Embed(vectors) => batch.embed(vectors).map(Outcome::Counted),
        Write::Delete(filter) => batch.remove_matching(filter).map(Outcome::Counted),
        Write::Touch { ids, scope, at, expires_at } => {
            batch.touch(ids, scope.as_ref(), *at, *expires_at).map(Outcome::Counted)
        }
        Write::Reset => batch.remove_all().map(Outcome::Counted),
        Write::ResetJournals => journals::remove_all(batch).map(Outcome::Counted),
        Write::Purge { scope, limit } => purge(batch, scope.as_ref(), *limit),
        Write::Journal { name, change } => journals::apply(batch, name, change).map(Outcome::Journal),
    }
}

fn rewritten(seq: i64, new: Record) -> Result<Outcome> {
    Ok(Outcome::Updated(Box::new(Record { version: Some(seq), ..new })))
}

fn purge(batch: &mut Batch<'_>, scope: Option<&Scope>, limit: usize) -> Result<Outcome> {
    let records = batch.sweep(scope, limit)? as u64;
    let entries = if scope.is_none() { journals::sweep(batch, limit)? } else { 0 };
    Ok(Outcome::Counted(records + entries))
}

/// Deletes some of what has expired: more rows than the jobs wrote, so that expired rows do not accumulate.
fn sweep(batch: &mut Batch<'_>) -> Result<()> {
    let limit = usize::try_from(2 * batch.rows).unwrap_or(usize::MAX).max(SWEPT);
    batch.sweep(None, limit)?;
    journals::sweep(batch, limit)?;
    Ok(())
}
