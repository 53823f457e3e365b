//! Writes as data. A backend executes them, see [`Execute`](super::Execute).

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, OnceLock};

use super::snapshot::PastVersion;
use crate::clock;
use crate::error::{Error, Result};
use crate::journal::{Change, Changed};
use crate::record::{Fields, Filter, Micros, Record, RecordId, Scope, Seq, Viewer};
use crate::text::Bag;

/// Calls that are committed together or not at all.
///
/// Everything that any call requires is checked before the first call writes, against the store as it was before the job.
/// Then the calls write, in order.
#[derive(Debug)]
pub struct Job {
    /// The calls, in order.
    pub calls: Vec<Call>,
}

/// A write, and what it requires.
#[derive(Debug)]
pub struct Call {
    /// What must hold; `None` for nothing. A journal's change holds its own requirement.
    pub requires: Option<Requirement>,
    /// What to write; `None` for a mere check.
    pub write: Option<Write>,
    /// The embedder that made vectors of the call, if it has a name.
    pub embedder: Option<String>,
}

/// A record must have a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The record's id.
    pub id: RecordId,
    /// Where the record must be: in this scope or below. Elsewhere it counts as none.
    pub scope: Option<Scope>,
    /// Its version; 0 requires that there is no such record.
    pub version: Seq,
}

/// What became of a job: the outcome of each call, in order, or why nothing was written.
pub type JobResult = Result<Vec<Outcome>, JobError>;

/// Why nothing of a job was written.
#[derive(Debug, Clone)]
pub struct JobError {
    /// Which call failed; `None` if it was the transaction.
    pub call: Option<usize>,
    /// What went wrong.
    pub error: Error,
}

impl JobError {
    /// The same with another error.
    pub fn map(self, explain: impl FnOnce(Error) -> Error) -> Self {
        Self { error: explain(self.error), ..self }
    }
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        Self { call: None, error }
    }
}

impl From<JobError> for Error {
    fn from(failed: JobError) -> Self {
        failed.error
    }
}

/// The error of a write whose leader ended without giving it a result, as in a panic.
pub fn lost() -> Error {
    Error::backend(io::Error::other("a write ended without a result"))
}

/// One write.
#[derive(Debug)]
pub enum Write {
    /// Adds records. [`Write::add`] makes it.
    Add {
        /// The records, in order.
        records: Arc<Vec<NewRecord>>,
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
    /// Gives a record a new version and keeps the old one in its history. Fails as an update does, and if the new version
    /// would have been created before the old one.
    Supersede {
        /// Which record.
        id: RecordId,
        /// What changes.
        changes: Fields,
    },
    /// Gives vectors to records that have none. Records that are gone, or have one, are passed over.
    Embed(Vec<(Seq, Vec<f32>)>),
    /// Deletes the records that pass a filter, with their histories.
    Delete(Filter),
    /// Notes that records were accessed. Unknown ids are passed over.
    Touch {
        /// Which records, each id once.
        ids: Vec<RecordId>,
        /// Only records in this scope and below.
        scope: Option<Scope>,
        /// When.
        at: Micros,
        /// When they expire from now on; `None` leaves that as it is.
        expires_at: Option<Micros>,
    },
    /// Deletes all records, with their histories.
    Reset,
    /// Deletes all journals.
    ResetJournals,
    /// Deletes records that have expired, and entries of journals if no scope is given.
    Purge {
        /// Only records in this scope and below.
        scope: Option<Scope>,
        /// At most this many records, and as many entries.
        limit: usize,
    },
    /// Changes a journal. Fails with [`Error::Conflict`] if the change requires another entry than there is.
    Journal {
        /// The journal's name.
        name: String,
        /// The change.
        change: Change,
    },
}

/// What one write did.
#[derive(Debug)]
pub enum Outcome {
    /// An [`Write::Add`]: the number of each record in order, `None` where the existing record was kept.
    Added(Vec<Option<Seq>>),
    /// An [`Write::Update`] or [`Write::Supersede`]: the record as it is now.
    Updated(Box<Record>),
    /// A write that deletes or touches: how many records or entries it concerned.
    Counted(u64),
    /// A [`Write::Journal`]: what it did.
    Journal(Changed),
    /// A call without a write.
    Checked,
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

/// A record to add, with its terms.
#[derive(Debug)]
pub struct NewRecord {
    /// A valid record.
    pub record: Record,
    /// Its superseded versions, oldest first, if it comes from another store.
    pub past: Vec<PastVersion>,
    terms: OnceLock<Bag>,
}

impl NewRecord {
    /// `record` must be valid.
    pub fn new(record: Record) -> Self {
        Self::with_past(record, Vec::new())
    }

