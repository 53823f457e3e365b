//! The memtable: the newest records, in a mutable inverted index on the heap.

use rustc_hash::FxHashMap;

use super::norm;
use super::segment::{Docs, SegmentWriter};
use super::vector::{Rows, Vectors};
use crate::record::Seq;
use crate::text::Bag;

/// Records in order of sequence number, each a document; grows until it is flushed.
#[derive(Debug, Default)]
pub struct Memtable {
    terms: FxHashMap<Box<str>, u32>,
    lists: Vec<Vec<(u32, u32)>>,
    docs: Docs,
    vectors: Vectors,
    postings: usize,
}

impl Memtable {
    /// Adds a record. `seq` must be higher than any before.
    pub fn add(&mut self, seq: Seq, terms: &Bag) {
        let doc = self.docs.seqs.len() as u32;
        for (term, tf) in terms.terms() {
            let id = match self.terms.get(term) {
                Some(&id) => id,
                None => self.new_term(term),
            };
            self.lists[id as usize].push((doc, tf));
            self.postings += 1;
        }
        let length = terms.length() as u16;
        self.docs.push(seq, length, norm::code(terms.terms().map(|(_, tf)| tf)));
    }

    /// Gives the record that was added last its vector.
    pub fn add_vector(&mut self, vector: &[f32]) {
        if let Some(doc) = self.records().checked_sub(1) {
            self.vectors.push(doc, vector);
        }
    }

    fn new_term(&mut self, term: &str) -> u32 {
        let id = self.lists.len() as u32;
        self.lists.push(Vec::new());
        self.terms.insert(term.into(), id);
        id
    }

    /// Number of records, deleted ones included.
    pub fn records(&self) -> u32 {
        self.docs.seqs.len() as u32
    }

    /// The postings of a term: `(document, tf)`.
    pub fn postings(&self, term: &str) -> Option<(u32, &[(u32, u32)])> {
        let &id = self.terms.get(term)?;
        Some((id, &self.lists[id as usize]))
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

    /// Every distinct term.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.terms.keys().map(|text| &**text)
    }

    /// Bytes on the heap, about.
    pub fn bytes(&self) -> usize {
        let per_term = 96;
        self.postings * 10 + self.lists.len() * per_term + self.docs.seqs.len() * 11 + self.vectors.bytes()
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
        let mut terms: Vec<(&str, u32)> = self.terms.iter().map(|(text, &id)| (&**text, id)).collect();
        terms.sort_unstable();
        let mut writer = SegmentWriter::new(out, self.docs.clone());
        for (text, id) in terms {
            writer.term(text.as_bytes(), &self.lists[id as usize])?;
        }
        let rows = self.vectors();
        (0..rows.len()).try_for_each(|row| writer.vector(rows.doc(row), rows, row))?;
        writer.finish(name, seqs)
    }
}
