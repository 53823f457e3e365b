//! The inverted index against a slow, obvious model, over random histories of adds, removals, flushes and merges.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Allowed, Index, Scoring, Segment};
use crate::rank::Collection;
use crate::rank::bm25::saturation;
use crate::rank::{Statistics, WeightedTerm};
use crate::record::Seq;

/// Records as lists of terms; everything is computed from scratch.
#[derive(Default)]
struct Model(BTreeMap<Seq, Vec<String>>);

impl Model {
    fn collection(&self) -> Collection {
        Collection {
            records: self.0.values().filter(|terms| !terms.is_empty()).count() as u64,
            terms: self.0.values().map(|terms| terms.len() as u64).sum(),
        }
    }

    fn df(&self, term: &str) -> u64 {
        self.0.values().filter(|terms| terms.iter().any(|held| held == term)).count() as u64
    }

    fn scores(&self, query: &[WeightedTerm], scoring: Scoring) -> BTreeMap<Seq, f64> {
        let mean = self.collection().mean_length();
        let mut scores = BTreeMap::new();
        for (&seq, terms) in &self.0 {
            let tf = |term: &str| terms.iter().filter(|held| *held == term).count() as u32;
            let mut distinct: Vec<&String> = terms.iter().collect();
            distinct.sort();
            distinct.dedup();
            let sublinear = |tf: u32| 1.0 + f64::from(tf).ln();
            let norm = distinct.iter().map(|term| sublinear(tf(term)).powi(2)).sum::<f64>().sqrt();
            let score: f64 = query
                .iter()
                .filter(|term| tf(&term.text) > 0)
                .map(|term| {
                    let part = match scoring {
                        Scoring::Bm25 => f64::from(saturation(tf(&term.text), terms.len() as u32, mean)),
                        Scoring::Cosine => sublinear(tf(&term.text)) / norm,
                    };
                    f64::from(term.weight) * part
                })
                .sum();
            if score > 0.0 {
                scores.insert(seq, score);
            }
        }
        scores
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<u8>),
    Remove(usize, usize),
    Flush,
    Merge,
    MergeAll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => prop::collection::vec(prop_oneof![8 => 0u8..6, 3 => 6u8..30, 1 => 30u8..250], 0..12).prop_map(Step::Add),
        3 => (any::<usize>(), 0usize..4).prop_map(|(at, span)| Step::Remove(at, span)),
        2 => Just(Step::Flush),
        1 => Just(Step::Merge),
        1 => Just(Step::MergeAll),
    ]
}

fn word(code: u8) -> String {
    format!("w{code}")
}

/// An index and its model, fed the same history.
#[derive(Default)]
struct Pair {
    index: Index,
    model: Model,
    next: Seq,
    names: u64,
}

