//! The records of a segment that is written.

use crate::record::Seq;

/// What is known of each record besides its terms, in order of sequence number.
#[derive(Debug, Default, Clone)]
pub struct Docs {
    /// Sequence numbers, in ascending order.
    pub seqs: Vec<Seq>,
    /// Numbers of terms.
    pub lengths: Vec<u16>,
    /// Codes of vector norms.
    pub norms: Vec<u8>,
}

impl Docs {
    /// Appends one record.
    pub fn push(&mut self, seq: Seq, length: u16, norm: u8) {
        self.seqs.push(seq);
        self.lengths.push(length);
        self.norms.push(norm);
    }

    /// Terms in all records.
    pub fn terms(&self) -> u64 {
        self.lengths.iter().map(|&length| u64::from(length)).sum()
    }

    /// Mean number of terms in a record that has any, at least 1.
    pub fn mean_length(&self) -> f32 {
        let with_terms = self.lengths.iter().filter(|&&length| length > 0).count();
        (self.terms() as f32 / with_terms.max(1) as f32).max(1.0)
    }
}
