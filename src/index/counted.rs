//! What was counted of a set's documents in one segment.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::Damaged;
use super::bits::Bits;
use super::doc_set::DocSet;
use super::part::Part;
use super::segment::{Segment, SegmentView, TermId};
use crate::rank::Collection;

/// Most document frequencies that are remembered for one segment.
const REMEMBERED: usize = 1 << 16;

/// The set's documents in one segment, and what was counted of them.
#[derive(Debug)]
pub struct Counted {
    docs: Docs,
    /// `docs` are the documents that are not in the set, because those are fewer.
    inverted: bool,
    tally: Mutex<Tally>,
}

#[derive(Debug)]
enum Docs {
    Few(Vec<u32>),
    Many(Bits),
}

#[derive(Debug, Default)]
struct Tally {
    /// The documents that are not deleted; `None` before they are counted.
    collection: Option<Collection>,
    /// How many of the part's deleted documents were subtracted from `collection`.
    seen: usize,
    /// By term: how many deleted documents were subtracted, and how many of the others hold the term.
    frequencies: FxHashMap<TermId, (usize, u32)>,
}

impl Counted {
    /// Nothing yet, of the documents of `set`.
    pub fn new(set: &DocSet, view: SegmentView<'_>) -> Self {
        let records = view.records();
        let holds = |doc: u32| set.holds(doc);
        let members = (0..records).filter(|&doc| holds(doc)).count();
        let inverted = members > records as usize / 2;
        let listed = (0..records).filter(|&doc| holds(doc) != inverted);
        let docs = if DocSet::is_few(members.min(records as usize - members), records) {
            Docs::Few(listed.collect())
        } else {
            Docs::Many(listed.collect())
        };
        Self { docs, inverted, tally: Mutex::default() }
    }

    fn holds(&self, doc: u32) -> bool {
        let listed = match &self.docs {
            Docs::Few(docs) => docs.binary_search(&doc).is_ok(),
            Docs::Many(docs) => docs.get(doc),
        };
        listed != self.inverted
    }

    /// The members among the documents of `part` that were deleted after the first `seen`, in ascending order.
    fn deleted(&self, part: &Part<Arc<Segment>>, seen: usize) -> Vec<u32> {
        let fresh = part.deleted_docs.get(seen..).unwrap_or_default();
        let mut deleted: Vec<u32> = fresh.iter().copied().filter(|&doc| self.holds(doc)).collect();
        deleted.sort_unstable();
        deleted
    }

    /// The statistics of the documents that are not deleted.
    pub fn collection(&self, part: &Part<Arc<Segment>>, view: SegmentView<'_>) -> Collection {
        let mut tally = self.tally.lock();
        let members = || (0..view.records()).filter(|&doc| self.holds(doc));
        let Collection { records, terms } =
            tally.collection.unwrap_or_else(|| Collection::of_lengths(members().map(|doc| view.length(doc))));
        let gone =
            Collection::of_lengths(self.deleted(part, tally.seen).into_iter().map(|doc| view.length(doc)));
        let left = Collection {
            records: records.saturating_sub(gone.records),
            terms: terms.saturating_sub(gone.terms),
        };
        tally.collection = Some(left);
        tally.seen = part.deleted_docs.len();
        left
    }

    /// How many of the documents that are not deleted hold the term.
    ///
    /// # Errors
    /// [`Damaged`] when its postings are.
    pub fn document_frequency(
        &self,
        part: &Part<Arc<Segment>>,
        view: SegmentView<'_>,
        term: TermId,
    ) -> Result<u64, Damaged> {
        let known = self.tally.lock().frequencies.get(&term).copied();
        let deleted = part.deleted_docs.len();
        let frequency = match known {
            Some((seen, frequency)) if seen == deleted => return Ok(frequency.into()),
            Some((seen, frequency)) => {
                frequency.saturating_sub(view.postings(term)?.count(&self.deleted(part, seen)))
            }
            None => {
                let postings = view.postings(term)?;
                let listed = match &self.docs {
                    Docs::Few(docs) => postings.count(docs),
                    Docs::Many(docs) => postings.count_where(|doc| docs.get(doc)),
                };
                let held = if self.inverted { postings.df.saturating_sub(listed) } else { listed };
                held.saturating_sub(postings.count(&self.deleted(part, 0)))
            }
        };
        let frequencies = &mut self.tally.lock().frequencies;
        if frequencies.len() >= REMEMBERED {
            frequencies.clear();
        }
        frequencies.insert(term, (deleted, frequency));
        Ok(frequency.into())
    }
}