impl Pair {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Add(codes) => {
                self.next += 1 + Seq::from(codes.first().map_or(0, |code| code % 3));
                let terms: Vec<String> = codes.into_iter().map(word).collect();
                self.index.add(self.next, &terms.iter().map(String::as_str).collect(), None);
                self.model.0.insert(self.next, terms);
            }
            Step::Remove(at, span) => {
                let first = (at % (self.next as usize + 1)) as Seq;
                let range = first..=first + span as Seq;
                self.index.remove(range.clone()).unwrap();
                self.model.0.retain(|seq, _| !range.contains(seq));
            }
            Step::Flush => {
                if let Some(flush) = self.index.start_flush(1) {
                    self.names += 1;
                    let bytes = flush.write(Vec::new(), self.names).unwrap();
                    self.index.install_flush(Arc::new(Segment::from_bytes(bytes).unwrap())).unwrap();
                }
            }
            Step::Merge | Step::MergeAll => {
                let merge = if matches!(step, Step::Merge) {
                    self.index.plan_merge()
                } else {
                    self.index.plan_full_merge()
                };
                if let Some(merge) = merge {
                    self.names += 1;
                    let bytes = merge.write(Vec::new(), self.names).unwrap();
                    self.index.install_merge(&merge, Arc::new(Segment::from_bytes(bytes).unwrap())).unwrap();
                }
            }
        }
    }

    /// Checks the statistics of those records that belong to each of these sets.
    fn check_among(&self, sets: &[&Allowed], belongs: impl Fn(&Seq) -> bool) {
        let records = self.model.0.iter().filter(|(seq, _)| belongs(seq));
        let model = Model(records.map(|(&seq, terms)| (seq, terms.clone())).collect());
        for set in sets {
            let among = self.index.among(set).unwrap();
            assert_eq!(among.collection(), model.collection());
            for text in (0..40).map(word) {
                assert_eq!(among.document_frequency(&text).unwrap(), model.df(&text), "df of {text}");
            }
        }
    }

    fn check(&self, query: &[u8], k: usize, scoring: Scoring, allowed: Option<&[Seq]>) {
        let collection = self.model.collection();
        assert_eq!(self.index.collection(), collection);
        let mut terms: Vec<WeightedTerm> = Vec::new();
        for &code in query {
            let text = word(code);
            let df = self.model.df(&text);
            assert_eq!(self.index.document_frequency(&text).unwrap(), df, "df of {text}");
            assert_eq!(self.index.document_frequencies(&["none", &text]).unwrap(), [0, df], "df of {text}");
            let mut like = Vec::new();
            self.index.terms_with(&[&text[..2], "none"], &mut |term| like.push(term.to_owned())).unwrap();
            assert!(like.iter().all(|term| term.starts_with(&text[..2])), "{like:?}");
            assert!(df == 0 || like.contains(&text), "{text} is none of {like:?}");
            if terms.iter().all(|term| term.text != text) {
                terms.push(WeightedTerm { text, weight: collection.idf(df) });
            }
        }
        let mut expected: Vec<(f64, Seq)> = self
            .model
            .scores(&terms, scoring)
            .into_iter()
            .filter(|(seq, _)| allowed.is_none_or(|allowed| allowed.contains(seq)))
            .map(|(seq, score)| (score, seq))
            .collect();
        expected.sort_by(|a, b| b.partial_cmp(a).unwrap());
        let set = allowed.map(|seqs| Allowed::only(seqs.to_vec()));
        let mean = collection.mean_length();
        let found = self.index.top(&terms, k, scoring, mean, set.as_ref()).unwrap();
        let others = |allowed: &[Seq]| (0..=self.next).filter(|seq| !allowed.contains(seq)).collect();
        let set = allowed.map(|seqs| Allowed::except(others(seqs)));
        assert_eq!(self.index.top(&terms, k, scoring, mean, set.as_ref()).unwrap(), found);
        assert_eq!(found.len(), expected.len().min(k), "{found:?} {expected:?}");
        // The index rounds vector norms to 2 %, and BM25 sums to a part in a million.
        let tolerance = if scoring == Scoring::Bm25 { 1e-5 } else { 0.025 };
        for (i, &(seq, score)) in found.iter().enumerate() {
            let truth = expected.iter().find(|&&(_, held)| held == seq).expect("a hit that should be none").0;
            assert!((f64::from(score) - truth).abs() <= tolerance * truth, "{seq}: {score} is not {truth}");
            let at_rank = expected[i].0;
            assert!(
                (at_rank - truth).abs() <= 2.0 * tolerance * at_rank,
                "rank {i}: {truth} in place of {at_rank}"
            );
            if i > 0 {
                let (before, score_before) = found[i - 1];
                assert!(
                    score_before > score || (score_before == score && before > seq),
                    "order of {found:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn finds_what_the_model_finds(
        steps in prop::collection::vec(step(), 1..120),
        query in prop::collection::vec(prop_oneof![3 => 0u8..8, 1 => 8u8..255], 0..9),
        k in 0usize..12,
        stride in 1usize..5,
    ) {
        let mut pair = Pair::default();
        for step in steps {
            pair.apply(step);
        }
        let some: Vec<Seq> = pair.model.0.keys().copied().step_by(stride).collect();
        for scoring in [Scoring::Bm25, Scoring::Cosine] {
            pair.check(&query, k, scoring, None);
            pair.check(&query, k, scoring, Some(&some));
        }
        let live: Vec<Seq> = pair.model.0.keys().copied().collect();
        prop_assert_eq!(pair.index.live().unwrap(), live);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Sets of records that are extended by newer ones, and keep what was counted, through deletions, flushes and merges.
    #[test]
    fn statistics_of_a_part_are_those_of_an_index_over_it(
        steps in prop::collection::vec((step(), any::<bool>()), 1..120),
        stride in 1i64..9,
    ) {
        let belongs = |seq: &Seq| seq % stride == 0;
        let others = |from: Seq, to: Seq| (from..=to).filter(|seq| !belongs(seq)).collect::<Vec<Seq>>();
        let (mut only, mut except) = (Allowed::only(Vec::new()), Allowed::except(Vec::new()));
        let (mut pair, mut upto) = (Pair::default(), 0);
        for (step, looks) in steps {
            pair.apply(step);
            if looks && upto < pair.next {
                let members: Vec<Seq> = (upto + 1..=pair.next).filter(belongs).collect();
                only = only.extended(&members);
                except = except.extended(&others(upto + 1, pair.next));
                upto = pair.next;
            }
            if looks {
                pair.check_among(&[&only, &except], belongs);
            }
        }
    }
}

/// Large enough for several windows, full blocks and pruning; `plenty` of dead ones.
#[test]
fn pruning_in_large_segments_loses_nothing() {
    let mut pair = Pair::default();
    let mut state = 42u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    for i in 0..30_000 {
        // A few long ones, but not in all windows.
        let length = if i > 24_000 && i % 997 == 0 { 300 } else { 3 + random(9) };
        // Low codes are common: the smaller of two draws, twice.
        let codes = (0..length).map(|_| random(250).min(random(250)).min(random(250)) as u8).collect();
        pair.apply(Step::Add(codes));
        if i % 7_000 == 6_999 {
            pair.apply(Step::Flush);
        }
        if i % 11 == 0 {
            pair.apply(Step::Remove(random(100_000) as usize, 1));
        }
        if i == 22_000 {
            pair.apply(Step::MergeAll);
        }
    }
    let part = |stride| pair.model.0.keys().copied().step_by(stride).collect::<Vec<Seq>>();
    // From several lots of documents that are looked up together, in a segment, to none; and as bits.
    let parts: Vec<Vec<Seq>> = [3, 20, 70, 301, 2_000].into_iter().map(part).collect();
    for query in
        [&[0u8, 1, 2][..], &[0, 40, 200], &[249, 248], &[5, 6, 7, 8, 9, 10, 50, 60, 70, 180, 181, 190], &[3]]
    {
        for allowed in parts.iter().map(|part| Some(part.as_slice())).chain([None]) {
            pair.check(query, 10, Scoring::Bm25, allowed);
            pair.check(query, 100, Scoring::Bm25, allowed);
            pair.check(query, 10, Scoring::Cosine, allowed);
        }
    }
}

/// More documents than the largest window has, with and without scores to exceed at the first of them.
#[test]
fn large_windows_lose_nothing() {
    let mut pair = Pair::default();
    for i in 0..110_000u32 {
        pair.apply(Step::Add(vec![
            (i % 3) as u8,
            (i % 1_009 % 7) as u8,
            3 + (i % 97) as u8,
            (i % 247) as u8,
        ]));
        if i == 90_000 {
            pair.apply(Step::Flush);
        }
    }
    for (flush, query) in [(false, &[0u8, 1, 60, 90][..]), (true, &[0, 2, 4, 6, 60, 70, 200]), (false, &[1])]
    {
        if flush {
            pair.apply(Step::Flush);
        }
        pair.check(query, 10, Scoring::Bm25, None);
        pair.check(query, 1_000, Scoring::Cosine, None);
    }
    pair.apply(Step::MergeAll);
    pair.check(&[0, 2, 4, 6, 60, 70, 200], 10, Scoring::Bm25, None);
}

/// Bounds of blocks are made for the lengths that records had when a segment was written.
#[test]
fn a_segment_of_much_shorter_records_is_not_passed_over() {
    for times in 2..20 {
        let mut pair = Pair::default();
        for i in 0..3_000u32 {
            pair.apply(Step::Add(vec![1, (i % 200) as u8]));
        }
        pair.apply(Step::Flush);
        for _ in 0..3_000 {
            pair.apply(Step::Add([2, 3].repeat(2 * times)));
        }
        let few: Vec<Seq> = pair.model.0.keys().copied().step_by(101).collect();
        for allowed in [None, Some(few.as_slice())] {
            pair.check(&[1], 10, Scoring::Bm25, allowed);
            pair.check(&[1, 2], 10, Scoring::Bm25, allowed);
        }
    }
}

#[test]
fn a_flipped_byte_is_noticed() {
    let mut pair = Pair::default();
    for i in 0..300u32 {
        pair.apply(Step::Add(vec![(i % 7) as u8, (i % 100) as u8]));
    }
    let good = pair.index.start_flush(1).unwrap().write(Vec::new(), 1).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let noticed = match Segment::from_bytes(bad) {
            Err(_) => true,
            Ok(segment) => {
                let view = segment.view().unwrap();
                (0..view.terms.len()).any(|term| view.postings(term).is_err())
            }
        };
        assert!(noticed, "byte {at} of {}", good.len());
    }
}
