//! The score: the estimated probability that a reader calls a hit relevant.
//!
//! It is a logistic regression over features that are comparable between queries, and between stores of any size:
//!
//! - the support: the share of the query that the text covers, times its BM25 as a share of the best hit's;
//! - the evidence in the text times its lead to the power of 3/2. The lead is how far the sum of its signals is above that of the
//!   hit [`BEHIND`] places behind it, as a share of the greatest. A hit that many others equal is probably a chance match.
//!
//! With vectors there is a third one, how far the record's cosine is above the mean of all. It depends little on the embedder.
//!
//! `benches/calibrate.py` fits the coefficients on labelled sets, and says how well a model does on sets that it was not
//! fitted on. Scores that would rise down the list are replaced by their mean. Two rules hold beside that, see [`Wording`].

use super::tuning::score::{
    ANSWER, BASE, BEHIND, EVIDENCE_LEAD, NEAR, OTHER_IDENTIFIER, SUPPORT, WHOLE_QUESTION,
};

/// What the score of a hit is computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Signs {
    /// What hits are sorted by: the sum of its signals, or its fused value.
    pub order: f64,
    /// How much of the query the text contains.
    pub evidence: f64,
    /// The covered share of the query, times BM25 as a share of the best hit's.
    pub support: f64,
    /// The square of how far the cosine of its vector is above the mean of all, in deviations; 0 without vectors.
    pub near: f64,
    /// What the text shares with the query word for word.
    pub wording: Wording,
}

/// What a text shares with what the query asks, word for word. The greater holds where there are several sentences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wording {
    /// Words, if any.
    #[default]
    Words,
    /// Words, but not the whole of an identifier that is named beside them. The score is at most [`OTHER_IDENTIFIER`].
    OtherIdentifier,
    /// All words, in order. The score is at least [`WHOLE_QUESTION`], however many texts hold them.
    Whole,
}

/// The scores of hits, best hit first. They are above 0, below 1, and never rise.
pub fn scores(hits: &[Signs]) -> Vec<f64> {
    let greatest = hits.iter().map(|hit| hit.order).fold(f64::MIN_POSITIVE, f64::max);
    let probability = |(i, hit): (usize, &Signs)| {
        let behind = hits.get(i + BEHIND).map_or(0.0, |other| other.order);
        let lead = ((hit.order - behind) / greatest).max(0.0);
        hit.wording.within(probability(hit.support, hit.evidence * lead * lead.sqrt(), hit.near))
    };
    let mut scores = falling(hits.iter().enumerate().map(probability));
    // No hit scores less than one behind it.
    let whole = hits.iter().rposition(|hit| hit.wording == Wording::Whole).map_or(0, |last| last + 1);
    scores[..whole].iter_mut().for_each(|score| *score = score.max(WHOLE_QUESTION));
    scores
}

/// The falling values that are nearest to these in squares, by pooling adjacent violators (Ayer et al., "An empirical distribution
/// function for sampling with incomplete information", 1955): values that rise are replaced by their mean.
fn falling(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let (mut mean, mut size) = (value, 1);
        while let Some(&(before, count)) = pools.last().filter(|(before, _)| *before < mean) {
            mean = (before * count as f64 + mean * size as f64) / (count + size) as f64;
            size += count;
            pools.pop();
        }
        pools.push((mean, size));
    }
    pools.into_iter().flat_map(|(mean, size)| std::iter::repeat_n(mean, size)).collect()
}

fn probability(support: f64, evidence_lead: f64, near: f64) -> f64 {
    1.0 / (1.0 + (-(BASE + SUPPORT * support + EVIDENCE_LEAD * evidence_lead + NEAR * near)).exp())
}

/// The score of a record of which nothing but its vector is known.
pub fn by_vector(near: f64) -> f64 {
    probability(0.0, 0.0, near)
}

impl Wording {
    fn within(self, probability: f64) -> f64 {
        if self == Self::OtherIdentifier { probability.min(OTHER_IDENTIFIER) } else { probability }
    }
}

/// The estimated probability that any hit is relevant, from the scores of all hits, best first. The first [`ANSWER`] count.
pub fn answered(scores: impl Iterator<Item = f64>) -> f64 {
    1.0 - scores.take(ANSWER).map(|score| 1.0 - score).product::<f64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hit(order: f64, evidence: f64, wording: Wording) -> Signs {
        Signs { order, evidence, support: 0.5, near: 0.0, wording }
    }

    #[test]
    fn a_hit_that_stands_out_scores_high_and_one_of_many_low() {
        let alone = scores(&[hit(2.0, 1.2, Wording::Words)]);
        let one_of_many = scores(&[hit(2.0, 1.2, Wording::Words); 20]);
        assert!(alone[0] > 0.9 && one_of_many[0] < 0.35, "{alone:?} {one_of_many:?}");
        let chance = scores(&[hit(2.0, 0.2, Wording::Words)]);
        assert!(chance[0] < 0.3, "{chance:?}");
    }

    #[test]
    fn the_whole_question_stays_relevant_however_many_hold_it() {
        let many = scores(&[hit(2.0, 1.2, Wording::Whole); 20]);
        assert!(many.iter().all(|score| *score >= WHOLE_QUESTION));
        let behind = scores(&[hit(2.0, 0.1, Wording::Words), hit(1.0, 1.2, Wording::Whole)]);
        assert_eq!(behind, [WHOLE_QUESTION; 2]);
    }

    #[test]
    fn another_identifier_scores_below_one_half() {
        assert_eq!(scores(&[hit(2.0, 2.0, Wording::OtherIdentifier)]), [OTHER_IDENTIFIER]);
    }

    #[test]
    fn values_that_rise_are_pooled() {
        assert_eq!(falling([0.5, 0.25, 0.75, 0.0].into_iter()), [0.5, 0.5, 0.5, 0.0]);
        assert_eq!(falling([0.5, 0.25].into_iter()), [0.5, 0.25]);
        assert!(falling(std::iter::empty()).is_empty());
    }

    #[test]
    fn more_hits_answer_more_probably() {
        assert_eq!(answered([].into_iter()), 0.0);
        assert_eq!(answered([0.5].into_iter()), 0.5);
        assert_eq!(answered([0.5, 0.5].into_iter()), 0.75);
        assert_eq!(answered([0.5; 20].into_iter()), 1.0 - 0.5f64.powi(ANSWER as i32));
    }

    proptest! {
        #[test]
        fn scores_never_rise_and_stay_between_zero_and_one(
            hits in prop::collection::vec((0f64..4.0, 0f64..2.0, 0f64..1.0, 0usize..3), 0..30),
        ) {
            let wording = [Wording::Words, Wording::Whole, Wording::OtherIdentifier];
            let hits: Vec<Signs> = hits
                .into_iter()
                .map(|(order, evidence, support, i)| Signs { order, evidence, support, near: 0.0, wording: wording[i] })
                .collect();
            let scores = scores(&hits);
            prop_assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
            prop_assert!(scores.iter().all(|score| (0.0..1.0).contains(score)));
        }
    }
}