    /// `record` and its superseded versions, oldest first, must be valid.
    pub fn with_past(record: Record, past: Vec<PastVersion>) -> Self {
        Self { record, past, terms: OnceLock::new() }
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
        Self { calls: vec![Call::new(None, Some(write))] }
    }
}

impl Call {
    /// A call whose vectors, if it has any, come from an embedder without a name.
    pub fn new(requires: Option<Requirement>, write: Option<Write>) -> Self {
        Self { requires, write, embedder: None }
    }

    /// Deletes the records that pass a filter. Ids alone are deleted whoever may see them. With `if_version`, the filter must
    /// be one id, and that record must have this version.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if nothing narrows the filter, and for a version without exactly one id.
    pub fn delete(mut filter: Filter, if_version: Option<Seq>) -> Result<Self> {
        let requires = match (if_version, filter.ids.as_deref()) {
            (None, _) => None,
            (Some(version), Some([id])) if filter.is_ids_alone() && filter.viewer.source.is_none() => {
                Some(Requirement { id: id.clone(), scope: None, version })
            }
            _ => return Err(Error::InvalidFilter("if_version goes with one id and no other filter".into())),
        };
        if !filter.narrows() {
            let why = "delete needs an id or a filter; reset() deletes everything";
            return Err(Error::InvalidFilter(why.into()));
        }
        if filter.is_ids_alone() {
            filter.viewer = Viewer::all();
        }
        Ok(Self::new(requires, Some(Write::Delete(filter))))
    }

    /// The records that the call adds, if that is what it does.
    pub fn new_records(&self) -> Option<&Arc<Vec<NewRecord>>> {
        match &self.write {
            Some(Write::Add { records, .. }) => Some(records),
            _ => None,
        }
    }

    /// True if the call writes or deletes records, which the index must learn of.
    pub fn changes_index(&self) -> bool {
        match &self.write {
            None | Some(Write::Touch { .. } | Write::Journal { .. } | Write::ResetJournals) => false,
            Some(_) => true,
        }
    }

    /// The outcome of a call that requires and writes nothing, whatever the store holds; `None` for other calls.
    pub fn empty_outcome(&self) -> Option<Outcome> {
        match &self.write {
            _ if self.requires.is_some() => None,
            None => Some(Outcome::Checked),
            Some(Write::Add { records, .. }) if records.is_empty() => Some(Outcome::Added(Vec::new())),
            Some(Write::Touch { ids, .. }) if ids.is_empty() => Some(Outcome::Counted(0)),
            Some(Write::Delete(Filter { ids: Some(ids), .. })) if ids.is_empty() => Some(Outcome::Counted(0)),
            Some(_) => None,
        }
    }
}

impl Write {
    /// Adds records.
    ///
    /// # Errors
    /// [`Error::DuplicateId`] for an id that occurs twice, unless existing records are kept.
    pub fn add(records: Arc<Vec<NewRecord>>, on_conflict: OnConflict) -> Result<Self> {
        let mut seen = HashSet::with_capacity(records.len());
        let twice = records.iter().find(|new| !seen.insert(&new.record.id));
        match twice {
            Some(twice) if on_conflict != OnConflict::Skip => {
                Err(Error::DuplicateId(twice.record.id.to_string()))
            }
            _ => Ok(Self::Add { records, on_conflict }),
        }
    }

    /// Notes that these records are accessed now, in a scope and below if one is given, and sets when they expire if that is.
    pub fn touch(ids: &[RecordId], scope: Option<Scope>, expires_at: Option<Micros>) -> Self {
        let distinct: HashSet<&RecordId> = ids.iter().collect();
        Self::Touch { ids: distinct.into_iter().cloned().collect(), scope, at: clock::now(), expires_at }
    }
}

impl Outcome {
    /// The numbers of added records; none for other writes.
    pub fn seqs(&self) -> &[Option<Seq>] {
        match self {
            Self::Added(seqs) => seqs,
            _ => &[],
        }
    }

    /// How many records were written, deleted or touched.
    pub fn count(&self) -> u64 {
        match self {
            Self::Added(seqs) => seqs.iter().flatten().count() as u64,
            Self::Updated(_) => 1,
            Self::Counted(count) | Self::Journal(Changed::Removed(count)) => *count,
            Self::Journal(_) | Self::Checked => 0,
        }
    }

    /// The record that an update left; `None` for other writes.
    pub fn record(self) -> Option<Record> {
        match self {
            Self::Updated(record) => Some(*record),
            _ => None,
        }
    }
}
