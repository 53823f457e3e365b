//! Recency and importance beside relevance.

use super::{Scored, scored};
use crate::record::{Blend, Micros, Seq};

/// The properties of a record that contribute to its score for every query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Its number.
    pub seq: Seq,
    /// When it was made.
    pub created_at: Micros,
    /// How important it is, in `0..=1`.
    pub importance: f64,
}

/// Sorts records by the weighted mean of relevance, recency and importance at `now`. `priors` has the priors of `found` in the
/// same order. A record without a prior is dropped.
pub fn blend(found: Vec<Scored>, priors: Vec<Prior>, weights: &Blend, now: Micros) -> Vec<Scored> {
    let mut priors = priors.into_iter().peekable();
    let with_prior = |mut found: Scored| {
        let prior = priors.next_if(|prior| prior.seq == found.seq)?;
        let relevance = found.score;
        found.score = mean(relevance, &prior, weights, now);
        found.explain.push(("relevance", relevance));
        Some(found)
    };
    let mut found: Vec<Scored> = found.into_iter().filter_map(with_prior).collect();
    scored::sort(&mut found);
    found
}

/// The weighted mean of relevance (with weight 1), recency and importance. Recency halves with each half-life of age.
fn mean(relevance: f64, prior: &Prior, weights: &Blend, now: Micros) -> f64 {
    const MICROS_PER_DAY: f64 = 86_400e6;
    let age_days = now.saturating_sub(prior.created_at).max(0) as f64 / MICROS_PER_DAY;
    // Rounded to a millionth, so that a search that is repeated immediately has the same scores.
    let recency = ((-age_days / weights.half_life_days).exp2() * 1e6).round() / 1e6;
    (relevance + weights.recency * recency + weights.importance * prior.importance)
        / (1.0 + weights.recency + weights.importance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Micros = 86_400_000_000;

    fn found(scores: &[(Seq, f64)]) -> Vec<Scored> {
        scores.iter().map(|&(seq, score)| Scored { seq, score, explain: Vec::new(), passage: None }).collect()
    }

    #[test]
    fn recency_halves_with_each_half_life() {
        let weights = Blend { recency: 1.0, importance: 0.0, half_life_days: 10.0 };
        let prior = |seq: Seq| Prior { seq, created_at: 100 * DAY, importance: 0.5 };
        for (now, recency) in [(100, 1.0), (110, 0.5), (120, 0.25), (90, 1.0)] {
            let blended = blend(found(&[(1, 0.5)]), vec![prior(1)], &weights, now * DAY);
            assert_eq!(blended[0].score, (0.5 + recency) / 2.0, "day {now}");
            assert_eq!(blended[0].explain, [("relevance", 0.5)]);
        }
    }

    #[test]
    fn importance_counts_by_its_weight() {
        let weights = Blend { recency: 0.0, importance: 3.0, half_life_days: 30.0 };
        let prior = |(seq, importance)| Prior { seq, created_at: 0, importance };
        let priors = [(1, 0.2), (2, 0.6), (4, 0.6)].map(prior).to_vec();
        let blended = blend(found(&[(1, 1.0), (2, 0.4), (3, 0.9), (4, 0.4)]), priors, &weights, 0);
        let seqs: Vec<Seq> = blended.iter().map(|found| found.seq).collect();
        assert_eq!(seqs, [4, 2, 1], "3 is gone; of equals the newer comes first");
        assert!((blended[2].score - (1.0 + 3.0 * 0.2) / 4.0).abs() < 1e-12);
    }
}
