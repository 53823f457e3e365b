//! Fusion of what the texts and what the vectors of records say.
//!
//! A record's value is `known * order + weight * max(0, z)^2`. `order` is its lexical order over the greatest, 0 for a record
//! that was not found by its text. `known` says how much the texts know about the query, from the evidence in the best hits. `z`
//! is the distance of the record's cosine from the mean of all visible records, in deviations: embedders differ in what
//! cosines they give to unrelated texts. The less the embedder likes the hits that the texts prove, the less its `weight`: it
//! may not know the language.

use std::collections::{HashMap, HashSet};

use super::Scored;
use super::calibration::{self, Signs};
use super::tuning::fusion as tuning;
use crate::record::Seq;

/// What the texts say.
#[derive(Debug, Default)]
pub struct ByWords {
    /// The records found, best first.
    pub found: Vec<Scored>,
    /// The order of the first of them over the greatest. The rest was not ranked by the second stage.
    pub orders: Vec<f64>,
    /// What the scores of these are computed from.
    pub signs: Vec<Signs>,
    /// The greatest evidence in the best hits.
    pub evidence: f64,
}

/// What the vectors say.
#[derive(Debug, Default)]
pub struct ByVectors {
    /// The nearest records, best first, with their cosines.
    pub nearest: Vec<(Seq, f32)>,
    /// The cosines of other records that were found by their texts.
    pub others: Vec<(Seq, f32)>,
    /// The cosines of all visible records.
    pub spread: Spread,
}

/// Mean and deviation of cosines. They are added as whole numbers, so that their order does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    count: u64,
    sum: i64,
    squares: u64,
}

impl Spread {
    /// The unit of the sum.
    const ONE: f32 = (1 << 15) as f32;

    /// Takes in a cosine.
    #[inline]
    pub fn add(&mut self, cosine: f32) {
        let cosine = (cosine.clamp(-1.0, 1.0) * Self::ONE) as i64;
        self.count += 1;
        self.sum += cosine;
        self.squares += (cosine * cosine) as u64;
    }

    /// Takes in what another one did.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The distance of a cosine from the mean, in deviations; 0 if all are equal.
    pub fn z(&self, cosine: f32) -> f64 {
        let count = self.count.max(1) as f64;
        let mean = self.sum as f64 / count;
        let deviation = (self.squares as f64 / count - mean * mean).max(0.0).sqrt();
        // Equal cosines differ by rounding.
        if deviation > 1.0 { (f64::from(cosine * Self::ONE) - mean) / deviation } else { 0.0 }
    }
}

/// Fuses both, best first. Records behind the first of both kinds come last, those found by their texts before the others. Their
/// scores are computed again from what the texts and the vectors say. They never rise.
pub fn fuse(words: ByWords, vectors: &ByVectors) -> Vec<Scored> {
    let cosines: HashMap<Seq, f32> = vectors.nearest.iter().chain(&vectors.others).copied().collect();
    let z = |seq: Seq| cosines.get(&seq).map(|&cosine| vectors.spread.z(cosine));
    let known = 1.0 - (-tuning::STEEPNESS * words.evidence).exp();
    let weight = tuning::WEIGHT * (1.0 - known * (1.0 - trust(&words, z)));
    let near = |seq: Seq| z(seq).unwrap_or(0.0).max(0.0).powi(2);

    let ByWords { found: mut by_words, orders, signs, .. } = words;
    let rest_by_words = by_words.split_off(orders.len().min(by_words.len()));
    // What the first stage found of them depends on the limit.
    let nearest = |&(seq, _): &(Seq, f32)| Scored {
        seq,
        score: calibration::by_vector(near(seq)),
        explain: Vec::new(),
        passage: None,
    };
    let mut by_vectors: Vec<Scored> = vectors.nearest.iter().map(nearest).collect();
    let rest_by_vectors = by_vectors.split_off(tuning::NEAREST.min(by_vectors.len()));

    let mut seen = HashSet::new();
    let lexical = by_words.into_iter().zip(orders.into_iter().zip(signs));
    let others = by_vectors.into_iter().map(|found| (found, (0.0, Signs::default())));
    let mut fused: Vec<(Signs, Scored)> = lexical
        .chain(others)
        .filter(|(found, _)| seen.insert(found.seq))
        .map(|(found, (order, signs))| {
            let near = near(found.seq);
            (Signs { order: known * order + weight * near, near, ..signs }, found)
        })
        .collect();
    fused.sort_by(|(a, _), (b, _)| b.order.total_cmp(&a.order));
    let signs: Vec<Signs> = fused.iter().map(|(signs, _)| *signs).collect();
    let scored = |((signs, mut found), score): ((Signs, Scored), f64)| {
        // A text that equals the query has 1.
        found.score = if found.score < 1.0 { score } else { 1.0 };
        found.explain.push(("fused", signs.order));
        found
    };
    let mut all: Vec<Scored> = fused.into_iter().zip(calibration::scores(&signs)).map(scored).collect();
    let rest = rest_by_words.into_iter().chain(rest_by_vectors);
    all.extend(rest.filter(|found| seen.insert(found.seq)));

    for found in &mut all {
        if let Some(&cosine) = cosines.get(&found.seq) {
            found.explain.extend([("vector", f64::from(cosine)), ("z", vectors.spread.z(cosine))]);
        }
    }
    make_descending(&mut all);
    all
}

