//! Executes jobs: all that wait, in one transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::transaction::Transaction;
use super::{Batch, records};
use crate::backend::write::{Entry, Job, JobResult, OnConflict, Outcome, Write};
use crate::error::{Error, Result};
use crate::record::{Fields, RecordId, Seq};
use crate::text::Bag;

/// A transaction takes in waiting jobs for this long, then commits.
const GATHERING: Duration = Duration::from_millis(50);

/// The jobs of one transaction, and what became of each.
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
    while !commit(conn, transaction, &mut group, next, deadline)? {
        transaction = Transaction::begin(conn, deadline)?;
    }
    Ok(group.into_iter().filter_map(|(_, result)| result).collect())
}

/// Runs the jobs of the group that have not failed, and those that wait, and commits. False, and nothing was
/// committed, if a job failed after it had written.
fn commit(
    conn: &Connection,
    transaction: Transaction<'_>,
    group: &mut Group,
    next: &mut dyn FnMut() -> Option<Arc<Job>>,
    deadline: Instant,
) -> Result<bool> {
    let mut batch = Batch::new(conn)?;
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
            return Ok(false);
        }
    }
    batch.finish()?;
    transaction.commit(deadline)?;
    Ok(true)
}

fn run(batch: &mut Batch<'_>, job: &Job) -> JobResult {
    job.writes.iter().map(|write| run_one(batch, write)).collect()
}

fn run_one(batch: &mut Batch<'_>, write: &Write) -> Result<Outcome> {
    match write {
        Write::Add { entries, on_conflict } => {
            let seqs = entries.iter().map(|entry| add(batch, entry, *on_conflict));
            seqs.collect::<Result<_>>().map(Outcome::Added)
        }
        Write::Update { id, changes } => update(batch, id, changes),
        Write::Delete(filter) => batch.remove_matching(filter).map(Outcome::Counted),
        Write::Touch { ids, at } => batch.touch(ids, *at).map(Outcome::Counted),
        Write::Reset => batch.remove_all().map(Outcome::Counted),
    }
}

fn add(batch: &mut Batch<'_>, entry: &Entry, on_conflict: OnConflict) -> Result<Option<Seq>> {
    if on_conflict != OnConflict::Fail
        && let Some(seq) = records::seq_of_id(batch.conn(), &entry.record.id)?
    {
        if on_conflict == OnConflict::Skip {
            return Ok(None);
        }
        for (seq, content) in records::contents(batch.conn(), &[seq])? {
            batch.remove(seq, Bag::of(&content))?;
        }
    }
    batch.insert(&entry.record, entry.terms()).map(Some)
}

fn update(batch: &mut Batch<'_>, id: &RecordId, changes: &Fields) -> Result<Outcome> {
    let (seq, old) =
        records::by_id(batch.conn(), id)?.ok_or_else(|| Error::RecordNotFound(id.to_string()))?;
    let old_terms = Bag::of(&old.content);
    let new_terms = changes.content.as_deref().map(Bag::of);
    let new = changes.clone().update(old)?;
    batch.remove(seq, old_terms.clone())?;
    batch.insert(&new, new_terms.as_ref().unwrap_or(&old_terms))?;
    Ok(Outcome::Updated(Box::new(new)))
}
