//! The memtable: the newest records, in a mutable inverted index on the heap.

use std::mem;

use super::norm;
use super::segment::{Docs, SegmentWriter};
use super::vector::{Rows, Vectors};
use super::vocabulary::Vocabulary;
use crate::record::Seq;
use crate::text::Bag;

/// Records in order of sequence number, each a document; grows until it is flushed.
#[derive(Debug, Default)]
pub struct Memtable {
    terms: Vocabulary,
    /// The postings of each term, by its number.
    lists: Vec<List>,
    docs: Docs,
    vectors: Vectors,
    postings: usize,
}

/// Postings of a term: `(document, tf)`. Most terms are in one document only.
#[derive(Debug)]
enum List {
    One([(u32, u32); 1]),
    Many(Vec<(u32, u32)>),
}

impl List {
    fn push(&mut self, posting: (u32, u32)) {
        match self {
            Self::One([first]) => {
                let mut postings = Vec::with_capacity(4);
                postings.extend([*first, posting]);
                *self = Self::Many(postings);
            }
            Self::Many(postings) => postings.push(posting),
        }
    }

    fn postings(&self) -> &[(u32, u32)] {
        match self {
            Self::One(posting) => posting,
            Self::Many(postings) => postings,
        }
    }
}

impl Memtable {
    /// Adds a record. `seq` must be higher than any before.
    pub fn add(&mut self, seq: Seq, terms: &Bag) {
        let doc = self.docs.seqs.len() as u32;
        for (term, tf) in terms.terms() {
            match self.lists.get_mut(self.terms.number(term) as usize) {
                Some(list) => list.push((doc, tf)),
                None => self.lists.push(List::One([(doc, tf)])),
            }
            self.postings += 1;
        }
        let length = terms.length() as u16;
        self.docs.push(seq, length, norm::code(terms.counts()));
    }

    /// Gives the record that was added last its vector.
    pub fn add_vector(&mut self, vector: &[f32]) {
        if let Some(doc) = self.records().checked_sub(1) {
            self.vectors.push(doc, vector);
        }
    }

    /// Number of records, deleted ones included.
    pub fn records(&self) -> u32 {
        self.docs.seqs.len() as u32
    }

    /// The number and the postings of a term: `(document, tf)`.
    pub fn postings(&self, term: &str) -> Option<(u32, &[(u32, u32)])> {
        let number = self.terms.find(term)?;
        Some((number, self.lists[number as usize].postings()))
    }

    /// What is known of each record.
    pub fn docs(&self) -> &Docs {
        &self.docs
    }

    /// The vectors.
    pub fn vectors(&self) -> Rows<'_> {
        self.vectors.rows()
    }

    /// Number of terms in a document, at most 65,535.
    #[inline]
    pub fn length(&self, doc: u32) -> u32 {
        self.docs.lengths.get(doc as usize).map_or(0, |&length| u32::from(length))
    }

    /// Documents with sequence numbers from `first` to `last`.
    pub fn range(&self, first: Seq, last: Seq) -> std::ops::Range<u32> {
        let before = |bound: Seq| self.docs.seqs.partition_point(|&seq| seq < bound) as u32;
        before(first)..before(last.saturating_add(1)).max(before(first))
    }

    /// How many distinct terms there are.
    pub fn distinct(&self) -> usize {
        self.terms.len()
    }

    /// Every distinct term.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.terms.terms()
    }

    /// Bytes on the heap, about.
    pub fn bytes(&self) -> usize {
        let lists = self.lists.capacity() * mem::size_of::<List>() + self.postings * 10;
        self.terms.bytes() + lists + self.docs.seqs.len() * 11 + self.vectors.bytes()
    }

    /// Writes it as a segment that answers for all sequence numbers of `seqs`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write<W: std::io::Write>(
        &self,
        out: W,
        name: u64,
        seqs: std::ops::RangeInclusive<Seq>,
    ) -> std::io::Result<W> {
        let mut terms: Vec<(&str, &List)> = self.terms.terms().zip(&self.lists).collect();
        terms.sort_unstable_by_key(|(text, _)| *text);
        let mut writer = SegmentWriter::new(out, self.docs.clone());
        for (text, list) in terms {
            writer.term(text.as_bytes(), list.postings())?;
        }
        let rows = self.vectors();
        (0..rows.len()).try_for_each(|row| writer.vector(rows.doc(row), rows, row))?;
        writer.finish(name, seqs)
    }
}
