//! Vectors that came after their records, in the order of coming. Segments and memtable do not have them.

use std::ops::RangeInclusive;

use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::vector::{Rows, Vectors};
use crate::record::Seq;

/// The vectors, and whose they are. Rows are numbered from 0; a row's document is its number.
#[derive(Debug, Default)]
pub(super) struct LateVectors {
    vectors: Vectors,
    seqs: Vec<Seq>,
    rows: FxHashMap<Seq, u32>,
    deleted: Bits,
}

impl LateVectors {
    /// Takes in the vector of a record. Only the first of a record is kept.
    pub fn push(&mut self, seq: Seq, vector: &[f32]) {
        if self.vectors.rows().dimension() != vector.len() {
            *self = Self::default();
        }
        if self.rows.contains_key(&seq) {
            return;
        }
        let row = self.seqs.len() as u32;
        self.vectors.push(row, vector);
        self.seqs.push(seq);
        self.rows.insert(seq, row);
    }

    /// Removes the vectors of all records of a range.
    pub fn remove(&mut self, seqs: &RangeInclusive<Seq>) {
        if self.seqs.is_empty() {
            return;
        }
        if seqs.start() == seqs.end() {
            if let Some(&row) = self.rows.get(seqs.start()) {
                self.deleted.set(row);
            }
            return;
        }
        for (row, _) in self.seqs.iter().enumerate().filter(|(_, seq)| seqs.contains(seq)) {
            self.deleted.set(row as u32);
        }
    }

    /// The vectors of removed records too.
    pub fn rows(&self) -> Rows<'_> {
        self.vectors.rows()
    }

    /// The records of the rows.
    pub fn seqs(&self) -> &[Seq] {
        &self.seqs
    }

    /// The row of a record.
    pub fn row_of(&self, seq: Seq) -> Option<u32> {
        self.rows.get(&seq).copied()
    }

    /// The rows of removed records.
    pub fn deleted(&self) -> &Bits {
        &self.deleted
    }

    /// Bytes on the heap, about.
    pub fn bytes(&self) -> usize {
        const ENTRY: usize = size_of::<(Seq, u32)>() + size_of::<Seq>();
        self.vectors.bytes() + self.seqs.capacity() * ENTRY + self.deleted.bytes()
    }
}
