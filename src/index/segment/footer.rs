//! The footer of a segment.

use std::ops::RangeInclusive;

use xxhash_rust::xxh3::xxh3_64;

use super::little_endian::{read_u32, read_u64};
use crate::index::Damaged;
use crate::record::Seq;

const MAGIC: [u8; 8] = *b"AGMSEG02";
/// The sections behind the quantized vectors.
pub const SECTIONS: usize = 9;
/// The size of the footer.
pub const FOOTER_BYTES: usize = 8 + 4 + 4 + 8 * 9 + 8 * SECTIONS + 8 * 2;

/// What the footer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Footer {
    /// Version of the analyzer whose terms these are.
    pub analyzer: u32,
    /// Random name, as in the manifest.
    pub name: u64,
    /// The sequence numbers that this segment answers for; it holds those that were live when it was made.
    pub seqs: RangeInclusive<Seq>,
    /// Records in it.
    pub records: u32,
    /// Distinct terms in it.
    pub distinct: u32,
    /// Terms in all its records, repeats included.
    pub terms: u64,
    /// Mean record length that the blocks' bounds were made for.
    pub mean_length: f32,
    /// Components of each vector.
    pub dimension: u32,
    /// Where the quantized vectors begin; they end at the first section.
    pub quantized: u64,
    /// Checksum of the quantized vectors.
    pub quantized_checksum: u64,
    /// Where the sections behind the quantized vectors begin, in file order.
    pub sections: [u64; SECTIONS],
    /// Checksum of all sections.
    pub checksum: u64,
}

impl Footer {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.analyzer.to_le_bytes());
        out.extend_from_slice(&self.mean_length.to_le_bytes());
        let counts = [self.records, self.distinct].map(u64::from);
        let vectors = [self.dimension.into(), self.quantized, self.quantized_checksum];
        let seqs = [*self.seqs.start() as u64, *self.seqs.end() as u64];
        let values = [self.name].into_iter().chain(seqs).chain(counts).chain([self.terms]).chain(vectors);
        for value in values.chain(self.sections).chain([self.checksum]) {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        out
    }

    pub fn read(bytes: &[u8]) -> Result<Self, Damaged> {
        let (body, seal) = bytes.split_last_chunk::<8>().ok_or(Damaged("no footer"))?;
        if bytes.len() != FOOTER_BYTES
            || !body.starts_with(&MAGIC)
            || u64::from_le_bytes(*seal) != xxh3_64(body)
        {
            return Err(Damaged("footer"));
        }
        let word = |i: usize| read_u64(body, 16 + 8 * i);
        let count = |i: usize| u32::try_from(word(i)).map_err(|_| Damaged("counts"));
        let footer = Self {
            analyzer: read_u32(body, 8),
            mean_length: f32::from_bits(read_u32(body, 12)),
            name: word(0),
            seqs: word(1) as Seq..=word(2) as Seq,
            records: count(3)?,
            distinct: count(4)?,
            terms: word(5),
            dimension: count(6)?,
            quantized: word(7),
            quantized_checksum: word(8),
            sections: std::array::from_fn(|i| word(9 + i)),
            checksum: word(9 + SECTIONS),
        };
        if footer.is_plausible() { Ok(footer) } else { Err(Damaged("footer")) }
    }

    /// Can a writer have written this? What is computed from it then stays within its types.
    fn is_plausible(&self) -> bool {
        let (first, last) = (*self.seqs.start(), *self.seqs.end());
        0 <= first
            && first <= last
            && last <= Seq::MAX / 2
            && self.mean_length.is_finite()
            && self.mean_length >= 1.0
            && self.terms <= u64::from(self.records) * u64::from(u16::MAX)
    }
}
