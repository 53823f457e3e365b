//! The signals of each candidate.

use super::collection::Collection;
use super::frequency_counter::Count;
use super::hash_ids::HashIds;
use super::passage::{Passage, Passages};
use super::query::{ParsedQuery, numbers};
use super::tuning;

/// The weights of the terms, grams and pairs of a query for these candidates.
#[derive(Debug)]
pub(super) struct Weights {
    /// For each term, its greatest weighted count in any sentence times its idf.
    pub terms: Vec<f64>,
    /// For each gram, its greatest share of a word's weight.
    pub grams: Vec<f64>,
    /// Pairs of terms that are neighbours in a sentence.
    pairs: HashIds,
}

impl Weights {
    /// `idfs` are those of the query's terms.
    pub fn new(query: &ParsedQuery, idfs: &[f64], passages: &Passages) -> Self {
        let mut weights = Self {
            terms: vec![0.0; query.terms.len()],
            grams: vec![0.0; query.grams_by_hash.len()],
            pairs: HashIds::default(),
        };
        for (sentence, weight) in query.sentences.iter().zip(sentence_weights(query, idfs, passages)) {
            for &(term, count) in &sentence.counts {
                let idf = idfs[term as usize];
                raise(&mut weights.terms[term as usize], weight * f64::from(count) * idf);
            }
            for word in &sentence.words {
                let idf: f64 = word.terms.iter().map(|&term| idfs[term as usize]).sum();
                let share = weight * idf / (word.size * word.grams.len()) as f64;
                word.grams.iter().for_each(|&gram| raise(&mut weights.grams[gram as usize], share));
            }
            for pair in sentence.sequence.windows(2).filter(|pair| pair[0] != pair[1]) {
                weights.pairs.insert(pair_hash(pair[0], pair[1]));
            }
        }
        weights
    }
}

fn raise(value: &mut f64, to: f64) {
    *value = value.max(to);
}

fn pair_hash(first: u32, second: u32) -> u64 {
    (u64::from(first) << 32 | u64::from(second)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32)
}

/// The weight of a sentence is its prior times its best coverage by any candidate: a sentence that no candidate covers must not
/// decide between them. Weights are scaled so that the heaviest is 1.
fn sentence_weights(query: &ParsedQuery, idfs: &[f64], passages: &Passages) -> Vec<f64> {
    let mut best = vec![0f64; query.sentences.len()];
    let mut covered = vec![0f64; query.sentences.len()];
    for passage in passages.iter() {
        covered.fill(0.0);
        for found in passage.terms {
            let term = found.number as usize;
            numbers(query.terms[term].sentences).for_each(|sentence| covered[sentence] += idfs[term]);
        }
        best.iter_mut().zip(&covered).for_each(|(best, &covered)| raise(best, covered));
    }
    for (best, sentence) in best.iter_mut().zip(&query.sentences) {
        let whole: f64 = sentence.counts.iter().map(|&(term, _)| idfs[term as usize]).sum();
        *best *= sentence.prior / whole;
    }
    let greatest = best.iter().copied().fold(0.0, f64::max);
    if greatest > 0.0 {
        best.iter_mut().for_each(|weight| *weight /= greatest);
    }
    best
}

/// The values of each signal, one for each candidate, not yet scaled.
#[derive(Debug)]
pub(super) struct Signals {
    pub terms: Vec<f64>,
    pub grams: Vec<f64>,
    pub rare_grams: Vec<f64>,
    pub lead: Vec<f64>,
    pub pairs: Vec<f64>,
    pub label: Vec<f64>,
}

impl Signals {
    pub fn new(weights: &Weights, passages: &Passages) -> Self {
        let values = || Vec::with_capacity(passages.len());
        let mut signals = Self {
            terms: values(),
            grams: values(),
            rare_grams: values(),
            lead: values(),
            pairs: values(),
            label: values(),
        };
        let rarities = gram_rarities(weights.grams.len(), passages);
        let mut pairs = PairCounter { weights, counted: vec![0; weights.pairs.len()], text: 0 };
        for passage in passages.iter() {
            signals.terms.push(terms(weights, passage));
            let (grams, rare_grams) = grams(weights, &rarities, passage);
            signals.grams.push(grams);
            signals.rare_grams.push(rare_grams);
            signals.lead.push(lead(weights, passage));
            signals.pairs.push(pairs.sum(passage));
            signals.label.push(label(weights, passage));
        }
        signals
    }
}

/// BM25 with weighted sentences.
fn terms(weights: &Weights, passage: Passage<'_>) -> f64 {
    let part = |found: &Count| weights.terms[found.number as usize] * passage.saturation(found.frequency);
    passage.terms.iter().map(part).sum()
}

