//! Reading a store. One [`Snapshot`] shows the store in one state.

use std::sync::Arc;

use super::budget::Budget;
use super::change_log::{Cursor, LogPage};
use super::comparable;
use super::feed::{Feed, Known, Position};
use super::journals::Journals;
use super::manifest::IndexFile;
use crate::error::Result;
use crate::record::{Filter, Micros, Page, Record, RecordId, Scope, Scopes, Seq, Viewer};

pub use crate::rank::blend::Prior;

/// Reads the store in one state, as if in a read transaction, which ends when the snapshot is dropped.
///
/// Methods that take numbers (`seqs`) return results in the order of these numbers, and leave out numbers that no record
/// has any more.
///
/// # Errors
/// Every method may return [`crate::Error::Corrupt`], [`crate::Error::Io`] and [`crate::Error::Busy`]; other errors are named where they
/// occur.
pub trait Snapshot: Journals {
    /// The records with these ids, in this order; `None` where there is none that `viewer` may see, in a scope and below if one
    /// is given.
    fn by_ids(&self, ids: &[RecordId], scope: Option<&Scope>, viewer: &Viewer)
    -> Result<Vec<Option<Record>>>;

    /// The records with these numbers.
    fn by_seqs(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Record)>>;

    /// The contents of the records with these numbers, up to the first that is beyond the budget. Damaged content comes as an
    /// empty text.
    fn contents(&self, seqs: &[Seq], budget: Budget) -> Result<Vec<(Seq, String)>>;

    /// The vectors of the records with these numbers that have one. Damaged vectors are left out.
    fn vectors(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Vec<f32>)>>;

    /// The fields of the records with these numbers that scores depend on independently of the query.
    fn priors(&self, seqs: &[Seq]) -> Result<Vec<Prior>>;

    /// For each of these numbers, those of the records written just before and just after it in the same scope, among those
    /// that `viewer` may see.
    fn neighbours(&self, seqs: &[Seq], viewer: &Viewer) -> Result<Vec<[Option<Seq>; 2]>>;

    /// The numbers above `after` of the records that pass the filter, in ascending order.
    fn seqs_matching(&self, filter: &Filter, after: Seq) -> Result<Vec<Seq>>;

    /// The numbers above `after` of the records that `viewer` may not see, in ascending order.
    fn hidden(&self, viewer: &Viewer, after: Seq) -> Result<Vec<Seq>>;

    /// The numbers of the records that have expired, in ascending order. Sets of numbers and the feed contain them until
    /// they are deleted; all other reads leave them out.
    fn expired(&self) -> Result<Arc<[Seq]>>;

    /// A page of the records that pass the filter.
    fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Record>>;

    /// The superseded versions of the record with this id, whoever may see them, oldest first.
    fn past(&self, id: &RecordId) -> Result<Vec<PastVersion>>;

    /// Every version of a record that `viewer` may see, oldest first, the current one last; empty if there is no such record.
    fn history(&self, id: &RecordId, viewer: &Viewer) -> Result<Vec<Record>>;

    /// Writes and deletions that `viewer` may see since `after`, at most `limit`; see [`super::change_log`].
    fn changes(&self, after: Option<Cursor>, limit: usize, viewer: &Viewer) -> Result<LogPage>;

    /// How many records pass the filter.
    fn count(&self, filter: &Filter) -> Result<u64>;

    /// The categories of the records that pass the filter and how many records have each, most frequent first, then by
    /// name.
    fn categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>>;

    /// The scopes in or below which `viewer` sees a record, by name.
    fn scopes(&self, wanted: &Scopes, viewer: &Viewer) -> Result<Vec<Scope>>;

    /// What `viewer` sees in a scope and below.
    fn scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo>;

    /// Passes every record that passes the filter to `visit`, by number, until it returns false. For a damaged record
    /// `visit` gets the error. Errors of `visit` end the visit and are returned.
    fn each(&self, filter: &Filter, visit: &mut dyn FnMut(Result<Record>) -> Result<bool>) -> Result<()>;

    /// Passes number and content of every record above `after` to `visit`, by number, until it returns false. Damaged
    /// content comes as an empty text.
    fn each_content(&self, after: Seq, visit: &mut dyn FnMut(Seq, &str) -> Result<bool>) -> Result<()>;

    /// Passes number and vector of every record above `after` that has one to `visit`, by number, until it returns false.
    /// Damaged vectors are left out.
    fn each_vector(&self, after: Seq, visit: &mut dyn FnMut(Seq, Vec<f32>) -> Result<bool>) -> Result<()>;

