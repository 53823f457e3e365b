//! Which parts of a segment have been verified.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::term_table::TermId;

/// The parts whose checksums were right. Each is verified when it is first read.
#[derive(Debug)]
pub struct Verified {
    /// One bit per term, for its postings.
    postings: Vec<AtomicU64>,
    quantized: AtomicBool,
}

impl Verified {
    /// Nothing yet, of a segment with so many terms.
    pub fn new(terms: usize) -> Self {
        let mut postings = Vec::new();
        postings.resize_with(terms.div_ceil(64), AtomicU64::default);
        Self { postings, quantized: AtomicBool::new(false) }
    }

    /// Calls `verify` if the postings of a term are not verified yet.
    pub fn postings<E>(&self, term: TermId, verify: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let (word, bit) = (&self.postings[term as usize / 64], 1u64 << (term % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            verify()?;
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Calls `verify` if the quantized vectors are not verified yet.
    pub fn quantized<E>(&self, verify: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        if !self.quantized.load(Ordering::Relaxed) {
            verify()?;
            self.quantized.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
