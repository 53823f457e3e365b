//! The head row of a space: what orders its writes, and its statistics.

use std::ops::RangeInclusive;

use tokio_postgres::SimpleQueryRow;
use xxhash_rust::xxh3::xxh3_64;

use super::postgres_error::unreadable;
use crate::backend::feed::Position;
use crate::backend::numbers;
use crate::backend::snapshot::Totals;
use crate::error::{Error, Result};
use crate::record::Micros;
use crate::text::ANALYZER_VERSION;

/// The columns of [`Head::read`].
pub const COLUMNS: &str = "seq, deletion, late, entry, pruned, records, wordless, terms, vectors, dimension, analyzer, \
                           expires, entries_expire, embedder, path, \
                           CASE WHEN pg_is_in_recovery() THEN 0 \
                           ELSE (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint END";

/// The number of a space: a hash of its path.
pub fn number(path: &str) -> i64 {
    xxh3_64(path.as_bytes()).cast_signed()
}

/// The head row of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The newest number of a record, ever.
    pub seq: i64,
    /// The newest number of a deletion, ever.
    pub deletion: i64,
    /// The newest number of a vector that came after its record, ever.
    pub late: i64,
    /// The newest number of a journal's entry, ever.
    pub entry: i64,
    /// The newest deletion that was dropped.
    pub pruned: i64,
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
    /// Version of the analyzer that counted the terms.
    pub analyzer: i64,
    /// No record expires before.
    pub expires: Micros,
    /// No entry expires before.
    pub entries_expire: Micros,
    /// Whose vectors these are, if it has a name.
    pub embedder: Option<String>,
    /// The path of the space, if it has a row.
    pub path: Option<String>,
    /// When the server was started that takes writes, in microseconds since 1970: a standby that takes over has another time.
    /// 0 from a standby.
    pub era: i64,
}

impl Default for Head {
    /// That of a space without a row.
    fn default() -> Self {
        Self {
            seq: 0,
            deletion: 0,
            late: 0,
            entry: 0,
            pruned: 0,
            records: 0,
            wordless: 0,
            terms: 0,
            vectors: 0,
            dimension: 0,
            analyzer: ANALYZER_VERSION.into(),
            expires: Micros::MAX,
            entries_expire: Micros::MAX,
            embedder: None,
            path: None,
            era: 0,
        }
    }
}

impl Head {
    /// From a row with [`COLUMNS`].
    ///
    /// # Errors
    /// [`crate::Error::Backend`] for what is no number.
    pub fn read(row: &SimpleQueryRow) -> Result<Self> {
        let number = |column: usize| {
            let text = row.get(column).unwrap_or_default();
            text.parse()
                .map_err(|_| unreadable(format!("the head row of a space holds {text:?} as a number")))
        };
        Ok(Self {
            seq: number(0)?,
            deletion: number(1)?,
            late: number(2)?,
            entry: number(3)?,
            pruned: number(4)?,
            records: number(5)?,
            wordless: number(6)?,
            terms: number(7)?,
            vectors: number(8)?,
            dimension: number(9)?,
            analyzer: number(10)?,
            expires: number(11)?,
            entries_expire: number(12)?,
            embedder: row.get(13).map(str::to_owned),
            path: row.get(14).map(str::to_owned),
            era: number(15)?,
        })
    }

    /// Checks that the row is that of the space with this path. Two paths may have one number.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] if it is not.
    pub fn check_path(&self, path: &str) -> Result<()> {
        match &self.path {
            Some(other) if other != path => Err(Error::InvalidRecord(format!(
                "the scope {path:?} has the number of the space {other:?}; choose another scope"
            ))),
            _ => Ok(()),
        }
    }

    /// The statement that writes all numbers of the row.
    pub fn update(&self, space: i64) -> String {
        let Self { seq, deletion, late, entry, pruned, records, wordless, terms, vectors, dimension, .. } =
            self;
        let Self { analyzer, expires, entries_expire, embedder: _, .. } = self;
        format!(
            "UPDATE agentmem_spaces SET seq = {seq}, deletion = {deletion}, late = {late}, entry = {entry}, \
             pruned = {pruned}, records = {records}, wordless = {wordless}, terms = {terms}, vectors = {vectors}, \
             dimension = {dimension}, analyzer = {analyzer}, expires = {expires}, entries_expire = {entries_expire} \
             WHERE space = {space}"
        )
    }

    /// Where a reader of the feed is that has read everything.
    pub fn position(&self) -> Position {
        Position { seq: self.seq, deletion: self.deletion, vectors: self.late, era: self.era }
    }

    /// True if what was read up to this position is still so. When a standby takes over, the last commits may be lost, and others
    /// have their numbers.
    pub fn continues(&self, position: Position) -> bool {
        let lost = self.seq == 0 && position.seq > 0;
        let known = self.era != 0 && position.era != 0;
        !lost && (!known || self.era == position.era)
    }

    /// Sizes that ranking needs.
    pub fn totals(&self) -> Totals {
        let [records, wordless, terms] = [self.records, self.wordless, self.terms].map(|n| n.max(0) as u64);
        Totals { records, wordless, terms }
    }

    /// The length of the vectors; `None` while there is none.
    pub fn dimension(&self) -> Option<usize> {
        (self.vectors > 0).then(|| usize::try_from(self.dimension).unwrap_or_default())
    }
}

/// As [`numbers::numbers_after`].
///
/// # Errors
/// [`Error::InvalidRecord`] if there are not so many.
pub fn numbers_after(newest: i64, count: usize) -> Result<RangeInclusive<i64>> {
    numbers::numbers_after(newest, count).ok_or_else(|| Error::InvalidRecord(numbers::USED_UP.into()))
}
