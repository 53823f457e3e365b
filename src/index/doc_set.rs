//! A set of documents of one segment.

use super::bits::Bits;

/// Documents of one segment.
#[derive(Debug)]
pub enum DocSet {
    /// Few: their numbers, in ascending order.
    Few(Vec<u32>),
    /// Many: a bit each.
    Many(Bits),
    /// All but these.
    Except(Bits),
}

/// A set is `Few` when it holds less than one in this many of the documents.
const FEW: usize = 64;

impl DocSet {
    /// Whether so many of a segment's documents are few.
    pub fn is_few(count: usize, records: u32) -> bool {
        count < records as usize / FEW
    }

    /// Whether the document is in the set.
    #[inline]
    pub fn holds(&self, doc: u32) -> bool {
        match self {
            Self::Many(bits) => bits.get(doc),
            Self::Few(few) => few.binary_search(&doc).is_ok(),
            Self::Except(bits) => !bits.get(doc),
        }
    }
}
