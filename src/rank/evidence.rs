//! How much of what was asked a text holds, and the score that it makes.

use super::bm25::Collection;
use super::passage::{Passage, Passages};
use super::query::{ParsedQuery, QueryTerm, SentenceSet, numbers};
use super::tuning::{forms, score};

/// The evidence in each passage: over the sentences, the greatest product of the sentence's prior, the part of it that
/// the passage covers, terms weighted by idf and names more, and the square root of the number of matched terms. Of a
/// sentence of common words alone even the whole is no more than a part.
///
/// Terms that the store has never seen count in full as not covered; finding another form covers a part of one, and is no
/// match. `frequencies` are the document frequencies of the query's terms.
pub(super) fn evidence(
    query: &ParsedQuery,
    collection: Collection,
    frequencies: &[u64],
    passages: &Passages,
) -> Vec<f64> {
    let judge = Judge::new(query, collection, frequencies);
    let mut sums = vec![(0.0, 0); query.sentences.len()];
    passages.iter().map(|passage| judge.evidence(passage, &mut sums)).collect()
}

struct Judge<'a> {
    query: &'a ParsedQuery,
    /// By term: idf, in a store with a few more records.
    idfs: Vec<f64>,
    /// Sentences that have nothing but particles.
    bare: SentenceSet,
    /// By sentence: prior over the sum of its terms' weights.
    scales: Vec<f64>,
}

impl<'a> Judge<'a> {
    fn new(query: &'a ParsedQuery, collection: Collection, frequencies: &[u64]) -> Self {
        let larger = Collection { records: collection.records + score::MORE_RECORDS, ..collection };
        // One that is found in other forms alone is as unknown as ever.
        let known = |(term, &df): (&QueryTerm, &u64)| if term.guessed { 0 } else { df };
        let known = query.terms.iter().zip(frequencies).map(known);
        let idfs = known.map(|df| f64::from(larger.idf(df))).collect();
        let mut judge = Self { query, idfs, bare: 0, scales: Vec::new() };
        for (number, sentence) in query.sentences.iter().enumerate() {
            if sentence.counts.iter().all(|&(term, _)| query.terms[term as usize].particle) {
                judge.bare |= 1 << number;
            }
            let whole: f64 = sentence.counts.iter().map(|&(term, _)| judge.weight(term, number)).sum();
            judge.scales.push(sentence.prior / whole.max(score::WHOLE));
        }
        judge
    }

    /// What finding `term` proves about a sentence.
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

/// The scores of hits, given their evidence best hit first: in `0..=1`, never rising.
///
/// A hit counts for more when the best hits prove that the store knows of the matter.
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

    fn judge(query: &str, texts: &[&str]) -> Vec<f64> {
        let query = ParsedQuery::new(query);
        let passages = Passages::of(&query, texts, 5.0);
        let collection = Collection { records: 1000, terms: 5000 };
        evidence(&query, collection, &vec![10; query.terms.len()], &passages)
    }

    #[test]
    fn more_of_the_query_is_better_evidence() {
        let found = judge("red car shop", &["red car shop", "red car", "shop", "blue"]);
        assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{found:?}");
        assert!((found[0] - 3f64.sqrt()).abs() < 1e-9 && found[3] == 0.0);
    }

    #[test]
    fn names_prove_more_than_other_words() {
        let found = judge("where does Alice cook", &["Alice", "cook"]);
        assert!((found[0] - 0.6).abs() < 1e-9 && (found[1] - 0.4).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn what_nearly_all_records_hold_proves_little() {
        let (query, collection) = (ParsedQuery::new("user"), Collection { records: 1000, terms: 5000 });
        let passages = Passages::of(&query, &["the user"], 5.0);
        let common = evidence(&query, collection, &[900], &passages)[0];
        let rare = evidence(&query, collection, &[20], &passages)[0];
        assert!(common < 0.1 && rare == 1.0, "{common} {rare}");
    }

    #[test]
    fn particles_prove_nothing_beside_words() {
        assert_eq!(judge("手机的", &["的"]), [0.0]);
        assert!(judge("的", &["的"])[0] > 0.0);
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
