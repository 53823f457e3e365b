//! Speed of the second stage: a hundred candidates of about 200 bytes, read and ranked.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use agentmem::internals::{
    Bag, CANDIDATES, Candidate, CosineQuery, HybridQuery, Index, Scoring, Segment, Statistics, Texts,
};
use criterion::{Criterion, criterion_group, criterion_main};

const RECORDS: usize = 20_000;

/// Words by Zipf's law, always the same ones.
struct Writer {
    state: u64,
    words: Vec<String>,
}

impl Writer {
    fn new(letters: &str, lengths: std::ops::Range<usize>) -> Self {
        let mut writer = Self { state: 7, words: Vec::new() };
        let letters: Vec<char> = letters.chars().collect();
        writer.words = (0..30_000)
            .map(|_| {
                let length = lengths.start + writer.number(lengths.len());
                (0..length).map(|_| letters[writer.number(letters.len())]).collect()
            })
            .collect();
        writer
    }

    fn number(&mut self, below: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % below
    }

    fn text(&mut self, words: usize) -> String {
        let mut text = String::new();
        for _ in 0..words {
            let place = (self.words.len() as f64).powf(self.number(10_000) as f64 / 10_000.0) as usize - 1;
            text.push_str(&self.words[place]);
            text.push(' ');
        }
        text
    }
}

struct Store {
    index: Index,
    texts: Vec<String>,
}

impl Store {
    fn new(writer: &mut Writer) -> Self {
        let mut store = Self { index: Index::default(), texts: Vec::new() };
        for seq in 1..=RECORDS {
            let words = 15 + writer.number(40);
            let text = format!("Alice: {}", writer.text(words));
            store.index.add(seq as i64, &Bag::of(&text), None);
            store.texts.push(text);
        }
        let full = store.index.start_flush(1).unwrap();
        let segment = Segment::from_bytes(full.write(Vec::new(), 1).unwrap()).unwrap();
        store.index.install_flush(Arc::new(segment)).unwrap();
        store
    }

    fn candidates(&self, plan: &HybridQuery) -> Vec<Candidate> {
        let top = self
            .index
            .top(&plan.terms(), CANDIDATES, Scoring::Bm25, self.index.collection().mean_length(), None)
            .unwrap();
        top.into_iter().map(|(seq, bm25)| Candidate { seq, bm25 }).collect()
    }

    /// The texts of these records, read.
    fn read(&self, seqs: impl Iterator<Item = i64>) -> Texts {
        let mut texts = Texts::default();
        seqs.for_each(|seq| texts.read(seq, &self.texts[seq as usize - 1]));
        texts
    }
}

fn rank(criterion: &mut Criterion) {
    for (script, letters, lengths) in [
        ("latin", "etaoinshrdlucmfwyp", 2..10),
        ("cyrillic", "оеаинтсрвлкмдпуя", 2..10),
        ("han", "的一是不了人我在有他这中大来上国个到说们", 2..8),
    ] {
        let mut writer = Writer::new(letters, lengths);
        let store = Store::new(&mut writer);
        let mut question = |words: usize| format!("What about {}?", writer.text(words));
        for (name, query) in [
            ("short", question(7)),
            ("task", format!("{}. {} Write a report. {}.", question(20), question(10), question(20))),
        ] {
            criterion.bench_function(&format!("plan/{script}/{name}"), |bench| {
                bench.iter(|| HybridQuery::new(black_box(&query), &store.index).unwrap());
            });
            let plan = HybridQuery::new(&query, &store.index).unwrap();
            let candidates = store.candidates(&plan);
            let read = || store.read(candidates.iter().map(|candidate| candidate.seq));
            let texts = read();
            let bytes: usize = candidates
                .iter()
                .filter_map(|candidate| texts.get(candidate.seq))
                .map(|text| text.bytes)
                .sum();
            let what = format!("{script}/{name}/{}x{}", candidates.len(), bytes / candidates.len());
            criterion.bench_function(&format!("read/{what}"), |bench| bench.iter(read));
            criterion.bench_function(&format!("rank/{what}"), |bench| {
                bench.iter(|| plan.rank(black_box(&candidates), &texts, &store.index).unwrap());
            });
        }
        let query = CosineQuery::new(&question(7), &store.index).unwrap();
        let seqs: Vec<i64> = (1..=CANDIDATES as i64).collect();
        let texts = store.read(seqs.iter().copied());
        criterion.bench_function(&format!("cosine/{script}"), |bench| {
            bench.iter(|| query.scores(&texts, &seqs, &store.index).unwrap());
        });
    }
}

criterion_group!(benches, rank);
criterion_main!(benches);
