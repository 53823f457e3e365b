//! Writes a segment.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::docs::Docs;
use super::footer::{Footer, SECTIONS};
use crate::index::postings;
use crate::index::vector::Rows;
use crate::rank::bm25::saturation;
use crate::record::Seq;
use crate::text::ANALYZER_VERSION;

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

    /// Writes one term; nothing when no record holds it. `list` is `(document, tf)`, in ascending order of documents.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn term(&mut self, text: &[u8], list: &[(u32, u32)]) -> io::Result<()> {
        if list.is_empty() {
            return Ok(());
        }
        self.data.clear();
        let first_block = (self.metas.len() / postings::META_BYTES) as u32;
        let lengths = &self.docs.lengths;
        let bound = |doc: u32, tf| saturation(tf, u32::from(lengths[doc as usize]), self.mean_length);
        postings::encode(list, bound, &mut self.data, &mut self.metas);
        let start = u32::try_from(self.texts.len()).map_err(|_| too_large("texts of terms"))?;
        self.entries.extend_from_slice(&start.to_le_bytes());
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
    /// Those of `out`.
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
    /// Those of `out`.
    pub fn finish(mut self, name: u64, seqs: RangeInclusive<Seq>) -> io::Result<W> {
        let slots = self.slots();
        let offsets = self.offsets(*seqs.start())?;
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

    /// Where each record's number lies after `start`.
    fn offsets(&self, start: Seq) -> io::Result<Vec<u8>> {
        let mut offsets = Vec::with_capacity(self.docs.seqs.len() * size_of::<u32>());
        for seq in &self.docs.seqs {
            let offset = u32::try_from(seq - start).map_err(|_| too_large("sequence numbers"))?;
            offsets.extend_from_slice(&offset.to_le_bytes());
        }
        Ok(offsets)
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

fn too_large(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("the {what} of a segment span more than 4 Gi"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use crate::index::memtable::Memtable;
    use crate::text::Bag;

    #[test]
    fn numbers_that_are_too_far_apart_are_an_error() {
        let mut memtable = Memtable::default();
        memtable.add(1 << 32, &Bag::default());
        assert!(memtable.write(Vec::new(), 1, 1..=1 << 32).is_ok());
        let error = memtable.write(Vec::new(), 1, 0..=1 << 32).unwrap_err();
        assert_eq!(error.to_string(), "the sequence numbers of a segment span more than 4 Gi");
    }
}
