//! Inserting records.

use std::collections::HashSet;

use super::batch::Batch;
use super::head::numbers_after;
use super::postgres_error::unreadable;
use super::query::Param;
use super::row::Encoded;
use crate::backend::write::{NewRecord, OnConflict};
use crate::error::{Error, Result};
use crate::record::{Micros, Record, Seq};
use crate::text::Bag;

/// Most records of one statement.
const AT_ONCE: usize = 1000;
/// Most bytes of the contents of a statement; a longer one has a statement of its own.
pub const MOST_BYTES: usize = 8 << 20;

/// The columns of a row that do not depend on other rows.
pub const COLUMNS: &str = "id, scope, created_at, updated_at, last_accessed, expires_at, importance, source, private, \
                           categories, metadata, content, vector, terms, checksum";
/// How many these are.
const WIDTH: usize = 15;
/// The types of these.
const TYPES: [&str; WIDTH] = [
    "text",
    "text",
    "bigint",
    "bigint",
    "bigint",
    "bigint",
    "double precision",
    "text",
    "boolean",
    "text",
    "text",
    "text",
    "bytea",
    "integer",
    "integer",
];

/// The parameters of [`Columns::row`], of which the first has this number.
pub fn values(first: usize) -> String {
    (first..).take(WIDTH).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

/// Those of [`Columns::params`].
pub fn arrays(first: usize) -> String {
    let arrays: Vec<String> =
        (first..).zip(TYPES).map(|(number, kind)| format!("${number}::{kind}[]")).collect();
    arrays.join(", ")
}

/// The values of [`COLUMNS`] in rows to insert.
pub struct Columns<'r> {
    ids: Vec<String>,
    scopes: Vec<&'r str>,
    created: Vec<Micros>,
    updated: Vec<Micros>,
    accessed: Vec<Micros>,
    expires: Vec<Option<Micros>>,
    importance: Vec<f64>,
    sources: Vec<Option<&'r str>>,
    private: Vec<bool>,
    categories: Vec<Option<String>>,
    metadata: Vec<Option<&'r str>>,
    contents: Vec<&'r str>,
    vectors: Vec<Option<Vec<u8>>>,
    terms: Vec<i32>,
    checksums: Vec<i32>,
}

impl<'r> Columns<'r> {
    /// Of records and their terms.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] if categories cannot be written as JSON.
    pub fn of(rows: impl Iterator<Item = (&'r Record, &'r Bag)> + Clone) -> Result<Self> {
        let each = || rows.clone().map(|(record, _)| record);
        let encoded = each().map(Encoded::new).collect::<Result<Vec<_>>>()?;
        let length = |terms: &Bag| i32::try_from(terms.length()).unwrap_or(i32::MAX);
        Ok(Self {
            scopes: each().map(|record| record.scope.as_str()).collect(),
            created: each().map(|record| record.created_at).collect(),
            updated: each().map(|record| record.updated_at).collect(),
            accessed: each().map(|record| record.last_accessed).collect(),
            expires: each().map(|record| record.expires_at).collect(),
            importance: each().map(|record| record.importance).collect(),
            sources: each().map(|record| record.source.as_deref()).collect(),
            private: each().map(|record| record.private).collect(),
            contents: each().map(|record| record.content.as_str()).collect(),
            terms: rows.clone().map(|(_, terms)| length(terms)).collect(),
            metadata: encoded.iter().map(Encoded::metadata).collect(),
            checksums: encoded.iter().map(Encoded::checksum).collect(),
            ids: encoded.iter().map(|encoded| encoded.id.clone()).collect(),
            categories: encoded.iter().map(|encoded| encoded.categories.clone()).collect(),
            vectors: encoded.into_iter().map(|encoded| encoded.vector).collect(),
        })
    }

    /// The values of one row.
    pub fn row(&self, at: usize) -> [&dyn Param; WIDTH] {
        [
            &self.ids[at],
            &self.scopes[at],
            &self.created[at],
            &self.updated[at],
            &self.accessed[at],
            &self.expires[at],
            &self.importance[at],
            &self.sources[at],
            &self.private[at],
            &self.categories[at],
            &self.metadata[at],
            &self.contents[at],
            &self.vectors[at],
            &self.terms[at],
            &self.checksums[at],
        ]
    }

    /// As parameters of a statement, behind others.
    pub fn params<'p>(&'p self, others: &[&'p dyn Param]) -> Vec<&'p dyn Param> {
        let columns: [&dyn Param; WIDTH] = [
            &self.ids,
            &self.scopes,
            &self.created,
            &self.updated,
            &self.accessed,
            &self.expires,
            &self.importance,
            &self.sources,
            &self.private,
            &self.categories,
            &self.metadata,
            &self.contents,
            &self.vectors,
            &self.terms,
            &self.checksums,
        ];
        others.iter().copied().chain(columns).collect()
    }
}

/// A row to insert.
#[derive(Clone, Copy)]
struct NewRow<'a> {
    seq: Seq,
    record: &'a Record,
    terms: &'a Bag,
}

