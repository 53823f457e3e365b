//! Posting lists: for one term, the documents that hold it and how often, in blocks of 128.
//!
//! A document is a position in its segment (`u32`). Full blocks are bit-packed (gaps of documents,
//! then `tf - 1`); the rest of a list is variable-length bytes. Each block's [`BlockMeta`] tells where it lies
//! and bounds the BM25 score that any of its documents can get, so that whole blocks are passed over.

use bitpacking::{BitPacker, BitPacker4x};

use crate::rank::bm25;

/// Documents in a full block.
pub const BLOCK: usize = BitPacker4x::BLOCK_LEN;
/// Bytes of one encoded [`BlockMeta`].
pub const META_BYTES: usize = 12;

/// What is known of a block without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockMeta {
    /// The last document in it.
    pub last: u32,
    /// Where its bytes begin, within the term's bytes.
    pub offset: u32,
    doc_bits: u8,
    tf_bits: u8,
    /// Upper bound of the saturation in it, as [`bound_code`].
    pub bound: u8,
}

impl BlockMeta {
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.last.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&[self.doc_bits, self.tf_bits, self.bound, 0]);
    }

    fn read(bytes: &[u8; META_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, doc_bits, tf_bits, bound, _] = *bytes;
        Self {
            last: u32::from_le_bytes([a, b, c, d]),
            offset: u32::from_le_bytes([e, f, g, h]),
            doc_bits,
            tf_bits,
            bound,
        }
    }
}

/// A saturation in `0..=k1+1` as a byte, rounded up so that it stays a bound.
pub fn bound_code(saturation: f32) -> u8 {
    (saturation / (bm25::K1 + 1.0) * 255.0).ceil().clamp(0.0, 255.0) as u8
}

/// The saturation that a [`bound_code`] stands for.
#[inline]
pub fn bound_value(code: u8) -> f32 {
    // A hair more than the exact value: rounding in bound_code must never make it too small.
    f32::from(code) * ((bm25::K1 + 1.0) / 255.0) * 1.000_001
}

/// One decoded block. `docs` are in ascending order; only the first `len` of either are meaningful.
#[derive(Debug, Clone)]
pub struct Block {
    /// Documents.
    pub docs: [u32; BLOCK],
    /// How often they hold the term beyond once, see [`tf`].
    pub more: [u32; BLOCK],
    /// How many there are.
    pub len: usize,
    /// The highest that a frequency can be.
    pub most: u32,
}

impl Default for Block {
    fn default() -> Self {
        Self { docs: [0; BLOCK], more: [0; BLOCK], len: 0, most: 0 }
    }
}

/// A term frequency; `more` of a damaged block may be anything.
#[inline]
pub fn tf(more: u32) -> u32 {
    more.saturating_add(1)
}

/// Appends one term's postings to `data` and their block metas to `metas`. `postings` are `(document, tf)` in
/// ascending order of documents; `saturation` is what one posting contributes to the bound of its block.
pub fn encode(
    postings: &[(u32, u32)],
    saturation: impl Fn(u32, u32) -> f32,
    data: &mut Vec<u8>,
    metas: &mut Vec<u8>,
) {
    let start = data.len();
    let mut previous: Option<u32> = None;
    for chunk in postings.chunks(BLOCK) {
        let bound = chunk.iter().map(|&(doc, tf)| saturation(doc, tf)).fold(0.0, f32::max);
        let offset = (data.len() - start) as u32;
        let (doc_bits, tf_bits) = if chunk.len() == BLOCK {
            encode_packed(chunk, previous, data)
        } else {
            encode_bytes(chunk, previous, data);
            (0, 0)
        };
        let last = chunk[chunk.len() - 1].0;
        BlockMeta { last, offset, doc_bits, tf_bits, bound: bound_code(bound) }.write(metas);
        previous = Some(last);
    }
}

fn encode_packed(chunk: &[(u32, u32)], previous: Option<u32>, data: &mut Vec<u8>) -> (u8, u8) {
    let packer = BitPacker4x::new();
    let mut docs = [0u32; BLOCK];
    let mut tfs = [0u32; BLOCK];
    for (i, &(doc, tf)) in chunk.iter().enumerate() {
        docs[i] = doc;
        tfs[i] = tf.saturating_sub(1);
    }
    let mut packed = [0u8; 4 * BLOCK];
    let doc_bits = packer.num_bits_strictly_sorted(previous, &docs);
    let size = packer.compress_strictly_sorted(previous, &docs, &mut packed, doc_bits);
    data.extend_from_slice(&packed[..size]);
    let tf_bits = packer.num_bits(&tfs);
    let size = packer.compress(&tfs, &mut packed, tf_bits);
    data.extend_from_slice(&packed[..size]);
    (doc_bits, tf_bits)
}

