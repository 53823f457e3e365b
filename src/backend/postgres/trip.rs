//! A trip: jobs that only add to one space. Nothing has to be read before they are executed, so one request to the server is
//! enough.

use std::sync::Arc;
use std::time::Instant;

use super::inserts::MOST_BYTES;
use crate::backend::write::{Call, Job, JobResult, NewRecord, OnConflict, Outcome, Write};
use crate::record::{Micros, Seq};

/// Most records of one statement. With more, a round trip matters little.
const MOST_RECORDS: i64 = 64;

/// Jobs that only add to one space.
#[derive(Debug)]
pub struct Trip {
    /// The number of the space.
    pub space: i64,
    /// Its path.
    pub path: String,
    /// How long to wait for a lock.
    pub lock_until: Instant,
    /// The statement is canceled then.
    pub deadline: Instant,
    /// What the head row has to count.
    pub sums: Sums,
    jobs: Vec<Arc<Job>>,
}

/// What records add to the head row of their space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Records.
    pub records: i64,
    /// Records without terms.
    pub wordless: i64,
    /// Terms of all records.
    pub terms: i64,
    /// Records with a vector.
    pub vectors: i64,
    /// Length of the vectors.
    pub dimension: i64,
    /// Whose vectors these are, if it has a name.
    pub embedder: Option<String>,
    /// When the first expires, if one does.
    pub expires: Option<Micros>,
    /// Bytes of the contents.
    pub bytes: usize,
}

impl Trip {
    /// `None` if one of the jobs does something else, vectors differ in kind, or there is too much for one statement.
    pub fn of(
        space: i64,
        path: &str,
        jobs: &[Arc<Job>],
        lock_until: Instant,
        deadline: Instant,
    ) -> Option<Self> {
        let sums = Sums::of(jobs).filter(|sums| fits(sums.records, sums.bytes))?;
        Some(Self { space, path: path.to_owned(), lock_until, deadline, sums, jobs: jobs.to_vec() })
    }

    /// How many of these trips fit into one statement.
    pub fn fitting<'t>(trips: impl Iterator<Item = &'t Self>) -> usize {
        let (mut records, mut bytes) = (0, 0);
        trips
            .take_while(|trip| {
                records += trip.sums.records;
                bytes += trip.sums.bytes;
                fits(records, bytes)
            })
            .count()
    }

    /// The records of all jobs.
    pub fn records(&self) -> impl Iterator<Item = &NewRecord> + Clone {
        let calls = self.jobs.iter().flat_map(|job| &job.calls);
        calls.filter_map(Call::new_records).flat_map(|records| records.iter())
    }

    /// The results of the jobs, if the first record has this number.
    pub fn results(&self, first: Seq) -> Vec<JobResult> {
        let mut seqs = first..;
        let mut outcome = |call: &Call| {
            let count = call.new_records().map_or(0, |records| records.len());
            Outcome::Added(seqs.by_ref().take(count).map(Some).collect())
        };
        self.jobs.iter().map(|job| Ok(job.calls.iter().map(&mut outcome).collect())).collect()
    }
}

impl Sums {
    fn of(jobs: &[Arc<Job>]) -> Option<Self> {
        let mut sums = Self::default();
        let mut vectors = None;
        for call in jobs.iter().flat_map(|job| &job.calls) {
            let Some(Write::Add { records, on_conflict: OnConflict::Fail }) = &call.write else {
                return None;
            };
            if call.requires.is_some() || records.iter().any(|new| !new.past.is_empty()) {
                return None;
            }
            for vector in records.iter().filter_map(|new| new.record.embedding.as_ref()) {
                let kind = (vector.len(), call.embedder.as_deref());
                if *vectors.get_or_insert(kind) != kind {
                    return None;
                }
            }
            records.iter().for_each(|new| sums.count(new));
        }
        let (dimension, embedder) = vectors.unwrap_or_default();
        Some(Self { dimension: dimension as i64, embedder: embedder.map(str::to_owned), ..sums })
    }

    fn count(&mut self, new: &NewRecord) {
        let terms = new.terms();
        self.records += 1;
        self.wordless += i64::from(terms.is_empty());
        self.terms += terms.length() as i64;
        self.vectors += i64::from(new.record.embedding.is_some());
        self.expires = self.expires.into_iter().chain(new.record.expires_at).min();
        self.bytes += new.record.content.len();
    }
}

fn fits(records: i64, bytes: usize) -> bool {
    (1..=MOST_RECORDS).contains(&records) && bytes <= MOST_BYTES
}
