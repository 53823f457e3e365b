//! The default ranking. Its second stage reads the candidates of the index and computes more signals than BM25.
//!
//! 1. [`HybridQuery::new`] parses a query into sentences, terms and word grams, and finds other forms of its terms in the
//!    store.
//! 2. [`HybridQuery::terms`] weighs the terms for the first stage, which finds [`CANDIDATES`](super::tuning::CANDIDATES).
//! 3. [`HybridQuery::rank`] weighs each sentence by how well the candidates cover it, sorts the candidates by the weighted
//!    sum of seven signals, and estimates from the evidence in each how probably it is relevant.

mod ranked;
mod second_stage;

pub use ranked::{Candidate, Ranked};

use super::Statistics;
use super::collection::Collection;
use super::form::Form;
use super::forms::forms;
use super::query::{ParsedQuery, QueryTerm};
use super::texts::identity;
use super::tuning;
use super::weighted_term::{WeightedTerm, heaviest};
use super::writings::add_writings;
use crate::text::{both_ends, rarity};

/// A query of the mode "hybrid" for one store.
#[derive(Debug)]
pub struct HybridQuery {
    text: String,
    query: ParsedQuery,
    identity: u64,
    collection: Collection,
    /// Other writings of its terms.
    writings: Vec<Form>,
    /// Other forms of its terms.
    forms: Vec<Form>,
    /// For each term of the query, how many records hold it or one of its forms.
    frequencies: Vec<u64>,
    /// The idf of each term; less if no record holds the term itself.
    idfs: Vec<f64>,
}

impl HybridQuery {
    /// Analyzes a query of any length in bounded time.
    ///
    /// # Errors
    /// The statistics cannot be read.
    pub fn new<S: Statistics>(text: &str, statistics: &S) -> Result<Self, S::Error> {
        let (mut query, collection) = (ParsedQuery::new(text), statistics.collection());
        let texts: Vec<&str> = query.terms.iter().map(|term| &*term.text).collect();
        let mut frequencies = statistics.document_frequencies(&texts)?;
        let writings = add_writings(&mut query, &mut frequencies, statistics)?;
        let mut forms = forms(&query, &frequencies, statistics)?;
        forms.retain(|form| query.add_form(form));
        for form in &forms {
            for number in form.terms.iter().map(|&number| number as usize) {
                query.terms[number].guessed |= frequencies[number] == 0;
                frequencies[number] += form.frequency;
            }
        }
        let idf = |(term, &df): (&QueryTerm, &u64)| {
            term.worth() * f64::from(collection.smoothed_idf(df, rarity(&term.text)))
        };
        let idfs = query.terms.iter().zip(&frequencies).map(idf).collect();
        let own_text = both_ends(text, tuning::MAX_QUERY_BYTES).into_owned();
        Ok(Self {
            text: own_text,
            query,
            identity: identity(text),
            collection,
            writings,
            forms,
            frequencies,
            idfs,
        })
    }

    /// Whether the term with this hash is in the query.
    pub(super) fn asks_for(&self, hash: u64) -> bool {
        self.query.terms_by_hash.find(hash).is_some()
    }

    /// The weight of each term in the first stage: its idf times its weighted count in the sentence that asks most for it.
    fn weights(&self) -> Vec<f64> {
        let mut weights = vec![0f64; self.query.terms.len()];
        for sentence in &self.query.sentences {
            for &(term, count) in &sentence.counts {
                let weight = &mut weights[term as usize];
                *weight = weight.max(sentence.prior * f64::from(count));
            }
        }
        weights.iter_mut().zip(&self.idfs).for_each(|(weight, idf)| *weight *= idf);
        weights
    }