/// BM25 of grams: with the weights of their words alone, and with weights multiplied by rarity.
fn grams(weights: &Weights, rarities: &[f64], passage: Passage<'_>) -> (f64, f64) {
    passage.grams.iter().fold((0.0, 0.0), |(plain, rare), found| {
        let gram = found.number as usize;
        let part = weights.grams[gram] * passage.saturation(found.frequency);
        (plain + part, rare + part * rarities[gram])
    })
}

/// The idf of each gram among the candidates.
fn gram_rarities(grams: usize, passages: &Passages) -> Vec<f64> {
    let mut holding = vec![0u64; grams];
    passages.iter().flat_map(|passage| passage.grams).for_each(|found| holding[found.number as usize] += 1);
    let candidates = Collection { records: passages.len() as u64, terms: 0 };
    holding.into_iter().map(|count| f64::from(candidates.idf(count))).collect()
}

/// Query terms divided by the position of their first occurrence, counted from 1.
fn lead(weights: &Weights, passage: Passage<'_>) -> f64 {
    passage.terms.iter().map(|found| weights.terms[found.number as usize] / f64::from(found.first + 1)).sum()
}

/// The query terms in the label, each counted once.
fn label(weights: &Weights, passage: Passage<'_>) -> f64 {
    let in_label = passage.terms.iter().filter(|found| found.first < passage.label);
    in_label.map(|found| weights.terms[found.number as usize]).sum()
}

/// Sums the weights of pairs of the query that are neighbours in a text, each pair once.
struct PairCounter<'a> {
    weights: &'a Weights,
    /// For each pair the last text that it was counted in.
    counted: Vec<u32>,
    text: u32,
}

impl PairCounter<'_> {
    fn sum(&mut self, passage: Passage<'_>) -> f64 {
        self.text += 1;
        let mut sum = 0.0;
        for pair in passage.hits.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            if second.position - first.position > tuning::PAIR_DISTANCE {
                continue;
            }
            let Some(number) = self.weights.pairs.find(pair_hash(first.term, second.term)) else { continue };
            if std::mem::replace(&mut self.counted[number as usize], self.text) != self.text {
                let weight = |term: u32| self.weights.terms[term as usize];
                sum += weight(first.term).min(weight(second.term));
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(query: &str, texts: &[&str]) -> (ParsedQuery, Signals) {
        let query = ParsedQuery::new(query);
        let idfs = vec![1.0; query.terms.len()];
        let passages = Passages::of(&query, texts, 5.0);
        let weights = Weights::new(&query, &idfs, &passages);
        let signals = Signals::new(&weights, &passages);
        (query, signals)
    }

    #[test]
    fn terms_saturate() {
        let (_, signals) = signals("red car", &["red cars x y z", "red red car x z", "blue x y z z"]);
        assert!(signals.terms[1] > signals.terms[0] && signals.terms[1] < 1.5 * signals.terms[0]);
        assert_eq!(signals.terms[2], 0.0);
    }

    #[test]
    fn grams_find_parts_of_words_and_rare_ones_count_more() {
        let (_, signals) = signals("versicherung hut", &["krankenversicherung", "hut", "hut", "hut"]);
        assert!(signals.grams[0] > 0.0 && signals.terms[0] == 0.0);
        assert!(signals.rare_grams[0] / signals.grams[0] > signals.rare_grams[1] / signals.grams[1]);
    }

    #[test]
    fn earlier_terms_count_more() {
        let (_, signals) = signals("car", &["car a b c", "a b c car"]);
        assert_eq!(signals.lead, [1.0, 0.25]);
    }

    #[test]
    fn pairs_keep_their_order_and_count_once() {
        let texts = ["red car, red car", "car red", "red old car", "red big old car", "red x"];
        let (_, signals) = signals("red car", &texts);
        assert_eq!(signals.pairs, [1.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn terms_in_labels_count_once() {
        let (_, signals) = signals("what did Alice say", &["Alice: yes", "yes Alice", "Alice Alice: yes"]);
        assert_eq!(signals.label, [1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_sentence_that_no_candidate_covers_weighs_little() {
        let (query, _) = signals("", &[]);
        assert!(query.terms.is_empty());
        let query = ParsedQuery::new("Alice likes tea. Write three elegant pages now.");
        let idfs = vec![1.0; query.terms.len()];
        let texts = ["Alice likes tea", "three pages"];
        let passages = Passages::of(&query, &texts, 5.0);
        let weights = sentence_weights(&query, &idfs, &passages);
        assert!(weights[0] == 1.0 && weights[1] < 0.4, "{weights:?}");
    }
}
