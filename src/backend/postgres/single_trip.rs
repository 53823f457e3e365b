//! Adds records in one round trip to the server, which computes their numbers.
//!
//! That is possible if nothing has to be read first: the jobs only add, the space exists, nothing in it has expired, and its
//! vectors are like the new ones. The statement checks all that. If it does not hold, or an id is in use, nothing is written.

use std::sync::Arc;
use std::time::Instant;

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::batch::{begin, not_committed};
use super::client::Client;
use super::database::Database;
use super::inserts::{COLUMNS, Columns, MOST_BYTES};
use super::postgres_error::is_disconnected;
use super::query::{Param, typed};
use crate::backend::write::{Call, Job, JobResult, NewRecord, OnConflict, Outcome, Write};
use crate::clock;
use crate::error::Result;
use crate::record::{Micros, Seq};

/// Executes jobs, if that is possible. `None` if nothing was written.
///
/// # Errors
/// [`crate::Error::Busy`] when explained, if the lock of the space is not free until `lock_until`; [`crate::Error::Io`] if the
/// connection is lost: nobody knows then what was committed.
pub fn execute(
    database: &Database,
    space: i64,
    jobs: &[Arc<Job>],
    lock_until: Instant,
    deadline: Instant,
) -> Result<Option<Vec<JobResult>>> {
    let Some(added) = Added::by(jobs) else { return Ok(None) };
    let Some(mut connection) = database.fresh_connection()? else { return Ok(None) };
    let columns = Columns::of(added.records.iter().map(|new| (&new.record, new.terms())))?;
    let begin = begin(database, lock_until, deadline);
    match added.insert(&mut connection, &begin, space, &columns) {
        Ok(rows) => rows.first().map(|row| Ok(results(jobs, row.try_get(0)?))).transpose(),
        Err(error) if is_disconnected(&error) => Err(not_committed(database, error)),
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Err(error.into()),
        Err(error) => {
            log::debug!("records could not be added in one round trip: {error}");
            Ok(None)
        }
    }
}

/// Most records of one statement. With more, a round trip matters little.
const AT_ONCE: usize = 64;

/// What jobs add.
struct Added<'j> {
    records: Vec<&'j NewRecord>,
    /// The length of all vectors, and the embedder that made them.
    vectors: Option<(usize, Option<&'j str>)>,
}

impl<'j> Added<'j> {
    /// `None` if one of the jobs does something else, vectors differ in kind, or there is too much for one statement.
    fn by(jobs: &'j [Arc<Job>]) -> Option<Self> {
        let mut added = Self { records: Vec::new(), vectors: None };
        for call in jobs.iter().flat_map(|job| &job.calls) {
            let Some(Write::Add { records, on_conflict: OnConflict::Fail }) = &call.write else {
                return None;
            };
            if call.requires.is_some() || records.iter().any(|new| !new.past.is_empty()) {
                return None;
            }
            for vector in records.iter().filter_map(|new| new.record.embedding.as_ref()) {
                let kind = (vector.len(), call.embedder.as_deref());
                if *added.vectors.get_or_insert(kind) != kind {
                    return None;
                }
            }
            added.records.extend(records.iter());
        }
        let bytes: usize = added.records.iter().map(|new| new.record.content.len()).sum();
        ((1..=AT_ONCE).contains(&added.records.len()) && bytes <= MOST_BYTES).then_some(added)
    }

    /// Inserts the records. Returns one row with the newest number before, or none if that is not possible.
    fn insert(
        &self,
        connection: &mut Client,
        begin: &str,
        space: i64,
        columns: &Columns<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let mut sql = format!(
            "WITH head AS (
                 UPDATE agentmem_spaces SET seq = seq + $2, records = records + $2, wordless = wordless + $3,
                                            terms = terms + $4, vectors = vectors + $5, expires = least(expires, $6)
                 WHERE space = $1 AND expires > $7 AND entries_expire > $7 AND seq <= {newest} - $2
                       AND ($5 = 0 OR vectors > 0 AND dimension = $8 AND ($9 IS NULL OR embedder = $9))
                 RETURNING seq - $2 AS before),
             inserted AS (
                 INSERT INTO agentmem_records (space, seq, {COLUMNS})
                 SELECT $1, before + place, {COLUMNS} FROM head, (VALUES ",
            newest = Seq::MAX
        );
        let count = self.records.len() as i64;
        let terms = || self.records.iter().map(|new| new.terms());
        let wordless = terms().filter(|terms| terms.is_empty()).count() as i64;
        let length: i64 = terms().map(|terms| terms.length() as i64).sum();
        let each = || self.records.iter().map(|new| &new.record);
        let vectors = each().filter(|record| record.embedding.is_some()).count() as i64;
        let expires = each().filter_map(|record| record.expires_at).min().unwrap_or(Micros::MAX);
        let (dimension, embedder) = self.vectors.unwrap_or_default();
        let (now, dimension) = (clock::now(), dimension as i64);
        let mut params: Vec<&dyn Param> =
            vec![&space, &count, &wordless, &length, &vectors, &expires, &now, &dimension, &embedder];
        for at in 0..self.records.len() {
            // Values take the server less time to plan than arrays.
            sql += &format!("{}({}", if at > 0 { ", " } else { "" }, at + 1);
            for value in columns.row(at) {
                params.push(value);
                sql += &format!(", ${}", params.len());
            }
            sql.push(')');
        }
        sql += &format!(") AS new(place, {COLUMNS})) SELECT before FROM head");
        connection.transact(begin, &sql, &typed(&params))
    }
}

/// The results of jobs whose records have the numbers after `before`.
fn results(jobs: &[Arc<Job>], before: Seq) -> Vec<JobResult> {
    let mut seqs = before + 1..;
    let mut outcome = |call: &Call| {
        let count = call.new_records().map_or(0, |records| records.len());
        Outcome::Added(seqs.by_ref().take(count).map(Some).collect())
    };
    jobs.iter().map(|job| Ok(job.calls.iter().map(&mut outcome).collect())).collect()
}
