//! The best k of a stream of scored records.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::record::Seq;

/// Keeps the k best `(score, seq)` it was shown in a bounded heap. Of equal scores the newer record
/// (higher seq) is better, so the outcome does not depend on the order of showing.
#[derive(Debug)]
pub struct TopK {
    k: usize,
    heap: BinaryHeap<Reverse<(u32, Seq)>>,
}

impl TopK {
    /// An empty selection of at most `k`.
    pub fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(1024)) }
    }

    /// The least score that can still enter: 0 until k are held. When records are shown from the
    /// newest to the oldest, a record must score *more* than [`TopK::threshold`] to enter.
    #[inline]
    pub fn threshold(&self) -> u32 {
        if self.heap.len() < self.k { 0 } else { self.heap.peek().map_or(u32::MAX, |worst| worst.0.0) }
    }

    /// Shows one candidate.
    #[inline]
    pub fn push(&mut self, score: u32, seq: Seq) {
        if self.heap.len() < self.k {
            self.heap.push(Reverse((score, seq)));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && (score, seq) > worst.0
        {
            *worst = Reverse((score, seq));
        }
    }

    /// The selection, best first.
    pub fn into_sorted(self) -> Vec<(u32, Seq)> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(entry)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_sorting_everything(scores in prop::collection::vec(0u32..20, 0..60), k in 0usize..12) {
            let mut entries: Vec<(u32, Seq)> = scores.iter().enumerate().map(|(i, &s)| (s, i as Seq)).collect();
            let mut top = TopK::new(k);
            entries.iter().for_each(|&(score, seq)| top.push(score, seq));
            entries.sort_by(|a, b| b.cmp(a));
            entries.truncate(k);
            prop_assert_eq!(top.into_sorted(), entries);
        }
    }

    #[test]
    fn threshold_opens_at_zero_and_closes_at_the_worst() {
        let mut top = TopK::new(2);
        assert_eq!(top.threshold(), 0);
        top.push(5, 1);
        top.push(3, 2);
        assert_eq!(top.threshold(), 3);
        assert_eq!(TopK::new(0).threshold(), u32::MAX);
    }
}