    /// The terms for the first stage. Empty if there is nothing to search for.
    pub fn terms(&self) -> Vec<WeightedTerm> {
        let weights = self.weights();
        let term = |(number, term): (usize, &QueryTerm)| (term.text.clone(), weights[number], number);
        let terms = self.query.terms.iter().enumerate().map(term);
        // A form of several terms has all of them.
        let form = |form: &Form, factor: f64| {
            let weight: f64 = form.numbers().iter().map(|&number| weights[number]).sum();
            (form.text.clone(), factor * weight, form.terms[0] as usize)
        };
        let writings = self.writings.iter().map(|one| form(one, tuning::writings::WEIGHT));
        let forms = self.forms.iter().map(|one| form(one, 1.0));
        let weighted = |(text, weight, number): (String, f64, usize)| {
            (WeightedTerm { text, weight: weight as f32 }, self.frequencies[number])
        };
        heaviest(terms.chain(writings).chain(forms).map(weighted))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::rank::Texts;
    use crate::rank::fake_statistics::FakeStatistics;
    use crate::record::Seq;

    fn hybrid(query: &str, statistics: &FakeStatistics) -> HybridQuery {
        let Ok(query) = HybridQuery::new(query, statistics);
        query
    }

    fn rank(query: &str, texts: &[&str]) -> Vec<Ranked> {
        let candidates: Vec<Candidate> =
            (0..texts.len() as Seq).map(|seq| Candidate { seq, bm25: 1.0 }).collect();
        let store = FakeStatistics::of_texts(texts);
        let Ok(ranked) = hybrid(query, &store).rank(&candidates, &Texts::of(texts), &store);
        ranked
    }

    fn terms(query: &str) -> Vec<String> {
        hybrid(query, &FakeStatistics::of_texts(&TEXTS)).terms().into_iter().map(|term| term.text).collect()
    }

    const TEXTS: [&str; 6] = [
        "Alice prefers email over phone.",
        "The staging database is Postgres 15 on host db-7.",
        "Deployments happen every Tuesday after standup.",
        "Bob is allergic to peanuts.",
        "The customer Acme renewed its contract until 2027.",
        "We decided to use Rust for the indexer.",
    ];

    #[test]
    fn the_record_that_answers_is_first_and_relevant() {
        let table = [
            ("how do I reach Alice by phone?", 0),
            ("which database do we run on staging?", 1),
            ("when do we deploy?", 2),
            ("What food is Bob allergic to?", 3),
            ("Research the customer Acme and its contract. Use the memory tool. Write a report.", 4),
            ("indexers", 5),
        ];
        for (query, answer) in table {
            let ranked = rank(query, &TEXTS);
            assert_eq!(ranked[0].seq, answer, "{query}");
            assert!(ranked[0].score >= 0.6 && ranked[1].score < 0.6, "{query}: {ranked:?}");
        }
    }

    #[test]
    fn questions_about_something_else_score_low() {
        for query in ["how is the weather in Paris?", "Who won the football match?", "zzz", ""] {
            assert!(rank(query, &TEXTS).iter().all(|hit| hit.score < 0.3), "{query}");
        }
    }

    #[test]
    fn explanations_add_up() {
        let ranked = rank("when do we deploy on Tuesday?", &TEXTS);
        for hit in &ranked {
            let sum: f64 = hit.explain[3..].iter().map(|(_, value)| value).sum();
            assert!((sum - hit.order).abs() < 1e-9);
        }
        let names: Vec<&str> = ranked[0].explain.iter().map(|(name, _)| *name).collect();
        let signals = ["terms", "grams", "rare_grams", "lead", "pairs", "label", "feedback"];
        let expected: Vec<&str> = ["bm25", "evidence", "coverage"].into_iter().chain(signals).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_first_stage_looks_for_what_counts() {
        let expected = ["eat", "bob", "peanut", "summar"];
        assert_eq!(terms("Does Bob eat peanuts? Summarize peanuts."), expected);
        assert!(terms("?").is_empty());
        let words: String = (0..2000).map(|n| format!("w{n}abc ")).collect();
        let store = FakeStatistics::of_texts(&[&words]);
        assert_eq!(hybrid(&words, &store).terms().len(), tuning::MAX_TERMS);
        assert_eq!(terms(&format!("{words} Do peanuts matter?")), ["peanut"], "the others are in no text");
    }

    #[test]
    fn what_was_not_read_is_empty() {
        let store = FakeStatistics::of_texts(&TEXTS);
        let candidates = [9, 3].map(|seq| Candidate { seq, bm25: 1.0 });
        let Ok(ranked) = hybrid("peanuts", &store).rank(&candidates, &Texts::of(&TEXTS), &store);
        assert_eq!((ranked[0].seq, ranked[1].order), (3, 0.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_ranked(
            query in "(\\PC|[a-c ?.:A-C]){0,40}",
            texts in prop::collection::vec("(\\PC|[a-c .:A-C上手한글]){0,40}", 0..12),
        ) {
            let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
            let ranked = rank(&query, &texts);
            prop_assert_eq!(ranked.clone(), rank(&query, &texts));
            let mut seqs: Vec<Seq> = ranked.iter().map(|hit| hit.seq).collect();
            seqs.sort_unstable();
            prop_assert_eq!(seqs, (0..texts.len() as Seq).collect::<Vec<_>>());
            prop_assert!(ranked.iter().all(|hit| (0.0..=1.0).contains(&hit.score) && hit.order.is_finite()));
            prop_assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
            prop_assert!(ranked.windows(2).all(|pair| pair[0].order >= pair[1].order));
        }

        #[test]
        fn the_order_of_candidates_matters_to_equals_only(
            query in "[a-d]{1,2}( [a-d]{1,2}){0,4}",
            texts in prop::collection::hash_set("[a-d]{1,2}( [a-d]{1,2}){0,6}", 1..8),
        ) {
            let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
            let reversed: Vec<&str> = texts.iter().rev().copied().collect();
            let by_text = |texts: &[&str]| -> HashMap<String, f64> {
                rank(&query, texts).iter().map(|hit| (texts[hit.seq as usize].to_owned(), hit.order)).collect()
            };
            // The feedback takes all of so few candidates for relevant, so no tie decides which.
            let (one, other) = (by_text(&texts), by_text(&reversed));
            for (text, order) in &one {
                prop_assert!((order - other[text]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_text_that_equals_the_query_comes_first() {
        let texts = ["alpha beta", "alpha beta alpha beta", "alpha beta gamma", "beta alpha", "alpha"];
        for (seq, text) in (0..).zip(texts) {
            let found = rank(&format!(" {text}\n"), &texts);
            assert_eq!((found[0].seq, found[0].score), (seq, 1.0), "{text}");
            assert!(found[1].score < 1.0);
        }
    }

    #[test]
    fn a_word_that_no_record_holds_is_understood_by_its_forms() {
        for (query, best) in
            [("alergic", 3), ("stagging databse", 1), ("Deployments", 2), ("customr acme", 4)]
        {
            let found = rank(query, &TEXTS);
            assert_eq!(found[0].seq, best, "{query}");
            assert!(found[0].score > 0.3, "{query}: {}", found[0].score);
        }
        assert!(rank("allergic", &TEXTS)[0].score > rank("alergic", &TEXTS)[0].score);
    }
}
