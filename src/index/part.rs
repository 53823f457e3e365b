//! One part of the index, a segment or a memtable, with its deleted documents.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::Damaged;
use super::bits::Bits;
use super::memtable::Memtable;
use super::segment::{Segment, SegmentView, TermId};
use crate::record::Seq;

/// Documents with marks for the deleted ones.
#[derive(Debug)]
pub(super) struct Part<D> {
    pub docs: D,
    pub deleted: Bits,
    /// The same documents in the order of their deletion, so that cached counts can be brought up to date.
    pub deleted_docs: Vec<u32>,
    /// By term: how many of `deleted_docs` were counted, and how many of those hold the term.
    deleted_df: Mutex<FxHashMap<TermId, (usize, u32)>>,
    /// The range of sequence numbers that it covers.
    pub seqs: (Seq, Seq),
    /// Deletions up to this one were left out when it was made.
    pub deletion: i64,
}

impl<D> Part<D> {
    pub fn new(docs: D, seqs: (Seq, Seq), deletion: i64) -> Self {
        Self {
            docs,
            seqs,
            deletion,
            deleted: Bits::default(),
            deleted_docs: Vec::new(),
            deleted_df: Mutex::default(),
        }
    }

    /// Deletes a document. False if it was deleted before.
    pub fn delete(&mut self, doc: u32) -> bool {
        let new = self.deleted.set(doc);
        if new {
            self.deleted_docs.push(doc);
        }
        new
    }

    /// How many deleted documents hold `term`. `holds` counts those among the documents that were deleted since the last call.
    fn deleted_df(&self, term: TermId, holds: impl FnOnce(&[u32]) -> u32) -> u32 {
        if self.deleted_docs.is_empty() {
            return 0;
        }
        let mut counts = self.deleted_df.lock();
        let (seen, count) = counts.entry(term).or_default();
        if *seen < self.deleted_docs.len() {
            let mut fresh = self.deleted_docs[*seen..].to_vec();
            fresh.sort_unstable();
            *count += holds(&fresh);
            *seen = self.deleted_docs.len();
        }
        *count
    }
}

impl Part<Arc<Segment>> {
    pub fn delete_again(&mut self, seqs: impl Iterator<Item = Seq>) -> Result<(), Damaged> {
        let segment = Arc::clone(&self.docs);
        let view = segment.view()?;
        for doc in seqs.filter_map(|seq| view.doc(seq)) {
            self.delete(doc);
        }
        Ok(())
    }

    /// Live and deleted documents.
    pub fn weight(&self) -> (u32, u32) {
        let deleted = self.deleted.count();
        (self.docs.footer().records.saturating_sub(deleted), deleted)
    }

    pub fn live_df(&self, view: SegmentView<'_>, term: TermId) -> Result<u64, Damaged> {
        // Without deletions the posting list need not be read.
        let deleted = if self.deleted_docs.is_empty() { 0 } else { self.segment_deleted_df(view, term)? };
        Ok(view.terms.df(term).saturating_sub(deleted).into())
    }

    fn segment_deleted_df(&self, view: SegmentView<'_>, term: TermId) -> Result<u32, Damaged> {
        let postings = view.postings(term)?;
        Ok(self.deleted_df(term, |deleted| postings.count(deleted)))
    }
}

impl<D> Part<D> {
    pub fn with_deleted(mut self, deleted_docs: Vec<u32>) -> Self {
        for doc in deleted_docs {
            self.delete(doc);
        }
        self
    }

    pub fn live_df_in_memtable(&self, memtable: &Memtable, term: &str) -> u64 {
        let Some((id, list)) = memtable.postings(term) else { return 0 };
        let holds = |doc: &u32| list.binary_search_by_key(doc, |&(held, _)| held).is_ok();
        let deleted = self.deleted_df(id, |deleted| deleted.iter().filter(|doc| holds(doc)).count() as u32);
        (list.len() as u64).saturating_sub(deleted.into())
    }
}
