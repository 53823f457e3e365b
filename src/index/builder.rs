//! Writes segments: from a memtable, or by merging older segments without their deleted records.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::Damaged;
use super::bits::Bits;
use super::postings;
use super::segment::{Footer, SECTIONS, SegmentView};
use super::vector::Rows;
use crate::rank::bm25::saturation;
use crate::record::Seq;
use crate::text::ANALYZER_VERSION;

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
    fn mean_length(&self) -> f32 {
        let with_terms = self.lengths.iter().filter(|&&length| length > 0).count();
        (self.terms() as f32 / with_terms.max(1) as f32).max(1.0)
    }
}

/// Writes one segment to `out`: first every term in byte order with [`SegmentWriter::term`], then every vector in the order
/// of documents with [`SegmentWriter::vector`], then [`SegmentWriter::finish`].
pub struct SegmentWriter<W> {
    out: W,
    docs: Docs,
    mean_length: f32,
    data: Vec<u8>,
    data_end: u64,
    metas: Vec<u8>,
    texts: Vec<u8>,
    entries: Vec<u8>,
    hashes: Vec<u64>,
    dimension: usize,
    quantized_end: u64,
    quantized_hash: Xxh3,
    vector_docs: Vec<u8>,
    vector_scales: Vec<u8>,
}

impl<W: Write> SegmentWriter<W> {
    /// Starts a segment over these records.
    pub fn new(out: W, docs: Docs) -> Self {
        Self {
            out,
            mean_length: docs.mean_length(),
            docs,
            data: Vec::new(),
            data_end: 0,
            metas: Vec::new(),
            texts: Vec::new(),
            entries: Vec::new(),
            hashes: Vec::new(),
            dimension: 0,
            quantized_end: 0,
            quantized_hash: Xxh3::new(),
            vector_docs: Vec::new(),
            vector_scales: Vec::new(),
        }
    }

    /// Writes one term; nothing when no record holds it. `list` is `(document, tf)`, documents rising.
    ///
    /// # Errors
    /// What `out` says.
    pub fn term(&mut self, text: &[u8], list: &[(u32, u32)]) -> io::Result<()> {
        if list.is_empty() {
            return Ok(());
        }
        self.data.clear();
        let first_block = (self.metas.len() / postings::META_BYTES) as u32;
        let lengths = &self.docs.lengths;
        let bound = |doc: u32, tf| saturation(tf, u32::from(lengths[doc as usize]), self.mean_length);
        postings::encode(list, bound, &mut self.data, &mut self.metas);
        self.entries.extend_from_slice(&(self.texts.len() as u32).to_le_bytes());
        self.entries.extend_from_slice(&(list.len() as u32).to_le_bytes());
        self.entries.extend_from_slice(&self.data_end.to_le_bytes());
        self.entries.extend_from_slice(&first_block.to_le_bytes());
        self.entries.extend_from_slice(&(xxh3_64(&self.data) as u32).to_le_bytes());
        self.texts.extend_from_slice(text);
        self.hashes.push(xxh3_64(text));
        self.data_end += self.data.len() as u64;
        self.out.write_all(&self.data)
    }

    /// Writes the vector of a document: a row of `rows`, all of one dimension.
    ///
    /// # Errors
    /// What `out` says.
    pub fn vector(&mut self, doc: u32, rows: Rows<'_>, row: usize) -> io::Result<()> {
        self.dimension = rows.dimension();
        self.vector_docs.extend_from_slice(&doc.to_le_bytes());
        self.vector_scales.extend_from_slice(&rows.scale(row).to_le_bytes());
        let quantized: &[u8] = bytemuck::cast_slice(rows.quantized(row));
        self.quantized_end += quantized.len() as u64;
        self.quantized_hash.update(quantized);
        self.out.write_all(quantized)
    }

