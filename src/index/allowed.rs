//! Which records a filtered search may find.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::counts::Counts;
use super::doc_set::DocSet;
use super::segment::SegmentView;
use crate::record::Seq;

/// The records that pass a filter, or the few that do not, and their documents in each segment.
///
/// Rows never change under their sequence number, so a set that was right stays right: it only has to
/// be extended by newer rows. Deleted records may stay in it: the index leaves them out.
#[derive(Debug, Default)]
pub struct Allowed {
    seqs: Vec<Seq>,
    /// The set is everything but `seqs`.
    inverted: bool,
    by_segment: Mutex<FxHashMap<u64, Arc<DocSet>>>,
    /// What is known of the statistics of these records.
    pub(super) counts: Mutex<Counts>,
}

/// An [`Allowed`] set as a list in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing<'a> {
    /// The records in the set.
    Only(&'a [Seq]),
    /// The records that are not in the set.
    AllBut(&'a [Seq]),
}

impl Allowed {
    /// Only these, in ascending order.
    pub fn only(seqs: Vec<Seq>) -> Self {
        Self { seqs, inverted: false, ..Self::default() }
    }

    /// All but these, in ascending order.
    pub fn except(seqs: Vec<Seq>) -> Self {
        Self { seqs, inverted: true, ..Self::default() }
    }

    /// Whether everything is allowed.
    pub fn is_everything(&self) -> bool {
        self.inverted && self.seqs.is_empty()
    }

    /// This set without `excluded` ones, which are in ascending order.
    pub fn without(&self, excluded: &[Seq]) -> Self {
        if self.inverted {
            let mut seqs = [self.seqs.as_slice(), excluded].concat();
            seqs.sort_unstable();
            seqs.dedup();
            return Self::except(seqs);
        }
        let holds = |seq: &&Seq| excluded.binary_search(seq).is_err();
        Self::only(self.seqs.iter().filter(holds).copied().collect())
    }

    /// Whether this record may be found.
    pub fn holds(&self, seq: Seq) -> bool {
        self.seqs.binary_search(&seq).is_ok() != self.inverted
    }

    /// This set and `newer` ones, all higher than any in it.
    ///
    /// What is known of a segment stays right, if this set was up to date when the segment was looked at.
    pub fn extended(&self, newer: &[Seq]) -> Self {
        let seqs = [self.seqs.as_slice(), newer].concat();
        Self {
            seqs,
            inverted: self.inverted,
            by_segment: Mutex::new(self.by_segment.lock().clone()),
            counts: Mutex::new(self.counts.lock().of_segments()),
        }
    }

    /// The allowed ones from `first` to `last`, if they are listed one by one.
    pub fn listed(&self, first: Seq, last: Seq) -> Option<&[Seq]> {
        (!self.inverted).then(|| self.between(first, last))
    }

    /// The set as a list, deleted records included.
    pub fn listing(&self) -> Listing<'_> {
        if self.inverted { Listing::AllBut(&self.seqs) } else { Listing::Only(&self.seqs) }
    }

    /// The places of the allowed ones among `seqs`, which are in ascending order.
    pub fn among(&self, seqs: &[Seq]) -> impl Iterator<Item = u32> {
        let (first, last) = (seqs.first().copied().unwrap_or(0), seqs.last().copied().unwrap_or(-1));
        let mut listed = self.between(first, last).iter().peekable();
        (0..).zip(seqs).filter_map(move |(place, seq)| {
            while listed.next_if(|one| *one < seq).is_some() {}
            ((listed.peek() == Some(&seq)) != self.inverted).then_some(place)
        })
    }

    fn between(&self, first: Seq, last: Seq) -> &[Seq] {
        let start = self.seqs.partition_point(|&seq| seq < first);
        let end = self.seqs.partition_point(|&seq| seq <= last);
        &self.seqs[start..end.max(start)]
    }

    /// Those in a segment.
    pub fn in_segment(&self, name: u64, view: SegmentView<'_>) -> Arc<DocSet> {
        if let Some(set) = self.by_segment.lock().get(&name) {
            return Arc::clone(set);
        }
        let set = Arc::new(self.map(view));
        self.by_segment.lock().insert(name, Arc::clone(&set));
        set
    }

    fn map(&self, view: SegmentView<'_>) -> DocSet {
        let Some(last) = view.records().checked_sub(1) else { return DocSet::Few(Vec::new()) };
        let seqs = self.between(view.seq(0), view.seq(last));
        if !self.inverted && DocSet::is_few(seqs.len(), view.records()) {
            return DocSet::Few(seqs.iter().filter_map(|&seq| view.doc(seq)).collect());
        }
        let mut doc = 0;
        let mut bits = Bits::default();
        for &seq in seqs {
            while doc < last && view.seq(doc) < seq {
                doc += 1;
            }
            if view.seq(doc) == seq {
                bits.set(doc);
            }
        }
        if self.inverted { DocSet::Except(bits) } else { DocSet::Many(bits) }
    }
}