/// Lowers each score to the lowest of those before it.
fn make_descending(hits: &mut [Scored]) {
    let mut least = 1.0f64;
    for hit in hits {
        least = least.min(hit.score);
        hit.score = least;
    }
}

/// How far the embedder likes what the texts found, in `0..=1`: the mean distance of the first of it.
fn trust(words: &ByWords, z: impl Fn(Seq) -> Option<f64>) -> f64 {
    let leading = words.found.iter().take(words.orders.len().min(tuning::LEADING));
    let distances: Vec<f64> = leading.filter_map(|found| z(found.seq)).collect();
    if distances.is_empty() {
        return 1.0;
    }
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    (mean / tuning::TRUSTED).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(&(seq, score): &(Seq, f64)) -> Scored {
        Scored { seq, score, explain: Vec::new(), passage: None }
    }

    /// What was found by text, with its order, and what by vector.
    fn fused(words: &[(Seq, f64)], evidence: f64, cosines: &[(Seq, f32)]) -> Vec<Seq> {
        let mut spread = Spread::default();
        cosines.iter().for_each(|&(_, cosine)| spread.add(cosine));
        let orders = words.iter().map(|&(_, order)| order).collect();
        let signs = vec![Signs::default(); words.len()];
        let words = ByWords { found: words.iter().map(scored).collect(), orders, signs, evidence };
        let vectors = ByVectors { nearest: cosines.to_vec(), others: Vec::new(), spread };
        fuse(words, &vectors).iter().map(|found| found.seq).collect()
    }

    /// Cosines of 100 records, of which the first stands out, and the others do not.
    fn one_near(first: Seq) -> Vec<(Seq, f32)> {
        let others = (100..199).map(|seq| (seq, 0.1 + 0.001 * (seq % 7) as f32));
        [(first, 0.6)].into_iter().chain(others).collect()
    }

    #[test]
    fn a_vector_that_stands_out_beats_weak_evidence() {
        assert_eq!(fused(&[(1, 1.0), (2, 0.8)], 0.1, &one_near(3))[0], 3);
    }

    #[test]
    fn proven_hits_stay_first_if_the_embedder_does_not_like_them() {
        let mut cosines = one_near(3);
        cosines.extend([(1, 0.09), (2, 0.09)]);
        assert_eq!(fused(&[(1, 1.0), (2, 0.9)], 2.0, &cosines)[..2], [1, 2]);
    }

    #[test]
    fn without_vectors_the_order_is_that_of_the_words() {
        assert_eq!(fused(&[(1, 1.0), (2, 0.5), (3, 0.5)], 0.0, &[]), [1, 2, 3]);
        assert!(fused(&[], 0.0, &[]).is_empty());
    }

    #[test]
    fn what_was_not_ranked_comes_last() {
        let words = ByWords {
            found: [(1, 0.5), (2, 0.4), (3, 0.3)].iter().map(scored).collect(),
            orders: vec![1.0],
            signs: vec![Signs::default()],
            evidence: 1.0,
        };
        let vectors = ByVectors { nearest: vec![(3, 0.9), (4, 0.1)], ..ByVectors::default() };
        let found: Vec<(Seq, f64)> = fuse(words, &vectors).iter().map(|one| (one.seq, one.score)).collect();
        assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [1, 3, 4, 2]);
        assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1), "scores never rise");
    }

    #[test]
    fn the_spread_does_not_depend_on_the_order() {
        let cosines = [0.3f32, -0.2, 0.9, 0.1, 0.100_01];
        let (mut one, mut first, mut second) = (Spread::default(), Spread::default(), Spread::default());
        cosines.iter().for_each(|&cosine| one.add(cosine));
        cosines[..2].iter().rev().for_each(|&cosine| first.add(cosine));
        cosines[2..].iter().rev().for_each(|&cosine| second.add(cosine));
        second.merge(&first);
        assert_eq!(one, second);
        assert!((one.z(0.24)).abs() < 0.01 && one.z(0.9) > 1.0);
    }

    #[test]
    fn equal_cosines_have_no_distance() {
        let mut spread = Spread::default();
        (0..10).for_each(|_| spread.add(0.7));
        assert_eq!(spread.z(0.700_01), 0.0);
        assert_eq!(Spread::default().z(0.5), 0.0);
    }
}