impl Batch<'_> {
    /// Adds records. Returns the number of each, `None` where the existing record was kept.
    ///
    /// # Errors
    /// [`Error::DuplicateId`], [`Error::DimensionMismatch`], [`Error::EmbedderMismatch`], [`Error::Backend`].
    pub fn add(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        let mut seqs = Vec::with_capacity(records.len());
        let mut rest = records;
        while !rest.is_empty() {
            // Whether a second record with an id is added depends on the first one, which may have expired.
            let mut known = HashSet::new();
            let distinct = rest.iter().take_while(|new| known.insert(&new.record.id)).count();
            let (some, behind) = rest.split_at(distinct);
            seqs.extend(self.add_distinct(some, on_conflict)?);
            rest = behind;
        }
        Ok(seqs)
    }

    /// Adds records with different ids.
    fn add_distinct(&mut self, records: &[NewRecord], on_conflict: OnConflict) -> Result<Vec<Option<Seq>>> {
        let ids: Vec<String> = records.iter().map(|new| new.record.id.to_string()).collect();
        let mut skipped: HashSet<usize> = HashSet::new();
        match on_conflict {
            OnConflict::Fail => {}
            OnConflict::Replace => drop(self.remove_ids(&ids, None)?),
            OnConflict::Skip => {
                let live: HashSet<String> = self.live_ids(&ids)?;
                skipped.extend((0..records.len()).filter(|&at| live.contains(&ids[at])));
                let new: Vec<String> =
                    (0..records.len()).filter(|at| !skipped.contains(at)).map(|at| ids[at].clone()).collect();
                if self.head.expires <= self.now {
                    self.remove_ids(&new, Some(self.now))?;
                }
            }
        }
        let mut seqs = vec![None; records.len()];
        let mut rows = Vec::with_capacity(records.len());
        for (at, new) in records.iter().enumerate().filter(|(at, _)| !skipped.contains(at)) {
            // Superseded versions have lower numbers than the record.
            let numbers = numbers_after(self.head.seq, new.past.len() + 1)?;
            self.head.seq = *numbers.end();
            seqs[at] = Some(self.head.seq);
            rows.push(NewRow { seq: self.head.seq, record: &new.record, terms: new.terms() });
        }
        self.insert(&rows)?;
        for (new, seq) in records.iter().zip(&seqs) {
            if let Some(seq) = seq.filter(|_| !new.past.is_empty()) {
                self.restore_past(&new.past, seq)?;
            }
        }
        Ok(seqs)
    }

    /// Replaces a row by a new one, and returns its number.
    ///
    /// # Errors
    /// As [`Batch::add`].
    pub fn rewrite(&mut self, seq: Seq, new: &Record) -> Result<Seq> {
        let terms = Bag::of(&new.content);
        self.take_out("space = $1 AND seq = $2", &[&seq], false)?;
        let seq = *numbers_after(self.head.seq, 1)?.end();
        self.head.seq = seq;
        self.insert(&[NewRow { seq, record: new, terms: &terms }])?;
        Ok(seq)
    }

    /// Inserts rows. Rows of expired records that have their ids give way.
    fn insert(&mut self, rows: &[NewRow<'_>]) -> Result<()> {
        for (at, row) in rows.iter().enumerate() {
            if let Some(vector) = &row.record.embedding {
                if let Err(error) = self.check_vector(vector.len()) {
                    // An error of a row before it comes first.
                    self.insert_checked(&rows[..at])?;
                    return Err(error);
                }
                self.head.vectors += 1;
            }
        }
        self.insert_checked(rows)?;
        for row in rows {
            self.head.records += 1;
            self.head.wordless += i64::from(row.terms.is_empty());
            self.head.terms += row.terms.length() as i64;
            self.head.expires = self.head.expires.min(row.record.expires_at.unwrap_or(Micros::MAX));
        }
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Inserts rows whose vectors fit.
    fn insert_checked(&mut self, rows: &[NewRow<'_>]) -> Result<()> {
        let mut rest = rows;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(AT_ONCE).take_while(|row| {
                bytes += row.record.content.len();
                bytes <= MOST_BYTES
            });
            let (some, behind) = rest.split_at(fits.count().max(1));
            rest = behind;
            let missing = self.insert_some(some)?;
            if missing.is_empty() {
                continue;
            }
            let ids: Vec<String> = missing.iter().map(|row| row.record.id.to_string()).collect();
            let live = self.live_ids(&ids)?;
            if let Some(taken) = ids.iter().find(|id| live.contains(*id)) {
                return Err(Error::DuplicateId(taken.clone()));
            }
            self.remove_ids(&ids, Some(self.now))?;
            if !self.insert_some(&missing)?.is_empty() {
                return Err(unreadable("a record that was removed is still there"));
            }
        }
        Ok(())
    }

    /// Inserts rows; returns those whose ids are in use.
    fn insert_some<'r>(&mut self, rows: &[NewRow<'r>]) -> Result<Vec<NewRow<'r>>> {
        let columns = Columns::of(rows.iter().map(|row| (row.record, row.terms)))?;
        let seqs: Vec<Seq> = rows.iter().map(|row| row.seq).collect();
        let sql = format!(
            "INSERT INTO agentmem_records (space, seq, {COLUMNS}) SELECT $1, * FROM unnest($2::bigint[], {})
             ON CONFLICT (id, space) DO NOTHING RETURNING seq",
            arrays(3)
        );
        let space = self.space;
        let inserted = self.write(&sql, &columns.params(&[&space, &seqs]))?;
        if inserted.len() == rows.len() {
            return Ok(Vec::new());
        }
        let inserted: HashSet<Seq> = inserted.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>()?;
        Ok(rows.iter().filter(|row| !inserted.contains(&row.seq)).copied().collect())
    }
}
