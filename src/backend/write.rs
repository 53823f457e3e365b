//! Writes as data. A backend executes them, see [`Execute`](super::Execute).

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::record::{Fields, Filter, Micros, Record, RecordId, Seq};
use crate::text::Bag;

/// Writes that are committed together or not at all, in this order.
#[derive(Debug)]
pub struct Job {
    /// What to write.
    pub writes: Vec<Write>,
}

/// What became of a job: the outcome of each write, in order, or the error because of which nothing was written.
pub type JobResult = Result<Vec<Outcome>>;

/// One write.
#[derive(Debug)]
pub enum Write {
    /// Adds records. [`Write::add`] makes it.
    Add {
        /// The records, in order.
        entries: Arc<Vec<Entry>>,
        /// What to do about ids that exist.
        on_conflict: OnConflict,
    },
    /// Changes a record. Fails with [`Error::RecordNotFound`] if there is none with this id, and with
    /// [`Error::InvalidRecord`] if the changed record would break a rule.
    Update {
        /// Which record.
        id: RecordId,
        /// What changes.
        changes: Fields,
    },
    /// Deletes the records that pass a filter.
    Delete(Filter),
    /// Notes that records were accessed. Unknown ids are passed over.
    Touch {
        /// Which records, each id once.
        ids: Vec<RecordId>,
        /// When.
        at: Micros,
    },
    /// Deletes all records.
    Reset,
}

/// What one write did.
#[derive(Debug)]
pub enum Outcome {
    /// An [`Write::Add`]: the number of each record in order, `None` where the existing record was kept.
    Added(Vec<Option<Seq>>),
    /// An [`Write::Update`]: the record as it is now.
    Updated(Box<Record>),
    /// A [`Write::Delete`], [`Write::Touch`] or [`Write::Reset`]: how many records it concerned.
    Counted(u64),
}

/// What `add` does about an id that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnConflict {
    /// Refuses the whole call.
    #[default]
    Fail,
    /// Replaces the old record by the new one.
    Replace,
    /// Keeps the old record and skips the new one.
    Skip,
}

/// A record to add, and its terms.
#[derive(Debug)]
pub struct Entry {
    /// A valid record.
    pub record: Record,
    terms: OnceLock<Bag>,
}

impl Entry {
    /// `record` must be valid.
    pub fn new(record: Record) -> Self {
        Self { record, terms: OnceLock::new() }
    }

    /// The terms of the content, analyzed by whoever asks first. Two threads that ask at the same time both analyze:
    /// that takes less time than waiting for a thread that is not scheduled.
    pub fn terms(&self) -> &Bag {
        self.terms.get().unwrap_or_else(|| {
            let terms = Bag::of(&self.record.content);
            self.terms.get_or_init(|| terms)
        })
    }
}

impl From<Write> for Job {
    fn from(write: Write) -> Self {
        Self { writes: vec![write] }
    }
}

impl Write {
    /// Adds records.
    ///
    /// # Errors
    /// [`Error::DuplicateId`] for an id that occurs twice, unless existing records are kept.
    pub fn add(entries: Arc<Vec<Entry>>, on_conflict: OnConflict) -> Result<Self> {
        let mut seen = HashSet::with_capacity(entries.len());
        let twice = entries.iter().find(|entry| !seen.insert(&entry.record.id));
        match twice {
            Some(twice) if on_conflict != OnConflict::Skip => {
                Err(Error::DuplicateId(twice.record.id.to_string()))
            }
            _ => Ok(Self::Add { entries, on_conflict }),
        }
    }
}

impl Outcome {
    /// The numbers of added records; none for other writes.
    pub fn seqs(self) -> Vec<Option<Seq>> {
        match self {
            Self::Added(seqs) => seqs,
            Self::Updated(_) | Self::Counted(_) => Vec::new(),
        }
    }

    /// How many records were written, deleted or touched.
    pub fn count(&self) -> u64 {
        match self {
            Self::Added(seqs) => seqs.iter().flatten().count() as u64,
            Self::Updated(_) => 1,
            Self::Counted(count) => *count,
        }
    }

    /// The record that an update left; `None` for other writes.
    pub fn record(self) -> Option<Record> {
        match self {
            Self::Updated(record) => Some(*record),
            Self::Added(_) | Self::Counted(_) => None,
        }
    }
}