fn encode_bytes(chunk: &[(u32, u32)], previous: Option<u32>, data: &mut Vec<u8>) {
    let mut next = previous.map_or(0, |doc| doc + 1);
    for &(doc, tf) in chunk {
        // The low bit says "once", the commonest frequency, which then costs nothing.
        let gap = u64::from(doc - next) << 1;
        if tf == 1 {
            write_varint(data, gap | 1);
        } else {
            write_varint(data, gap);
            write_varint(data, u64::from(tf));
        }
        next = doc + 1;
    }
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    match bytes.split_first() {
        // Most are of one byte.
        Some((&byte, rest)) if byte < 0x80 => {
            *bytes = rest;
            Some(byte.into())
        }
        _ => read_long_varint(bytes),
    }
}

fn read_long_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// One term's encoded postings.
#[derive(Debug, Clone, Copy)]
pub struct Postings<'a> {
    /// Documents that hold the term, deleted ones included.
    pub df: u32,
    metas: &'a [[u8; META_BYTES]],
    data: &'a [u8],
}

impl<'a> Postings<'a> {
    /// Over what [`encode`] wrote; `metas` beyond the list's own blocks are ignored.
    pub fn new(df: u32, metas: &'a [u8], data: &'a [u8]) -> Self {
        Self { df, metas: metas.as_chunks().0, data }
    }

    /// Number of blocks.
    #[inline]
    pub fn blocks(&self) -> usize {
        self.metas.len()
    }

    /// The `i`th block's meta; past the end, one that holds nothing.
    #[inline]
    pub fn meta(&self, i: usize) -> BlockMeta {
        match self.metas.get(i) {
            Some(bytes) => BlockMeta::read(bytes),
            None => BlockMeta { last: u32::MAX, offset: u32::MAX, doc_bits: 0, tf_bits: 0, bound: 0 },
        }
    }

    /// First block, not before `from`, whose last document is `doc` or more.
    pub fn block_of(&self, doc: u32, from: usize) -> usize {
        let rest = self.metas.get(from..).unwrap_or_default();
        from + rest.partition_point(|bytes| BlockMeta::read(bytes).last < doc)
    }

    /// Decodes block `i`. Bytes that no encoder wrote give a shorter or empty block, never a panic.
    pub fn decode(&self, i: usize, block: &mut Block) {
        self.decode_docs(i, block);
        self.decode_tfs(i, block);
    }

    /// Decodes the documents of block `i`; its frequencies are still to be decoded.
    #[inline]
    pub fn decode_docs(&self, i: usize, block: &mut Block) {
        let meta = self.meta(i);
        let previous = i.checked_sub(1).map(|before| self.meta(before).last);
        let bytes = self.data.get(meta.offset as usize..).unwrap_or_default();
        let len = (self.df as usize).saturating_sub(i * BLOCK).min(BLOCK);
        block.len = if len == BLOCK {
            decode_packed(bytes, meta, previous, block)
        } else {
            decode_bytes(bytes, previous, len, block)
        };
    }

    /// Decodes the frequencies of block `i`, whose documents were decoded last.
    #[inline]
    pub fn decode_tfs(&self, i: usize, block: &mut Block) {
        if block.len == BLOCK {
            let meta = self.meta(i);
            let start = meta.offset as usize + packed_bytes(meta.doc_bits);
            let bytes = self.data.get(start..start + packed_bytes(meta.tf_bits)).unwrap_or_default();
            decode_packed_tfs(bytes, meta, block);
        }
    }

    /// Whether all documents are there, in ascending order within each block up to the last that it names. In a damaged list they
    /// need not be.
    pub fn are_in_order(&self) -> bool {
        let mut block = Block::default();
        let mut next = 0;
        (0..self.blocks()).all(|i| {
            self.decode_docs(i, &mut block);
            let docs = &block.docs[..block.len];
            let whole = docs.len() == (self.df as usize - i * BLOCK).min(BLOCK);
            let in_order = docs.is_sorted_by(|a, b| a < b) && docs.first().is_some_and(|&doc| doc >= next);
            next = self.meta(i).last.saturating_add(1);
            whole && in_order && docs.last() == Some(&self.meta(i).last)
        })
    }

    /// How many of `docs`, which are in ascending order, hold the term.
    pub fn count(&self, docs: &[u32]) -> u32 {
        if docs.len() > self.df as usize {
            return self.count_where(|doc| docs.binary_search(&doc).is_ok());
        }
        let mut block = Block::default();
        let (mut at, mut decoded, mut count) = (0, usize::MAX, 0);
        for &doc in docs {
            at = self.block_of(doc, at);
            if at >= self.blocks() {
                break;
            }
            if at != decoded {
                self.decode_docs(at, &mut block);
                decoded = at;
            }
            count += u32::from(block.docs[..block.len].binary_search(&doc).is_ok());
        }
        count
    }

