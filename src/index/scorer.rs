//! What a posting adds to its record's score.
//!
//! Scores are whole numbers, so that the order of addition, and with it the layout of segments, cannot change a ranking:
//! a term's weight times the posting's value, a fixed-point number that is looked up where records are ordinary.

use std::sync::Arc;

use parking_lot::Mutex;

use super::norm;
use super::postings::bound_value;
use crate::rank::bm25::{K1, saturation};

/// The highest field norm in the tables. A copied field norm of this value means "this or more".
pub const MAX_TABLED_NORM: u8 = u8::MAX;
/// Frequencies in a table: 1 and up.
pub const TABLED_FREQUENCIES: usize = 4;
/// Field norms in a table: 0 and up.
pub const TABLED_NORMS: usize = 256;

/// The value of a posting, by term frequency (rows) and field norm.
pub type Table = [u32; TABLED_FREQUENCIES * TABLED_NORMS];

/// Weights are scaled so that no record can score more than this.
const SCALE: f32 = (1u32 << 30) as f32;
/// Binary places of a value.
const PLACES: u32 = 24;

/// Values are below 2^7.
#[inline]
fn fixed(value: f32) -> u32 {
    (value * (1u32 << PLACES) as f32) as u32
}

/// The value of a posting before it is weighted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// [`saturation`] for this mean length; a document's field norm is its length.
    Bm25(f32),
    /// `(1 + ln tf) / |record|`; a document's field norm is the code of its norm.
    Cosine,
}

impl Value {
    /// Of a posting of `tf` in a document of this field norm.
    #[inline]
    fn of(self, tf: u32, field_norm: u32) -> f32 {
        match self {
            Self::Bm25(mean_length) => saturation(tf, field_norm, mean_length),
            // Only in a damaged segment is it more. The limit keeps sums from overflowing.
            Self::Cosine => (norm::sublinear(tf) * norm::inverses()[field_norm as usize % TABLED_NORMS])
                .min(norm::COSINE_BOUND),
        }
    }

    /// The most that it can be.
    pub fn greatest(self) -> f32 {
        match self {
            Self::Bm25(_) => K1 + 1.0,
            Self::Cosine => norm::COSINE_BOUND,
        }
    }

    /// The table of the lowest frequencies and field norms.
    fn table(self) -> Arc<Table> {
        let mut table = [0; TABLED_FREQUENCIES * TABLED_NORMS];
        for (tf, row) in (1..).zip(table.chunks_exact_mut(TABLED_NORMS)) {
            for (field_norm, entry) in (0..).zip(row) {
                *entry = fixed(self.of(tf, field_norm));
            }
        }
        Arc::new(table)
    }
}

/// The table that was asked for last.
#[derive(Debug, Default)]
pub struct LastTable(Mutex<Option<(Value, Arc<Table>)>>);

impl LastTable {
    /// The table of a value.
    pub fn of(&self, value: Value) -> Arc<Table> {
        let mut last = self.0.lock();
        match &*last {
            Some((held, table)) if *held == value => Arc::clone(table),
            _ => Arc::clone(&last.insert((value, value.table())).1),
        }
    }
}

/// The field norms of documents.
#[derive(Debug, Clone, Copy)]
pub enum FieldNorms<'a> {
    /// Lengths in memory.
    Lengths(&'a [u16]),
    /// Lengths in a segment, little-endian.
    Stored(&'a [[u8; 2]]),
    /// Codes of norms.
    Norms(&'a [u8]),
}

impl FieldNorms<'_> {
    /// The field norm of a document.
    #[inline]
    fn of(self, doc: u32) -> u32 {
        let doc = doc as usize;
        match self {
            Self::Lengths(lengths) => lengths.get(doc).map_or(0, |&length| length.into()),
            Self::Stored(lengths) => lengths.get(doc).map_or(0, |bytes| u16::from_le_bytes(*bytes).into()),
            Self::Norms(norms) => norms.get(doc).map_or(0, |&norm| norm.into()),
        }
    }

    /// The field norms of the documents from `first` on, at most [`MAX_TABLED_NORM`].
    pub fn copy(self, first: u32, out: &mut [u8]) {
        fn fill<T: Copy>(out: &mut [u8], from: &[T], first: u32, field_norm: impl Fn(T) -> u8) {
            let from = from.get(first as usize..).unwrap_or_default();
            out.iter_mut().zip(from).for_each(|(out, &one)| *out = field_norm(one));
        }
        let most = |length: u16| length.min(MAX_TABLED_NORM.into()) as u8;
        match self {
            Self::Lengths(lengths) => fill(out, lengths, first, most),
            Self::Stored(lengths) => fill(out, lengths, first, |bytes| most(u16::from_le_bytes(bytes))),
            Self::Norms(norms) => fill(out, norms, first, |norm| norm),
        }
    }
}

/// What postings of some documents are worth, and bounds of it.
#[derive(Debug, Clone, Copy)]
pub struct Scorer<'a> {
    /// What is computed.
    pub value: Value,
    /// The value's table.
    pub table: &'a Table,
    /// The documents.
    pub field_norms: FieldNorms<'a>,
    /// What bounds of blocks must be multiplied by to be bounds of the value.
    pub stretch: f32,
}

impl Scorer<'_> {
    #[inline]
    fn value(&self, tf: u32, doc: u32) -> u32 {
        let (row, field_norm) = (tf.wrapping_sub(1) as usize, self.field_norms.of(doc));
        if row < TABLED_FREQUENCIES && (field_norm as usize) < TABLED_NORMS {
            self.table[row * TABLED_NORMS + field_norm as usize]
        } else {
            fixed(self.value.of(tf, field_norm))
        }
    }

    /// At least the value of every posting in a block with this bound.
    #[inline]
    fn bound(&self, code: u8) -> u32 {
        fixed(match self.value {
            // Limited to the greatest value, so that sums of bounds do not overflow.
            Value::Bm25(_) => (bound_value(code) * self.stretch).min(self.value.greatest()),
            Value::Cosine => norm::COSINE_BOUND,
        })
    }
}

/// A term's weight.
#[derive(Debug, Clone, Copy)]
pub struct Weight(u32);

/// How weights are scaled.
#[derive(Debug, Clone, Copy)]
pub struct Scale(f32);

impl Scale {
    /// For weights of this sum and values up to `greatest`; `None` when nothing can score.
    pub fn new(weights: f32, greatest: f32) -> Option<Self> {
        let total = weights * greatest;
        (total > 0.0 && total.is_finite()).then_some(Self(SCALE / total))
    }

    /// A weight.
    pub fn weight(self, weight: f32) -> Weight {
        Weight((weight * self.0) as u32)
    }

    /// The score that a whole number stands for.
    pub fn score(self, score: u32) -> f32 {
        score as f32 / self.0
    }
}

impl Weight {
    /// Times a value out of a table.
    #[inline]
    pub fn times(self, value: u32) -> u32 {
        ((u64::from(self.0) * u64::from(value)) >> PLACES) as u32
    }

    /// What a posting adds.
    #[inline]
    pub fn score(self, scorer: &Scorer<'_>, tf: u32, doc: u32) -> u32 {
        self.times(scorer.value(tf, doc))
    }

    /// At least what any posting adds in a block with this bound.
    #[inline]
    pub fn bound(self, scorer: &Scorer<'_>, code: u8) -> u32 {
        // One more than computed: rounding must not make it too small.
        self.times(scorer.bound(code) + 1) + 1
    }
}
