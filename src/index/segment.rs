//! A segment: an immutable inverted index over a range of sequence numbers, readable in place from a
//! memory-mapped file or from the heap.
//!
//! Layout, all integers little-endian:
//!
//! ```text
//! posting data | quantized vectors i8 | block metas | term texts | term entries | hash slots
//!     | seqs u32 | lengths u16 | norms u8 | vector documents u32 | vector steps f32 | footer
//! ```
//!
//! Terms are sorted. A hash slot holds a term's position plus one, probed linearly. The footer carries a checksum
//! over everything behind the quantized vectors, checked at opening; each term entry carries its postings' checksum, checked
//! when the term is first read, and the footer that of the quantized vectors, checked likewise, so that opening need not read the
//! whole file.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use super::Damaged;
use super::mapped;
use super::postings::{BLOCK, META_BYTES, Postings};
use super::vector::Rows;
use crate::record::Seq;

pub(super) const MAGIC: [u8; 8] = *b"AGMSEG02";
pub(super) const TERM_BYTES: usize = 24;
pub(super) const SECTIONS: usize = 9;
pub(super) const FOOTER_BYTES: usize = 8 + 4 + 4 + 8 * 9 + 8 * SECTIONS + 8 * 2;

/// Where the bytes of a segment live.
#[derive(Debug)]
enum Bytes {
    #[cfg(any(test, feature = "internals"))]
    Heap(Vec<u8>),
    File(Mmap),
}

impl Bytes {
    fn all(&self) -> &[u8] {
        match self {
            #[cfg(any(test, feature = "internals"))]
            Self::Heap(bytes) => bytes,
            Self::File(map) => map,
        }
    }

    fn get(&self, range: Range<u64>) -> Option<&[u8]> {
        self.all().get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    fn len(&self) -> u64 {
        self.all().len() as u64
    }
}

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
    pub(super) quantized: u64,
    /// Checksum of the quantized vectors.
    pub(super) quantized_checksum: u64,
    /// Where the sections behind the quantized vectors begin, in file order.
    pub(super) sections: [u64; SECTIONS],
    /// Checksum of all sections.
    pub checksum: u64,
}

impl Footer {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
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

    fn read(bytes: &[u8]) -> Result<Self, Damaged> {
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

/// Position of a term in a segment's sorted terms.
pub type TermId = u32;

/// An opened segment.
#[derive(Debug)]
pub struct Segment {
    bytes: Bytes,
    footer: Footer,
    /// One bit per term: its postings' checksum was right.
    verified: Vec<AtomicU64>,
    /// Whether the checksum of the quantized vectors was right.
    quantized_verified: AtomicBool,
}

/// The sections of a segment, borrowed once per use so that reading them needs no further look-ups.
#[derive(Debug, Clone, Copy)]
pub struct SegmentView<'a> {
    segment: &'a Segment,
    metas: &'a [u8],
    texts: &'a [u8],
    entries: &'a [[u8; TERM_BYTES]],
    slots: &'a [[u8; 4]],
    seqs: &'a [[u8; 4]],
    lengths: &'a [[u8; 2]],
    norms: &'a [u8],
    vectors: Rows<'a>,
}

impl Segment {
    /// Over bytes in memory.
    ///
    /// # Errors
    /// [`Damaged`] when they are not what a writer wrote.
    #[cfg(any(test, feature = "internals"))]
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Damaged> {
        Self::new(Bytes::Heap(bytes))
    }

    /// Maps a file, which must never be changed again (it may be deleted).
    ///
    /// # Errors
    /// [`Damaged`] when it cannot be mapped or is not what a writer wrote.
    pub fn open(path: &Path) -> Result<Self, Damaged> {
        Self::new(Bytes::File(mapped::map(path).map_err(|_| Damaged("unreadable file"))?))
    }

