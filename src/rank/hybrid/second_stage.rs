//! The second stage: ranks the candidates by their texts.

use super::HybridQuery;
use super::ranked::{Candidate, Ranked};
use crate::rank::calibration::{self, Signs, Wording};
use crate::rank::evidence::{self, Proof};
use crate::rank::feedback as rocchio;
use crate::rank::passage::Passages;
use crate::rank::scaled_signal::{ScaledSignal, order, sums};
use crate::rank::signals::{Signals, Weights};
use crate::rank::tuning::{self, feedback, weight};
use crate::rank::{Statistics, Texts, spelling};
use crate::record::Seq;

impl HybridQuery {
    /// Ranks the candidates of the first stage. They come best first; candidates with equal sums keep that order. A candidate
    /// that is not in `texts` counts as an empty text.
    ///
    /// # Errors
    /// The statistics cannot be read.
    pub fn rank<S: Statistics>(
        &self,
        candidates: &[Candidate],
        texts: &Texts,
        statistics: &S,
    ) -> Result<Vec<Ranked>, S::Error> {
        let seqs: Vec<Seq> = candidates.iter().map(|candidate| candidate.seq).collect();
        let mean_length = self.collection.mean_length();
        let passages = Passages::new(&self.query, &self.weights(), texts, &seqs, mean_length);
        let signals = self.signals(texts, &passages, statistics)?;
        let proofs = evidence::evidence(&self.query, self.collection, &self.frequencies, &passages);
        let mut sums = sums(&signals, candidates.len());
        let signs = signs(candidates, &proofs, &sums);
        lift_whole(&signs, &mut sums);
        let equals_query = |seq: Seq| texts.get(seq).is_some_and(|text| text.identity == self.identity);
        lift_equal(&seqs, equals_query, &mut sums);
        let mut by_sum = order(&sums);
        if spelling::prefer(&self.text, texts, &seqs, &by_sum, &mut sums) {
            by_sum = order(&sums);
        }
        let in_order: Vec<Signs> = by_sum.iter().map(|&i| signs[i]).collect();
        let scores = calibration::scores(&in_order);
        let ranked = |(&i, score): (&usize, f64)| Ranked {
            seq: seqs[i],
            score: if equals_query(seqs[i]) { 1.0 } else { score },
            order: sums[i],
            signs: signs[i],
            passage: passages.characters(i).map(|characters| (characters.start, characters.end)),
            explain: std::array::from_fn(|part| match part {
                0 => ("bm25", f64::from(candidates[i].bm25)),
                1 => ("evidence", proofs[i].evidence),
                2 => ("coverage", proofs[i].coverage),
                _ => (signals[part - 3].name, signals[part - 3].values[i]),
            }),
        };
        Ok(by_sum.iter().zip(scores).map(ranked).collect())
    }

    fn signals<S: Statistics>(
        &self,
        texts: &Texts,
        passages: &Passages,
        statistics: &S,
    ) -> Result<[ScaledSignal; 7], S::Error> {
        let found = Signals::new(&Weights::new(&self.query, &self.idfs, passages), passages);
        let terms = ScaledSignal::new("terms", weight::TERMS, found.terms);
        let grams = ScaledSignal::new("grams", weight::GRAMS, found.grams);
        let lead = ScaledSignal::new("lead", weight::LEAD, found.lead);
        let (grams_share, lead_share) = (feedback::GRAMS / weight::GRAMS, feedback::LEAD / weight::LEAD);
        let preliminary: Vec<f64> = (0..passages.len())
            .map(|i| terms.values[i] + grams_share * grams.values[i] + lead_share * lead.values[i])
            .collect();
        let feedback = rocchio::signal(&self.query, &self.idfs, texts, passages, &preliminary, statistics)?;
        Ok([
            terms,
            grams,
            ScaledSignal::new("rare_grams", weight::RARE_GRAMS, found.rare_grams),
            lead,
            ScaledSignal::new("pairs", weight::PAIRS, found.pairs),
            ScaledSignal::new("label", weight::LABEL * (2.0 * passages.labelled - 1.0).max(0.0), found.label),
            ScaledSignal::new("feedback", weight::FEEDBACK, feedback),
        ])
    }
}

/// What the score of each candidate is computed from.
fn signs(candidates: &[Candidate], proofs: &[Proof], sums: &[f64]) -> Vec<Signs> {
    let most = candidates.iter().map(|candidate| candidate.bm25).fold(f32::MIN_POSITIVE, f32::max);
    let sign = |((candidate, proof), &order): ((&Candidate, &Proof), &f64)| Signs {
        order,
        evidence: proof.evidence,
        support: proof.coverage * f64::from(candidate.bm25 / most),
        near: 0.0,
        wording: proof.wording,
    };
    candidates.iter().zip(proofs).zip(sums).map(sign).collect()
}

/// Raises the sums of texts that hold the whole question, all by the same, so that they come before those that do not, however
/// these are spelled.
fn lift_whole(signs: &[Signs], sums: &mut [f64]) {
    let is_whole = |signs: &Signs| signs.wording == Wording::Whole;
    let orders = |whole| signs.iter().filter(move |one| is_whole(one) == whole).map(|one| one.order);
    let (least, most) = (orders(true).fold(f64::INFINITY, f64::min), orders(false).fold(0.0, f64::max));
    let lift = (most + tuning::spelling::ACCENTS - least).max(0.0);
    let lifted = signs.iter().zip(sums).filter(|(signs, _)| is_whole(signs));
    lifted.for_each(|(_, sum)| *sum += lift);
}

/// Raises the sums of texts that equal the query above all others.
fn lift_equal(seqs: &[Seq], equals_query: impl Fn(Seq) -> bool, sums: &mut [f64]) {
    let best = sums.iter().copied().fold(0.0, f64::max);
    let lifted = seqs.iter().zip(sums).filter(|(seq, _)| equals_query(**seq));
    lifted.for_each(|(_, sum)| *sum += 1.0 + best);
}
