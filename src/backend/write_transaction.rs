//! What a backend can do in a transaction that writes. [`super::writer`] executes jobs with it.
//!
//! All methods may fail with [`Error::Backend`].

use super::write::{NewRecord, OnConflict};
use crate::error::{Error, Result};
use crate::journal::{Change, Changed};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq};

/// A transaction that has the write lock. If it is dropped without a commit, nothing of it is left.
pub trait WriteTransaction: WriteRecords + RemoveRecords + WriteJournals {
    /// Notes that a job begins, for [`WriteTransaction::goes_on_after`].
    fn begin_job(&mut self);

    /// True if the job that failed with this error left nothing behind, so that other jobs can be committed.
    fn goes_on_after(&mut self, error: &Error) -> bool;

    /// How many rows were written.
    fn written(&self) -> u64;

    /// True if a record or an entry of a journal may have expired.
    fn some_expired(&self) -> Result<bool>;

    /// Commits. After an error, nothing of the transaction is left.
    ///
    /// # Errors
    /// When the disk is full, among others.
    fn commit(self) -> Result<()>;
}

/// Writes records, with everything that depends on them.
pub trait WriteRecords {
    /// The version of the record with this id that has not expired, in a scope and below if one is given.
    fn version_of(&self, id: &RecordId, scope: Option<&Scope>) -> Result<Option<Seq>>;

    /// The record with this id, if it has not expired, and its number.
    fn live(&self, id: &RecordId) -> Result<Option<(Seq, Record)>>;

    /// The vectors that are written next are those of the embedder with this name.
    fn set_embedder(&mut self, name: Option<&str>);

    /// Adds records. Returns the number of each, `None` where the existing record was kept.
    ///
    /// # Errors
    /// [`Error::DuplicateId`], [`Error::DimensionMismatch`], [`Error::EmbedderMismatch`].
    fn add(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>>;

    /// Replaces the row of a record by a new one, and returns its number.
    ///
    /// # Errors
    /// As [`WriteRecords::add`].
    fn rewrite(&mut self, seq: Seq, old: &Record, new: &Record) -> Result<Seq>;

    /// Stores a version that is superseded.
    fn keep(&mut self, old: &Record, superseded_at: Micros) -> Result<()>;

    /// Gives vectors to the records with these numbers that have none, and says how many there were.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`], [`Error::EmbedderMismatch`].
    fn embed(&mut self, vectors: &[(Seq, Vec<f32>)]) -> Result<u64>;

    /// Sets `last_accessed` of records, in a scope and below if one is given, and their expiry if one is given. Returns how many
    /// of them exist.
    fn touch(
        &mut self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        at: Micros,
        expires_at: Option<Micros>,
    ) -> Result<u64>;
}

/// Removes records, with everything that depends on them.
pub trait RemoveRecords {
    /// Removes the records that pass the filter. Returns how many of them had not expired.
    fn remove_matching(&mut self, filter: &Filter) -> Result<u64>;

    /// Removes every record. Returns how many of them had not expired.
    fn remove_all(&mut self) -> Result<u64>;

    /// Removes at most `limit` expired records, only those in `scope` if one is given. Returns how many.
    fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize>;
}

/// Writes journals. [`Journals`](super::journals::Journals) reads them.
pub trait WriteJournals {
    /// Checks what the change of a journal requires.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the journal is otherwise.
    fn check_journal(&self, name: &str, change: &Change) -> Result<()>;

    /// Changes a journal. [`WriteJournals::check_journal`] must have checked what the change requires.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a damaged entry would be popped; [`Error::InvalidRecord`] when a restored entry has the number
    /// of another.
    fn change_journal(&mut self, name: &str, change: &Change) -> Result<Changed>;

    /// Deletes all journals. Returns how many unexpired entries they had.
    fn remove_journals(&mut self) -> Result<u64>;

    /// Deletes at most `limit` expired entries of journals. Returns how many. A damaged entry stays, because its date may be
    /// damaged.
    fn sweep_journals(&mut self, limit: usize) -> Result<u64>;
}
