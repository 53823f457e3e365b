//! The terms of a segment, sorted, and a hash table to find them.

use xxhash_rust::xxh3::xxh3_64;

use super::little_endian::{read_u32, read_u64};

/// Position of a term in a segment's sorted terms.
pub type TermId = u32;

/// The size of an entry: the start of the text, the document frequency, the start of the data, the first block, the checksum.
const ENTRY_BYTES: usize = 24;

/// A posting list in a segment.
#[derive(Debug, Clone, Copy)]
pub struct PostingList {
    /// Documents that hold the term, deleted ones included.
    pub df: u32,
    /// Where its data begin.
    pub start: u64,
    /// Where they end; `None` for the last list, which ends with all data.
    pub end: Option<u64>,
    /// Its first block.
    pub first_block: u32,
    /// The checksum of its data.
    pub checksum: u32,
}

/// The sections of a segment that tell of its terms.
#[derive(Debug, Clone, Copy)]
pub struct TermTable<'a> {
    texts: &'a [u8],
    entries: &'a [[u8; ENTRY_BYTES]],
    slots: &'a [[u8; 4]],
}

impl<'a> TermTable<'a> {
    /// Of sections of a segment; `None` if they do not fit together.
    pub fn new(texts: &'a [u8], entries: &'a [u8], slots: &'a [u8]) -> Option<Self> {
        let (entries, slots) = (entries.as_chunks().0, slots.as_chunks().0);
        let whole = slots.len().is_power_of_two() && slots.len() > entries.len();
        whole.then_some(Self { texts, entries, slots })
    }

    /// Number of terms.
    pub fn len(&self) -> u32 {
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
    pub fn with_prefix(&self, prefix: &str, visit: &mut dyn FnMut(&str)) {
        let (mut first, mut end) = (0, self.len());
        while first < end {
            let middle = first.midpoint(end);
            if self.text(middle) < prefix.as_bytes() {
                first = middle + 1;
            } else {
                end = middle;
            }
        }
        let texts = (first..self.len()).map(|id| self.text(id));
        // A comparison with an empty prefix would cost a call for every term.
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

    fn entry(&self, term: TermId) -> Option<&'a [u8; ENTRY_BYTES]> {
        self.entries.get(term as usize)
    }

    /// Documents that hold the term, deleted ones included.
    pub fn df(&self, term: TermId) -> u32 {
        self.entry(term).map_or(0, |entry| read_u32(entry, 4))
    }

    /// Where the postings of a term are.
    pub fn posting_list(&self, term: TermId) -> Option<PostingList> {
        let entry = self.entry(term)?;
        Some(PostingList {
            df: read_u32(entry, 4),
            start: read_u64(entry, 8),
            end: self.entry(term + 1).map(|next| read_u64(next, 8)),
            first_block: read_u32(entry, 16),
            checksum: read_u32(entry, 20),
        })
    }
}
