//! Executes all waiting jobs in one transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::transaction::Transaction;
use super::{Batch, history, journals, migrate, records};
use crate::backend::write::{
    Call, Job, JobError, JobResult, NewRecord, OnConflict, Outcome, Requirement, Write,
};
use crate::error::{Conflict, Error, Result};
use crate::record::{Record, RecordId, Scope, Seq};
use crate::text::Bag;

/// A transaction takes waiting jobs for this long, then commits.
const GATHERING: Duration = Duration::from_millis(50);

/// Every transaction that writes also deletes up to this many expired records and entries, or twice as many as it writes if
/// that is more.
const SWEPT: usize = 64;

/// The jobs of one transaction, and the result of each.
type Group = Vec<(Arc<Job>, Option<JobResult>)>;

/// See [`Execute::execute`](crate::backend::Execute::execute).
///
/// There are no savepoints around jobs, because FTS5 writes its memory to disk at each. If a job fails after it has
/// written, the transaction is rolled back and the other jobs run again.
pub(super) fn execute(
    conn: &Connection,
    lock_until: Instant,
    deadline: Instant,
    next: &mut dyn FnMut() -> Option<Arc<Job>>,
) -> Result<Vec<JobResult>> {
    let mut group = Group::new();
    let mut transaction = Transaction::begin(conn, lock_until)?;
    let mut sweeps = true;
    loop {
        match commit(conn, transaction, &mut group, next, deadline, sweeps)? {
            TransactionEnd::Committed => break,
            TransactionEnd::JobFailed => {}
            TransactionEnd::SweepFailed => sweeps = false,
        }
        transaction = Transaction::begin(conn, deadline)?;
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
fn commit(
    conn: &Connection,
    transaction: Transaction<'_>,
    group: &mut Group,
    next: &mut dyn FnMut() -> Option<Arc<Job>>,
    deadline: Instant,
    sweeps: bool,
) -> Result<TransactionEnd> {
    migrate::check_not_newer(conn)?;
    let mut batch = Batch::new(conn)?;
    let untouched = conn.total_changes();
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
        let before = conn.total_changes();
        let outcome = run(&mut batch, job);
        let failed = outcome.is_err();
        *result = Some(outcome);
        if failed && (conn.total_changes() != before || conn.is_autocommit()) {
            return Ok(TransactionEnd::JobFailed);
        }
    }
    let written = conn.total_changes() - untouched;
    if written > 0
        && sweeps
        && !group.iter().all(|(job, _)| is_purge(job))
        && let Err(error) = sweep(&mut batch, written)
    {
        log::warn!("what has expired could not be deleted: {error}");
        return Ok(TransactionEnd::SweepFailed);
    }
    batch.finish()?;
    transaction.commit(deadline)?;
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
        let is_there = match scope {
            Some(scope) => records::is_within(batch.conn(), id, scope)?,
            None => true,
        };
        let live = if is_there { records::version_of(batch.conn(), id, batch.now())? } else { None };
        let found = live.unwrap_or(0);
        if found != *version {
            let what = Conflict::Record(id.to_string());
            return Err(Error::Conflict { what, expected: *version, found });
        }
    }
    match &call.write {
        Some(Write::Journal { name, change }) => journals::check(batch.conn(), name, change, batch.now()),
        _ => Ok(()),
    }
}

fn run_one(batch: &mut Batch<'_>, write: &Write) -> Result<Outcome> {
    match write {
        Write::Add { records, on_conflict } => {
            let seqs = records.iter().map(|new| add(batch, new, *on_conflict));
            seqs.collect::<Result<_>>().map(Outcome::Added)
        }
        Write::Update { id, changes } => {
            let (seq, old) = live(batch, id)?;
            let new = changes.clone().update(old.clone())?;
            rewrite(batch, seq, &old, new)
        }
        Write::Supersede { id, changes } => {
            let (seq, old) = live(batch, id)?;
            let new = changes.clone().supersede(&old)?;
            history::keep(batch.conn(), &old, new.created_at)?;
            rewrite(batch, seq, &old, new)
        }
        Write::Embed(vectors) => batch.embed(vectors).map(Outcome::Counted),
        Write::Delete(filter) => batch.remove_matching(filter).map(Outcome::Counted),
        Write::Touch { ids, scope, at, expires_at } => {
            batch.touch(ids, scope.as_ref(), *at, *expires_at).map(Outcome::Counted)
        }
        Write::Reset => batch.remove_all().map(Outcome::Counted),
        Write::ResetJournals => journals::remove_all(batch.conn(), batch.now()).map(Outcome::Counted),
        Write::Purge { scope, limit } => purge(batch, scope.as_ref(), *limit),
        Write::Journal { name, change } => {
            journals::apply(batch.conn(), name, change, batch.now()).map(Outcome::Journal)
        }
    }
}

fn add(batch: &mut Batch<'_>, new: &NewRecord, on_conflict: OnConflict) -> Result<Option<Seq>> {
    let id = &new.record.id;
    let is_live =
        |batch: &Batch<'_>| Ok::<_, Error>(records::version_of(batch.conn(), id, batch.now())?.is_some());
    match on_conflict {
        OnConflict::Skip if is_live(batch)? => return Ok(None),
        OnConflict::Fail => {}
        _ => remove_id(batch, id)?,
    }
    let insert = |batch: &mut Batch<'_>| {
        if !new.past.is_empty() {
            history::restore(batch.conn(), &new.past)?;
        }
        batch.insert(&new.record, new.terms()).map(Some)
    };
    match insert(batch) {
        // The record with the id has expired, but was not swept yet.
        Err(Error::DuplicateId(_)) if !is_live(batch)? => {
            remove_id(batch, id)?;
            insert(batch)
        }
        inserted => inserted,
    }
}

/// Removes the record with this id, expired or not, if there is one.
fn remove_id(batch: &mut Batch<'_>, id: &RecordId) -> Result<()> {
    match records::seq_of_id(batch.conn(), id)? {
        Some(seq) => batch.remove_seqs(&[seq]),
        None => Ok(()),
    }
}

fn live(batch: &Batch<'_>, id: &RecordId) -> Result<(Seq, Record)> {
    let found = records::live(batch.conn(), id, batch.now())?;
    found.ok_or_else(|| Error::RecordNotFound(id.to_string()))
}

/// Replaces a row by a new one.
fn rewrite(batch: &mut Batch<'_>, seq: Seq, old: &Record, new: Record) -> Result<Outcome> {
    let old_terms = Bag::of(&old.content);
    let new_terms = (new.content != old.content).then(|| Bag::of(&new.content));
    batch.take_out(seq, old_terms.clone())?;
    let seq = batch.insert(&new, new_terms.as_ref().unwrap_or(&old_terms))?;
    Ok(Outcome::Updated(Box::new(Record { version: Some(seq), ..new })))
}

fn purge(batch: &mut Batch<'_>, scope: Option<&Scope>, limit: usize) -> Result<Outcome> {
    let records = batch.sweep(scope, limit)? as u64;
    let entries = if scope.is_none() { journals::sweep(batch.conn(), batch.now(), limit)? } else { 0 };
    Ok(Outcome::Counted(records + entries))
}

/// Deletes some of what has expired: more rows than the jobs wrote, so that expired rows do not accumulate.
fn sweep(batch: &mut Batch<'_>, written: u64) -> Result<()> {
    let limit = usize::try_from(2 * written).unwrap_or(usize::MAX).max(SWEPT);
    batch.sweep(None, limit)?;
    journals::sweep(batch.conn(), batch.now(), limit)?;
    Ok(())
}