    /// Writes the rest; returns `out`. `seqs` is the range that the segment answers for.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(mut self, name: u64, seqs: RangeInclusive<Seq>) -> io::Result<W> {
        let slots = self.slots();
        let offsets: Vec<u8> =
            self.docs.seqs.iter().flat_map(|seq| ((seq - seqs.start()) as u32).to_le_bytes()).collect();
        let lengths: Vec<u8> = self.docs.lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
        let parts: [&[u8]; SECTIONS] = [
            &self.metas,
            &self.texts,
            &self.entries,
            &slots,
            &offsets,
            &lengths,
            &self.docs.norms,
            &self.vector_docs,
            &self.vector_scales,
        ];
        let mut sections = [0; SECTIONS];
        let mut at = self.data_end + self.quantized_end;
        let mut hash = Xxh3::new();
        for (part, section) in parts.into_iter().zip(&mut sections) {
            *section = at;
            at += part.len() as u64;
            hash.update(part);
            self.out.write_all(part)?;
        }
        let footer = Footer {
            analyzer: ANALYZER_VERSION,
            name,
            seqs,
            records: self.docs.seqs.len() as u32,
            distinct: self.hashes.len() as u32,
            terms: self.docs.terms(),
            mean_length: self.mean_length,
            dimension: self.dimension as u32,
            quantized: self.data_end,
            quantized_checksum: self.quantized_hash.digest(),
            sections,
            checksum: hash.digest(),
        };
        self.out.write_all(&footer.to_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn slots(&self) -> Vec<u8> {
        let size = (self.hashes.len() * 3 / 2 + 1).next_power_of_two();
        let mut slots = vec![0u32; size];
        for (term, &hash) in self.hashes.iter().enumerate() {
            let mut slot = hash as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = term as u32 + 1;
        }
        slots.into_iter().flat_map(u32::to_le_bytes).collect()
    }
}

/// Merges segments, oldest first, into one without the documents marked deleted.
///
/// # Errors
/// What `out` says, or [`io::ErrorKind::InvalidData`] when a source is damaged.
pub fn merge<W: Write>(
    sources: &[(SegmentView<'_>, &Bits)],
    out: W,
    name: u64,
    seqs: RangeInclusive<Seq>,
) -> io::Result<W> {
    let mut docs = Docs::default();
    let renumbered: Vec<Vec<u32>> =
        sources.iter().map(|(view, deleted)| renumber(*view, deleted, &mut docs)).collect();
    let mut writer = SegmentWriter::new(out, docs);
    let mut next = vec![0u32; sources.len()];
    let mut list = Vec::new();
    loop {
        let heads = sources.iter().zip(&next).filter(|((view, _), at)| **at < view.distinct());
        let Some(text) = heads.map(|((view, _), at)| view.text(*at)).min() else { break };
        list.clear();
        for (((view, _), at), numbers) in sources.iter().zip(&mut next).zip(&renumbered) {
            if *at < view.distinct() && view.text(*at) == text {
                view.postings(*at)?.for_each(|doc, tf| match numbers.get(doc as usize) {
                    Some(&doc) if doc != DROPPED => list.push((doc, tf)),
                    _ => (),
                });
                *at += 1;
            }
        }
        if !list.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Damaged("order of a posting list").into());
        }
        writer.term(text, &list)?;
    }
    merge_vectors(sources, &renumbered, &mut writer)?;
    writer.finish(name, seqs)
}

/// Writes the vectors of the live documents. Where they are of several dimensions, all but the last are about to be removed.
fn merge_vectors<W: Write>(
    sources: &[(SegmentView<'_>, &Bits)],
    renumbered: &[Vec<u32>],
    writer: &mut SegmentWriter<W>,
) -> io::Result<()> {
    let vectors: Result<Vec<Rows<'_>>, Damaged> = sources.iter().map(|(view, _)| view.vectors()).collect();
    let vectors = vectors?;
    let live = |source: usize| {
        let (rows, numbers) = (vectors[source], &renumbered[source]);
        let number = move |row: usize| numbers.get(rows.doc(row) as usize).copied();
        (0..rows.len()).filter_map(move |row| Some((number(row).filter(|&doc| doc != DROPPED)?, row)))
    };
    let last = (0..vectors.len()).rev().find(|&source| live(source).next().is_some());
    let dimension = last.map(|source| vectors[source].dimension());
    for source in (0..vectors.len()).filter(|&source| Some(vectors[source].dimension()) == dimension) {
        live(source).try_for_each(|(doc, row)| writer.vector(doc, vectors[source], row))?;
    }
    Ok(())
}

const DROPPED: u32 = u32::MAX;

/// Appends the live documents of `view` to `docs`; returns each old document's new number.
fn renumber(view: SegmentView<'_>, deleted: &Bits, docs: &mut Docs) -> Vec<u32> {
    let number = |doc| {
        if deleted.get(doc) {
            return DROPPED;
        }
        docs.push(view.seq(doc), view.length(doc) as u16, view.norm(doc));
        docs.seqs.len() as u32 - 1
    };
    (0..view.records()).map(number).collect()
}
