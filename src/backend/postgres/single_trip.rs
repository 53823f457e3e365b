//! Adds records in one round trip to the server, which computes their numbers.
//!
//! That is possible if nothing has to be read first: the jobs only add, nothing in the space has expired, and its vectors are
//! like the new ones. The statement checks all that. If it does not hold, or an id is in use, nothing is written.

use std::sync::Arc;
use std::time::Instant;

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::batch::{milliseconds_until, not_committed, unknown};
use super::client::Client;
use super::database::Database;
use super::inserts::{COLUMNS, Columns, MOST_BYTES, WIDTH};
use super::postgres_error::is_disconnected;
use super::query::{Param, typed};
use crate::backend::settings::Durability;
use crate::backend::write::{Call, Job, JobResult, NewRecord, OnConflict, Outcome, Write};
use crate::clock;
use crate::error::Result;
use crate::record::{Micros, Seq};
use crate::text::ANALYZER_VERSION;

/// Where jobs add, and how long they may take.
pub struct SingleTrip<'s> {
    /// The database.
    pub database: &'s Database,
    /// The number of the space.
    pub space: i64,
    /// Its path.
    pub path: &'s str,
    /// How long to wait for a lock.
    pub lock_until: Instant,
    /// The statement is canceled then.
    pub deadline: Instant,
}

impl SingleTrip<'_> {
    /// Executes jobs, if that is possible. `None` if nothing was written.
    ///
    /// # Errors
    /// [`crate::Error::Busy`] when explained, if the lock of the space is not free in time; [`crate::Error::Io`] if the connection
    /// is lost, or the commit takes too long: nobody knows then what will stay.
    pub fn execute(&self, jobs: &[Arc<Job>]) -> Result<Option<Vec<JobResult>>> {
        let Some(added) = Added::by(jobs) else { return Ok(None) };
        let Some(mut connection) = self.database.fresh_connection()? else { return Ok(None) };
        let columns = Columns::of(added.records.iter().map(|new| (&new.record, new.terms())))?;
        match self.insert(&mut connection, &added, &columns) {
            Ok(_) if connection.was_canceled() => Err(unknown(self.database, "it took too long")),
            Ok(rows) => {
                let seqs: Vec<Seq> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
                Ok(seqs.into_iter().min().map(|first| results(jobs, first)))
            }
            Err(error) if is_disconnected(&error) => Err(not_committed(self.database, error)),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Err(error.into()),
            Err(error) => {
                log::debug!("records could not be added in one round trip: {error}");
                Ok(None)
            }
        }
    }

    /// Inserts the records. Returns the number of each, or nothing if that is not possible.
    fn insert(
        &self,
        connection: &mut Client,
        added: &Added<'_>,
        columns: &Columns<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let count = added.records.len() as i64;
        let terms = || added.records.iter().map(|new| new.terms());
        let wordless = terms().filter(|terms| terms.is_empty()).count() as i64;
        let length: i64 = terms().map(|terms| terms.length() as i64).sum();
        let each = || added.records.iter().map(|new| &new.record);
        let vectors = each().filter(|record| record.embedding.is_some()).count() as i64;
        let expires = each().filter_map(|record| record.expires_at).min().unwrap_or(Micros::MAX);
        let (dimension, embedder) = added.vectors.unwrap_or_default();
        let (dimension, analyzer) = (dimension as i64, i64::from(ANALYZER_VERSION));
        let (now, lock_timeout) = (clock::now(), milliseconds_until(self.lock_until).to_string());
        let durability = self.database.settings().durability;
        let signature = signature(durability);
        let mut params: Vec<&dyn Param> = vec![
            &self.space,
            &self.path,
            &analyzer,
            &count,
            &wordless,
            &length,
            &vectors,
            &dimension,
            &embedder,
            &expires,
            &now,
            &lock_timeout,
            &signature,
        ];
        let others = params.len();
        let sql = || statement(added.records.len(), others, durability);
        params.extend((0..added.records.len()).flat_map(|at| columns.row(at)));
        match added.records.len() {
            1 => self.database.transact_again(connection, sql, &typed(&params), self.deadline),
            // A statement for each count would take too much of the server's memory.
            _ => connection.transact(&sql(), &typed(&params), self.deadline),
        }
    }
}

/// What tells apart the statements of programs that add otherwise. A pooler may confuse them.
fn signature(durability: Durability) -> String {
    format!("agentmem {}, {durability:?}", env!("CARGO_PKG_VERSION"))
}

/// The statement for so many records, whose values follow so many other parameters.
fn statement(records: usize, others: usize, durability: Durability) -> String {
    let not_synced = match durability {
        Durability::Full => "",
        Durability::Normal => "AND set_config('synchronous_commit', 'off', true) = 'off'",
    };
    let row = |at: usize| {
        let params = (1..=WIDTH).map(|column| format!(", ${}", others + at * WIDTH + column));
        format!("({}{})", at + 1, params.collect::<String>())
    };
    // Values take the server less time to plan than arrays. An upsert takes it less than an update, which looks at all partitions.
    format!(
        "WITH head AS (
             INSERT INTO agentmem_spaces AS head
                 (space, path, analyzer, seq, records, wordless, terms, vectors, dimension, embedder, expires)
             SELECT $1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10
             WHERE $13 = '{signature}' AND set_config('lock_timeout', $12, true) <> '' {not_synced}
             ON CONFLICT (space) DO UPDATE SET
                 seq = head.seq + excluded.seq, records = head.records + excluded.records,
                 wordless = head.wordless + excluded.wordless, terms = head.terms + excluded.terms,
                 vectors = head.vectors + excluded.vectors, expires = least(head.expires, excluded.expires)
             WHERE head.expires > $11 AND head.entries_expire > $11 AND head.seq <= {newest} - excluded.seq
                   AND (excluded.vectors = 0 OR head.vectors > 0 AND head.dimension = excluded.dimension
                        AND (excluded.embedder IS NULL OR head.embedder = excluded.embedder))
             RETURNING seq - $4 AS before)
         INSERT INTO agentmem_records (space, seq, {COLUMNS})
         SELECT $1, before + place, {COLUMNS} FROM head, (VALUES {rows}) AS new(place, {COLUMNS})
         RETURNING seq",
        signature = signature(durability),
        newest = Seq::MAX,
        rows = (0..records).map(row).collect::<Vec<_>>().join(", "),
    )
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
}

/// The results of jobs whose records have the numbers from `first` on.
fn results(jobs: &[Arc<Job>], first: Seq) -> Vec<JobResult> {
    let mut seqs = first..;
    let mut outcome = |call: &Call| {
        let count = call.new_records().map_or(0, |records| records.len());
        Outcome::Added(seqs.by_ref().take(count).map(Some).collect())
    };
    jobs.iter().map(|job| Ok(job.calls.iter().map(&mut outcome).collect())).collect()
}
