//! A full memtable on its way to a segment.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::memtable::Memtable;
use crate::record::Seq;

/// A memtable that is being written as a segment.
#[derive(Debug, Clone)]
pub struct Flush {
    pub(super) memtable: Arc<Memtable>,
    /// The range of sequence numbers that it covers.
    pub seqs: RangeInclusive<Seq>,
    /// Deletions up to this one are not in it.
    pub deletion: i64,
}

impl Flush {
    /// Writes it as a segment.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write<W: Write>(&self, out: W, name: u64) -> io::Result<W> {
        self.memtable.write(out, name, self.seqs.clone())
    }
}