    fn new(bytes: Bytes) -> Result<Self, Damaged> {
        let end = bytes.len();
        let start = end.checked_sub(FOOTER_BYTES as u64).ok_or(Damaged("too short"))?;
        let footer = Footer::read(bytes.get(start..end).ok_or(Damaged("too short"))?)?;
        let body = bytes.get(footer.sections[0]..start).ok_or(Damaged("sections"))?;
        if xxh3_64(body) != footer.checksum {
            return Err(Damaged("checksum of the sections"));
        }
        let quantized_verified = AtomicBool::new(false);
        let mut segment = Self { bytes, footer, verified: Vec::new(), quantized_verified };
        let words = segment.view()?.entries.len().div_ceil(64);
        segment.verified.resize_with(words, AtomicU64::default);
        Ok(segment)
    }

    /// The footer.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len()
    }

    /// Is it a mapped file?
    pub fn is_mapped(&self) -> bool {
        matches!(self.bytes, Bytes::File(_))
    }

    /// Borrows the sections.
    ///
    /// # Errors
    /// [`Damaged`] when they do not fit together.
    pub fn view(&self) -> Result<SegmentView<'_>, Damaged> {
        let at = &self.footer.sections;
        let end = self.bytes.len() - FOOTER_BYTES as u64;
        let section = |i: usize| {
            let until = at.get(i + 1).copied().unwrap_or(end);
            self.bytes.get(at[i]..until).ok_or(Damaged("section borders"))
        };
        let view = SegmentView {
            segment: self,
            metas: section(0)?,
            texts: section(1)?,
            entries: section(2)?.as_chunks().0,
            slots: section(3)?.as_chunks().0,
            seqs: section(4)?.as_chunks().0,
            lengths: section(5)?.as_chunks().0,
            norms: section(6)?,
            vectors: Rows::new(
                self.footer.dimension as usize,
                section(7)?.as_chunks().0,
                section(8)?.as_chunks().0,
                self.quantized()?,
            )
            .ok_or(Damaged("sizes of the vectors"))?,
        };
        let records = self.footer.records as usize;
        let whole = view.entries.len() == self.footer.distinct as usize
            && view.slots.len().is_power_of_two()
            && view.slots.len() > view.entries.len()
            && [view.seqs.len(), view.lengths.len(), view.norms.len()] == [records; 3];
        if whole { Ok(view) } else { Err(Damaged("section sizes")) }
    }

    fn quantized(&self) -> Result<&[u8], Damaged> {
        self.bytes
            .get(self.footer.quantized..self.footer.sections[0])
            .ok_or(Damaged("borders of the quantized vectors"))
    }

    /// Verifies the quantized vectors when they are first read.
    fn verify_quantized(&self) -> Result<(), Damaged> {
        if !self.quantized_verified.load(Ordering::Relaxed) {
            if xxh3_64(self.quantized()?) != self.footer.quantized_checksum {
                return Err(Damaged("checksum of the quantized vectors"));
            }
            self.quantized_verified.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl<'a> SegmentView<'a> {
    /// Records in the segment.
    #[inline]
    pub fn records(&self) -> u32 {
        self.seqs.len() as u32
    }

    /// The sequence number of a document.
    #[inline]
    pub fn seq(&self, doc: u32) -> Seq {
        let offset = self.seqs.get(doc as usize).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        *self.segment.footer.seqs.start() + Seq::from(offset)
    }

    /// The document of a sequence number, if the segment holds it.
    pub fn doc(&self, seq: Seq) -> Option<u32> {
        let first_at_or_after = self.first_doc(seq);
        (first_at_or_after < self.records() && self.seq(first_at_or_after) == seq)
            .then_some(first_at_or_after)
    }

    /// The first document whose sequence number is `seq` or higher.
    pub fn first_doc(&self, seq: Seq) -> u32 {
        let offset = seq - self.segment.footer.seqs.start();
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
    pub(super) fn vectors(&self) -> Result<Rows<'a>, Damaged> {
        self.segment.verify_quantized()?;
        Ok(self.vectors)
    }

    /// Number of distinct terms.
    pub fn distinct(&self) -> u32 {
        self.entries.len() as u32
    }

    /// The text of a term; empty past the end.
    pub fn text(&self, term: TermId) -> &'a [u8] {
        let start = self.entry(term).map_or(0, |entry| read_u32(entry, 0)) as usize;
        let next = self.entry(term.wrapping_add(1));
        let end = next.map_or(self.texts.len(), |entry| read_u32(entry, 0) as usize);
        self.texts.get(start..end).unwrap_or_default()
    }

    /// Looks a term up.
    pub fn find(&self, term: &str) -> Option<TermId> {
        self.probe(term, self.slot(term))
    }

    /// Looks terms up, step by step for all of them: so the waits for memory overlap.
    pub fn find_all(&self, terms: &[&str]) -> Vec<Option<TermId>> {
        let slots: Vec<usize> = terms.iter().map(|term| self.slot(term)).collect();
        let held: Vec<u32> = slots.iter().map(|&slot| self.held(slot)).collect();
        let texts: Vec<&[u8]> = held.iter().map(|held| self.text(held.wrapping_sub(1))).collect();
        let found = |at: usize| match held[at] {
            0 => None,
            held if texts[at] == terms[at].as_bytes() => Some(held - 1),
            _ => self.probe(terms[at], slots[at]),
        };
        (0..terms.len()).map(found).collect()
    }

    /// Passes every term that begins with `prefix` to `visit`, in ascending order.
    pub fn terms_with(&self, prefix: &str, visit: &mut dyn FnMut(&str)) {
        let (mut first, mut end) = (0, self.distinct());
        while first < end {
            let middle = first.midpoint(end);
            if self.text(middle) < prefix.as_bytes() {
                first = middle + 1;
            } else {
                end = middle;
            }
        }
        let texts = (first..self.distinct()).map(|id| self.text(id));
        // To compare nothing takes longer than to compare a little.
        let texts = texts.take_while(|text| prefix.is_empty() || text.starts_with(prefix.as_bytes()));
        texts.filter_map(|text| std::str::from_utf8(text).ok()).for_each(visit);
    }

    fn slot(&self, term: &str) -> usize {
        xxh3_64(term.as_bytes()) as usize & (self.slots.len() - 1)
    }

    /// What a slot holds: 0, or a term's position plus one.
    fn held(&self, slot: usize) -> u32 {
        self.slots.get(slot).map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn probe(&self, term: &str, mut slot: usize) -> Option<TermId> {
        let mask = self.slots.len() - 1;
        // The table is never full, but a damaged one may be: hence the bound.
        for _ in 0..self.slots.len() {
            match self.held(slot) {
                0 => return None,
                held if self.text(held - 1) == term.as_bytes() => return Some(held - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
        None
    }

    /// Documents that hold the term, deleted ones included.
    pub fn df(&self, term: TermId) -> u32 {
        self.entry(term).map_or(0, |entry| read_u32(entry, 4))
    }

    /// A term's postings, their checksum verified at the first call.
    ///
    /// # Errors
    /// [`Damaged`] when the checksum is wrong.
    pub fn postings(&self, term: TermId) -> Result<Postings<'a>, Damaged> {
        let entry = self.entry(term).ok_or(Damaged("no such term"))?;
        let (df, start) = (read_u32(entry, 4), read_u64(entry, 8));
        let end = self.entry(term + 1).map_or(self.segment.footer.quantized, |next| read_u64(next, 8));
        let data = self.segment.bytes.get(start..end).ok_or(Damaged("posting borders"))?;
        let first = read_u32(entry, 16) as usize * META_BYTES;
        let blocks = (df as usize).div_ceil(BLOCK);
        let metas = self.metas.get(first..first + blocks * META_BYTES).ok_or(Damaged("block borders"))?;
        let postings = Postings::new(df, metas, data);
        self.verify(term, &postings, data, read_u32(entry, 20))?;
        Ok(postings)
    }

    /// Verifies a posting list when it is first read.
    fn verify(
        &self,
        term: TermId,
        postings: &Postings<'_>,
        data: &[u8],
        checksum: u32,
    ) -> Result<(), Damaged> {
        let (word, bit) = (&self.segment.verified[term as usize / 64], 1u64 << (term % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            if xxh3_64(data) as u32 != checksum {
                return Err(Damaged("checksum of a posting list"));
            }
            if !postings.rise() {
                return Err(Damaged("order of a posting list"));
            }
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }

    fn entry(&self, term: TermId) -> Option<&'a [u8; TERM_BYTES]> {
        self.entries.get(term as usize)
    }
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}
