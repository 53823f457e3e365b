//! The best k of a stream of scored records.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::record::Seq;

/// A score that [`TopK`] can order.
pub trait Score: Copy + Ord {
    /// No score is less.
    const LEAST: Self;
    /// No score is greater.
    const GREATEST: Self;
}

impl Score for u32 {
    const LEAST: Self = Self::MIN;
    const GREATEST: Self = Self::MAX;
}

/// A score that is no NaN, in the order of [`f32::total_cmp`].
#[derive(Debug, Clone, Copy)]
pub struct FloatScore(pub f32);

impl Score for FloatScore {
    const LEAST: Self = Self(f32::NEG_INFINITY);
    const GREATEST: Self = Self(f32::INFINITY);
}

impl Ord for FloatScore {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for FloatScore {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FloatScore {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for FloatScore {}

/// Keeps the k best of all pushed records, in a bounded heap. Of two records with equal scores the newer one (higher
/// seq) is better, so the order of the pushes does not matter.
#[derive(Debug)]
pub struct TopK<S> {
    k: usize,
    heap: BinaryHeap<Reverse<(S, Seq)>>,
}

impl<S: Score> TopK<S> {
    /// An empty selection of at most `k` records.
    pub fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(1024)) }
    }

    /// The least score that can still enter: [`Score::LEAST`] until there are k records. When records are pushed from the
    /// newest to the oldest, a record must score *more* than the threshold to enter.
    #[inline]
    pub fn threshold(&self) -> S {
        if self.heap.len() < self.k {
            S::LEAST
        } else {
            self.heap.peek().map_or(S::GREATEST, |worst| worst.0.0)
        }
    }

    /// Adds a record if it is among the best.
    #[inline]
    pub fn push(&mut self, score: S, seq: Seq) {
        if self.heap.len() < self.k {
            self.heap.push(Reverse((score, seq)));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && (score, seq) > worst.0
        {
            *worst = Reverse((score, seq));
        }
    }

    /// The selection, best first.
    pub fn into_sorted(self) -> Vec<(Seq, S)> {
        let mut best = self.heap.into_vec();
        // Quicker than the heap's own way to sort.
        best.sort_unstable();
        best.into_iter().map(|Reverse((score, seq))| (seq, score)).collect()
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
            let sorted: Vec<(Seq, u32)> = entries.into_iter().map(|(score, seq)| (seq, score)).collect();
            prop_assert_eq!(top.into_sorted(), sorted);
        }
    }

    #[test]
    fn threshold_opens_at_zero_and_closes_at_the_worst() {
        let mut top = TopK::new(2);
        assert_eq!(top.threshold(), 0);
        top.push(5, 1);
        top.push(3, 2);
        assert_eq!(top.threshold(), 3);
        assert_eq!(TopK::<u32>::new(0).threshold(), u32::MAX);
    }

    #[test]
    fn floats_are_ordered_like_numbers() {
        let mut top = TopK::new(3);
        assert_eq!(top.threshold(), FloatScore(f32::NEG_INFINITY));
        for (seq, score) in (0..).zip([-1.0, 2.0, -0.5, 0.0, 2.0]) {
            top.push(FloatScore(score), seq);
        }
        assert_eq!(top.into_sorted(), [(4, FloatScore(2.0)), (1, FloatScore(2.0)), (3, FloatScore(0.0))]);
    }
}
