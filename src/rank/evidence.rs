//! Evidence: how much of the query a text contains, and the scores that follow from it.

use super::bm25::Collection;
use super::passage::{Passage, Passages};
use super::query::{ParsedQuery, QueryTerm, SentenceSet, numbers};
use super::tuning::{forms, score};

/// The evidence in each passage: the greatest value of any sentence. The value of a sentence is the product of its prior, the
/// share of it that the passage covers, and the square root of the number of matched terms. The share is computed with terms
/// weighted by idf, names more. It stays below 1 for a sentence that has only common words.
///
/// Terms that no record holds count as not covered, with their full weight. A form of such a term covers a part of it and is
/// no match. `frequencies` are the document frequencies of the query's terms.
pub(super) fn evidence(
    query: &ParsedQuery,
    collection: Collection,
    frequencies: &[u64],
    passages: &Passages,
) -> Vec<f64> {
    let context = EvidenceContext::new(query, collection, frequencies);
    let mut sums = vec![(0.0, 0); query.sentences.len()];
    passages.iter().map(|passage| context.evidence(passage, &mut sums)).collect()
}

struct EvidenceContext<'a> {
    query: &'a ParsedQuery,
    /// For each term its idf in a store with [`score::MORE_RECORDS`] more records.
    idfs: Vec<f64>,
    /// Sentences that have only particles.
    bare: SentenceSet,
    /// For each sentence its prior divided by the sum of its terms' weights.
    scales: Vec<f64>,
}

impl<'a> EvidenceContext<'a> {
    fn new(query: &'a ParsedQuery, collection: Collection, frequencies: &[u64]) -> Self {
        let larger = Collection { records: collection.records + score::MORE_RECORDS, ..collection };
        // A term that only its forms stand for counts as one that no record holds.
        let known = |(term, &df): (&QueryTerm, &u64)| if term.guessed { 0 } else { df };
        let known = query.terms.iter().zip(frequencies).map(known);
        let idfs = known.map(|df| f64::from(larger.idf(df))).collect();
        let mut context = Self { query, idfs, bare: 0, scales: Vec::new() };
        for (number, sentence) in query.sentences.iter().enumerate() {
            if sentence.counts.iter().all(|&(term, _)| query.terms[term as usize].particle) {
                context.bare |= 1 << number;
            }
            let whole: f64 = sentence.counts.iter().map(|&(term, _)| context.weight(term, number)).sum();
            context.scales.push(sentence.prior / whole.max(score::WHOLE));
        }
        context
    }

    /// The weight of a match of `term` for a sentence.
    #[inline]
    fn weight(&self, term: u32, sentence: usize) -> f64 {
        let (idf, term) = (self.idfs[term as usize], &self.query.terms[term as usize]);
        if self.bare >> sentence & 1 == 1 {
            idf
        } else if term.particle {
            0.0
        } else if term.names >> sentence & 1 == 1 {
            idf * score::NAME
        } else {
            idf
        }
    }

    fn evidence(&self, passage: Passage<'_>, sums: &mut [(f64, u32)]) -> f64 {
        sums.fill((0.0, 0));
        for found in passage.terms {
            let term = &self.query.terms[found.number as usize];
            for sentence in numbers(term.sentences) {
                let weight = self.weight(found.number, sentence);
                let (sum, matches) = &mut sums[sentence];
                if term.guessed {
                    *sum += weight * forms::PROOF;
                } else {
                    *sum += weight;
                    *matches += u32::from(weight > 0.0);
                }
            }
        }
        let of_sentence = |(&(sum, matches), scale): (&(f64, u32), &f64)| {
            sum * scale * f64::from(matches.clamp(1, score::MATCHES)).sqrt()
        };
        sums.iter().zip(&self.scales).map(of_sentence).fold(0.0, f64::max)
    }
}

/// The scores of hits from their evidence, best hit first. Scores are in `0..=1` and never rise.
///
/// A hit scores higher if the best hits show that the store knows about the subject.
pub(super) fn scores(evidence: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let top = evidence.clone().take(score::TOP).fold(0.0, f64::max);
    let mut least = f64::INFINITY;
    evidence
        .map(|own| {
            least = least.min(own.powf(1.0 - score::TOP_SHARE) * top.powf(score::TOP_SHARE));
            1.0 - (-score::STEEPNESS * least).exp()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn evidence_of(query: &str, texts: &[&str]) -> Vec<f64> {
        let query = ParsedQuery::new(query);
        let passages = Passages::of(&query, texts, 5.0);
        let collection = Collection { records: 1000, terms: 5000 };
        evidence(&query, collection, &vec![10; query.terms.len()], &passages)
    }

    #[test]
    fn more_of_the_query_is_better_evidence() {
        let found = evidence_of("red car shop", &["red car shop", "red car", "shop", "blue"]);
        assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{found:?}");
        assert!((found[0] - 3f64.sqrt()).abs() < 1e-9 && found[3] == 0.0);
    }

    #[test]
    fn names_prove_more_than_other_words() {
        let found = evidence_of("where does Alice cook", &["Alice", "cook"]);
        assert!((found[0] - 0.6).abs() < 1e-9 && (found[1] - 0.4).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_term_that_nearly_all_records_hold_is_weak_evidence() {
        let (query, collection) = (ParsedQuery::new("user"), Collection { records: 1000, terms: 5000 });
        let passages = Passages::of(&query, &["the user"], 5.0);
        let common = evidence(&query, collection, &[900], &passages)[0];
        let rare = evidence(&query, collection, &[20], &passages)[0];
        assert!(common < 0.1 && rare == 1.0, "{common} {rare}");
    }

    #[test]
    fn particles_prove_nothing_beside_words() {
        assert_eq!(evidence_of("手机的", &["的"]), [0.0]);
        assert!(evidence_of("的", &["的"])[0] > 0.0);
    }

    #[test]
    fn a_perfect_hit_scores_high_and_a_chance_match_low() {
        let perfect = scores([2.0].into_iter())[0];
        let chance = scores([0.2].into_iter())[0];
        assert!(perfect > 0.95 && chance < 0.4);
        assert_eq!(scores([0.0, 0.0].into_iter()), [0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn scores_never_rise_and_stay_between_zero_and_one(found in prop::collection::vec(0f64..2.0, 0..30)) {
            let scores = scores(found.iter().copied());
            prop_assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
            prop_assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
        }
    }
}