    /// How many documents that hold the term are wanted.
    pub fn count_where(&self, wanted: impl Fn(u32) -> bool) -> u32 {
        let mut block = Block::default();
        let mut count = 0;
        for i in 0..self.blocks() {
            self.decode_docs(i, &mut block);
            count += block.docs[..block.len].iter().map(|&doc| u32::from(wanted(doc))).sum::<u32>();
        }
        count
    }

    /// Every posting, in order.
    pub fn for_each(&self, mut each: impl FnMut(u32, u32)) {
        let mut block = Block::default();
        for i in 0..self.blocks() {
            self.decode(i, &mut block);
            for (&doc, &more) in block.docs.iter().zip(&block.more).take(block.len) {
                each(doc, tf(more));
            }
        }
    }
}

/// Bytes of a full block of numbers of so many bits.
fn packed_bytes(bits: u8) -> usize {
    usize::from(bits) * BLOCK / 8
}

fn decode_packed(bytes: &[u8], meta: BlockMeta, previous: Option<u32>, block: &mut Block) -> usize {
    let doc_bytes = packed_bytes(meta.doc_bits);
    let whole = meta.doc_bits <= 32 && meta.tf_bits <= 32;
    if !whole || bytes.len() < doc_bytes + packed_bytes(meta.tf_bits) {
        return 0;
    }
    let docs = &bytes[..doc_bytes];
    BitPacker4x::new().decompress_strictly_sorted(previous, docs, &mut block.docs, meta.doc_bits);
    block.most = 1u32.checked_shl(meta.tf_bits.into()).unwrap_or(u32::MAX);
    BLOCK
}

fn decode_packed_tfs(bytes: &[u8], meta: BlockMeta, block: &mut Block) {
    if meta.tf_bits == 0 {
        block.more = [0; BLOCK];
    } else {
        BitPacker4x::new().decompress(bytes, &mut block.more, meta.tf_bits);
    }
}

fn decode_bytes(mut bytes: &[u8], previous: Option<u32>, len: usize, block: &mut Block) -> usize {
    let mut next = previous.map_or(0, |doc| u64::from(doc) + 1);
    block.most = 1;
    for i in 0..len {
        let Some(gap) = read_varint(&mut bytes) else { return i };
        let tf = if gap & 1 == 1 { Some(1) } else { read_varint(&mut bytes) };
        let doc = next.saturating_add(gap >> 1);
        let (Ok(doc), Some(tf)) = (u32::try_from(doc), tf) else { return i };
        let more = u32::try_from(tf.saturating_sub(1)).unwrap_or(u32::MAX);
        block.docs[i] = doc;
        block.more[i] = more;
        block.most = block.most.max(self::tf(more));
        next = u64::from(doc) + 1;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn postings() -> impl Strategy<Value = Vec<(u32, u32)>> {
        let gap_and_tf =
            (prop_oneof![9 => 0u32..5, 1 => 0u32..100_000], prop_oneof![9 => 1u32..3, 1 => 1u32..9999]);
        prop::collection::vec(gap_and_tf, 1..700).prop_map(|gaps| {
            let mut next = 0;
            gaps.into_iter()
                .map(|(gap, tf)| {
                    let doc = next + gap;
                    next = doc + 1;
                    (doc, tf)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(list in postings()) {
            let (mut data, mut metas) = (vec![7; 3], Vec::new());
            encode(&list, |_, tf| bm25::saturation(tf, 10, 10.0), &mut data, &mut metas);
            let read = Postings::new(list.len() as u32, &metas, &data[3..]);
            let mut back = Vec::new();
            read.for_each(|doc, tf| back.push((doc, tf)));
            prop_assert_eq!(&back, &list);
            prop_assert_eq!(read.blocks(), list.len().div_ceil(BLOCK));
            let wanted: Vec<u32> = (0..2000).filter(|doc| doc % 3 == 0).collect();
            let count = list.iter().filter(|(doc, _)| wanted.contains(doc)).count() as u32;
            prop_assert_eq!(read.count(&wanted), count);
            prop_assert_eq!(read.count(&wanted[..20]), list.iter().filter(|(doc, _)| wanted[..20].contains(doc)).count() as u32);
            prop_assert_eq!(read.count_where(|doc| doc < 2000 && doc % 3 == 0), count);
            for (i, &(doc, tf)) in list.iter().enumerate() {
                let block = read.block_of(doc, 0);
                prop_assert_eq!(block, i / BLOCK);
                prop_assert!(bound_value(read.meta(block).bound) >= bm25::saturation(tf, 10, 10.0));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(df in any::<u32>(), metas in prop::collection::vec(any::<u8>(), 0..60),
                                  data in prop::collection::vec(any::<u8>(), 0..300)) {
            let read = Postings::new(df, &metas, &data);
            read.for_each(|_, _| ());
        }
    }
}