    /// The length of the vectors in the store; `None` while it has none.
    fn dimension(&self) -> Result<Option<usize>>;

    /// Checks that a vector of this length can be compared with those in the store.
    ///
    /// # Errors
    /// [`crate::Error::DimensionMismatch`].
    fn check_dimension(&self, found: usize) -> Result<()> {
        comparable::check_dimension(self.dimension()?, found)
    }

    /// The embedder whose vectors the store holds; `None` while it holds none, and if it has no name.
    fn embedder(&self) -> Result<Option<String>>;

    /// Checks that the vectors of the embedder with this name can be compared with those in the store.
    ///
    /// # Errors
    /// [`crate::Error::EmbedderMismatch`].
    fn check_embedder(&self, found: &str) -> Result<()> {
        comparable::check_embedder(self.embedder()?.as_deref(), found)
    }

    /// Numbers and contents of the first `limit` records above `after` that have no vector, in ascending order.
    fn without_vector(&self, after: Seq, limit: usize) -> Result<Vec<(Seq, String)>>;

    /// How many records have no vector.
    fn count_without_vector(&self) -> Result<u64>;

    /// How many records there are, and how many terms they have.
    fn totals(&self) -> Result<Totals>;

    /// The version of the analyzer that made the full text and the totals; 0 if they have to be made again.
    fn analyzer_version(&self) -> Result<u32>;

    /// The newest number that a record, and a deletion, ever had. A reader of the feed that knows nothing starts at
    /// `Position { seq: 0, ..newest }`: it needs no past deletion.
    fn newest(&self) -> Result<Position>;

    /// Which server is read, if commits may be lost when another takes its place; otherwise 0.
    fn era(&self) -> i64 {
        0
    }

    /// True if an index at this position has everything that this snapshot sees, and nothing that a failover lost.
    fn is_current(&self, position: Position) -> Result<bool>;

    /// What was added and deleted since `from`, with at most `limit` added records. Contents of records that are `known`
    /// are not read; `None` says that none is. A reader that applies one part after the other has, after a complete part, exactly the records of
    /// this snapshot. `None` if the feed does not reach back to `from`, or if what was read up to there was lost.
    fn feed(&self, from: Position, limit: usize, known: Option<Known<'_>>) -> Result<Option<Feed>>;

    /// The valid index files, by their first record.
    fn manifest(&self) -> Result<Vec<IndexFile>>;

    /// The full text; `None` if the backend keeps none.
    fn full_text(&self) -> Option<&dyn FullText>;

    /// Problems of the file and of the structure of the full-text table, one line each.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`]. The caller must hold no lock, see [`crate::interrupt::requested`].
    fn problems(&self) -> Result<Vec<String>>;

    /// One line for each record that cannot be read or does not fit its checksum.
    ///
    /// # Errors
    /// As [`Snapshot::problems`].
    fn damaged_records(&self) -> Result<Vec<String>>;
}

/// Which records have a term. It does not rank. Errors are those of [`Snapshot`].
pub trait FullText {
    /// The records that have `term`, in ascending order.
    fn records_with(&self, term: &str) -> Result<Vec<Seq>>;

    /// How many records have `term`.
    fn document_frequency(&self, term: &str) -> Result<u64>;

    /// Passes every term that begins with `prefix` to `visit`, in the order of bytes.
    fn terms_with(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<()>;

    /// Every term with its document frequency, in the order of bytes.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`]. The caller must hold no lock, see [`crate::interrupt::requested`].
    fn vocabulary(&self) -> Result<Vec<(String, u64)>>;
}

/// A superseded version of a record, and when the next version replaced it.
pub type PastVersion = (Record, Micros);

/// Sizes that ranking needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many records there are, private ones too.
    pub records: u64,
    /// How many of them have no terms: no text search finds them, and its statistics leave them out.
    pub wordless: u64,
    /// How many terms they have together, repeats included.
    pub terms: u64,
}

/// A summary of a scope and the scopes below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeInfo {
    /// The scope.
    pub scope: Scope,
    /// How many records.
    pub records: u64,
    /// Their categories, as `Snapshot::categories`.
    pub categories: Vec<(String, u64)>,
    /// When the oldest record was created.
    pub oldest: Option<Micros>,
    /// When the newest record was created.
    pub newest: Option<Micros>,
    /// As `Snapshot::scopes`.
    pub children: Vec<Scope>,
}
