//! The sections of a segment.

use xxhash_rust::xxh3::xxh3_64;

use super::bytes::Bytes;
use super::footer::{FOOTER_BYTES, Footer};
use super::term_table::{TermId, TermTable};
use super::verified::Verified;
use crate::index::Damaged;
use crate::index::postings::{BLOCK, META_BYTES, Postings};
use crate::index::vector::Rows;
use crate::record::Seq;

/// The sections of a segment, borrowed once per use so that reading them needs no further look-ups.
#[derive(Debug, Clone, Copy)]
pub struct SegmentView<'a> {
    bytes: &'a Bytes,
    footer: &'a Footer,
    verified: &'a Verified,
    metas: &'a [u8],
    /// Its terms.
    pub terms: TermTable<'a>,
    seqs: &'a [[u8; 4]],
    lengths: &'a [[u8; 2]],
    norms: &'a [u8],
    vectors: Rows<'a>,
}

impl<'a> SegmentView<'a> {
    /// # Errors
    /// [`Damaged`] when the sections do not fit together.
    pub fn new(bytes: &'a Bytes, footer: &'a Footer, verified: &'a Verified) -> Result<Self, Damaged> {
        let at = &footer.sections;
        let end = bytes.len() - FOOTER_BYTES as u64;
        let section = |i: usize| {
            let until = at.get(i + 1).copied().unwrap_or(end);
            bytes.get(at[i]..until).ok_or(Damaged("section borders"))
        };
        let view = Self {
            bytes,
            footer,
            verified,
            metas: section(0)?,
            terms: TermTable::new(section(1)?, section(2)?, section(3)?).ok_or(Damaged("section sizes"))?,
            seqs: section(4)?.as_chunks().0,
            lengths: section(5)?.as_chunks().0,
            norms: section(6)?,
            vectors: Rows::new(
                footer.dimension as usize,
                section(7)?.as_chunks().0,
                section(8)?.as_chunks().0,
                quantized(bytes, footer)?,
            )
            .ok_or(Damaged("sizes of the vectors"))?,
        };
        let records = footer.records as usize;
        let whole = view.terms.len() == footer.distinct
            && [view.seqs.len(), view.lengths.len(), view.norms.len()] == [records; 3];
        if whole { Ok(view) } else { Err(Damaged("section sizes")) }
    }

    /// Records in the segment.
    #[inline]
    pub fn records(&self) -> u32 {
        self.seqs.len() as u32
    }

    /// The sequence number of a document.
    #[inline]
    pub fn seq(&self, doc: u32) -> Seq {
        let offset = self.seqs.get(doc as usize).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        *self.footer.seqs.start() + Seq::from(offset)
    }

    /// The document of a sequence number, if the segment holds it.
    pub fn doc(&self, seq: Seq) -> Option<u32> {
        let first_at_or_after = self.first_doc(seq);
        (first_at_or_after < self.records() && self.seq(first_at_or_after) == seq)
            .then_some(first_at_or_after)
    }

    /// The first document whose sequence number is `seq` or higher.
    pub fn first_doc(&self, seq: Seq) -> u32 {
        let offset = seq.saturating_sub(*self.footer.seqs.start());
        self.seqs.partition_point(|bytes| Seq::from(u32::from_le_bytes(*bytes)) < offset) as u32
    }

    /// Number of terms in a document, at most 65,535.
    #[inline]
    pub fn length(&self, doc: u32) -> u32 {
        self.lengths.get(doc as usize).map_or(0, |bytes| u32::from(u16::from_le_bytes(*bytes)))
    }

    /// Records in the segment that have terms.
    pub fn with_terms(&self) -> u32 {
        self.lengths.iter().filter(|&&length| length != [0, 0]).count() as u32
    }

    /// The lengths of all documents, little-endian.
    pub fn lengths(&self) -> &'a [[u8; 2]] {
        self.lengths
    }

    /// The codes of all documents' vector norms.
    pub fn norms(&self) -> &'a [u8] {
        self.norms
    }

    /// The code of a document's vector norm.
    #[inline]
    pub fn norm(&self, doc: u32) -> u8 {
        self.norms.get(doc as usize).copied().unwrap_or(0)
    }

    /// The vectors of those documents that have one, their checksum verified at the first call.
    ///
    /// # Errors
    /// [`Damaged`] when the checksum is wrong.
    pub(in crate::index) fn vectors(&self) -> Result<Rows<'a>, Damaged> {
        self.verified.quantized(|| {
            let right = xxh3_64(quantized(self.bytes, self.footer)?) == self.footer.quantized_checksum;
            if right { Ok(()) } else { Err(Damaged("checksum of the quantized vectors")) }
        })?;
        Ok(self.vectors)
    }

    /// A term's postings, their checksum verified at the first call.
    ///
    /// # Errors
    /// [`Damaged`] when the checksum is wrong.
    pub fn postings(&self, term: TermId) -> Result<Postings<'a>, Damaged> {
        let list = self.terms.posting_list(term).ok_or(Damaged("no such term"))?;
        let end = list.end.unwrap_or(self.footer.quantized);
        let data = self.bytes.get(list.start..end).ok_or(Damaged("posting borders"))?;
        let first = list.first_block as usize * META_BYTES;
        let blocks = (list.df as usize).div_ceil(BLOCK);
        let metas = self.metas.get(first..first + blocks * META_BYTES).ok_or(Damaged("block borders"))?;
        let postings = Postings::new(list.df, metas, data);
        self.verified.postings(term, || match () {
            () if xxh3_64(data) as u32 != list.checksum => Err(Damaged("checksum of a posting list")),
            () if !postings.are_in_order() => Err(Damaged("order of a posting list")),
            () => Ok(()),
        })?;
        Ok(postings)
    }
}

/// The bytes of the quantized vectors.
fn quantized<'a>(bytes: &'a Bytes, footer: &Footer) -> Result<&'a [u8], Damaged> {
    bytes.get(footer.quantized..footer.sections[0]).ok_or(Damaged("borders of the quantized vectors"))
}
