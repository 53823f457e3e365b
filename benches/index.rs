//! Speed of the first stage: records of 10 to 60 words by Zipf's law, in segments as a store makes them.
//!
//! `AGENTMEM_BENCH_RECORDS=1000000 cargo bench --bench index` for another number of records.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use agentmem::internals::{Index, Scoring, Segment, Statistics, WeightedTerm};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const RECORDS: u64 = 100_000;
const SEGMENT: u64 = 32_768;
const WORDS: usize = 100_000;
/// Two fifths of a text are function words, of which no question asks.
const FUNCTION_WORDS: usize = 46;
const QUESTIONS: usize = 50;

/// Numbers of words, always the same ones.
struct Writer {
    state: u64,
    shares: Vec<f64>,
}

impl Writer {
    fn new() -> Self {
        let mut sum = 0.0;
        let shares = (1..=WORDS).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self { state: 7, shares: shares.collect() }
    }

    /// From 0 to 1.
    fn number(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as f64 / (1u64 << 53) as f64
    }

    fn word(&mut self) -> usize {
        let at = self.number() * self.shares[WORDS - 1];
        self.shares.partition_point(|&share| share < at).min(WORDS - 1)
    }

    fn record(&mut self) -> Vec<usize> {
        let words = 10 + (self.number() * 51.0) as usize;
        let mut write = || {
            if self.number() < 0.4 {
                WORDS + (FUNCTION_WORDS as f64).powf(self.number()) as usize - 1
            } else {
                self.word()
            }
        };
        (0..words).map(|_| write()).collect()
    }

    /// Different words.
    fn question(&mut self, words: usize) -> Vec<usize> {
        let mut asked = Vec::new();
        while asked.len() < words {
            let word = self.word();
            if !asked.contains(&word) {
                asked.push(word);
            }
        }
        asked
    }
}

fn fill(writer: &mut Writer, records: u64) -> Index {
    let names: Vec<String> = (0..WORDS + FUNCTION_WORDS).map(|word| format!("w{word}")).collect();
    let mut index = Index::new(Vec::new()).unwrap();
    let mut names_given = 0;
    let mut name = || {
        names_given += 1;
        names_given
    };
    let open = |bytes| Arc::new(Segment::from_bytes(bytes).unwrap());
    for seq in 1..=records {
        index.add(seq as i64, &writer.record().into_iter().map(|word| names[word].as_str()).collect(), None);
        if seq % SEGMENT == 0 || seq == records {
            let full = index.start_flush(1).unwrap();
            index.install_flush(open(full.write(Vec::new(), name()).unwrap())).unwrap();
            while let Some(merge) = index.plan_merge() {
                index.install_merge(&merge, open(merge.write(Vec::new(), name()).unwrap())).unwrap();
            }
        }
    }
    index
}

fn weigh(index: &Index, words: &[usize]) -> Vec<WeightedTerm> {
    let weigh = |word| {
        let text = format!("w{word}");
        let weight = index.collection().idf(index.document_frequency(&text).unwrap());
        WeightedTerm { text, weight }
    };
    words.iter().map(weigh).collect()
}

fn top(criterion: &mut Criterion, index: &Index, writer: &mut Writer, records: u64) {
    let rare = |writer: &mut Writer| {
        let mut words = writer.question(25);
        words.sort_unstable();
        words.split_off(22)
    };
    let kinds: [(&str, Vec<Vec<usize>>); 3] = [
        ("short", (0..QUESTIONS).map(|_| writer.question(7)).collect()),
        ("long", (0..QUESTIONS).map(|_| writer.question(53)).collect()),
        ("rare", (0..QUESTIONS).map(|_| rare(writer)).collect()),
    ];
    let mut group = criterion.benchmark_group(format!("top/{records}"));
    group.sample_size(20).throughput(Throughput::Elements(QUESTIONS as u64));
    for (kind, questions) in kinds {
        let questions: Vec<Vec<WeightedTerm>> = questions.iter().map(|words| weigh(index, words)).collect();
        for (k, scoring) in [(10, Scoring::Bm25), (100, Scoring::Bm25), (200, Scoring::Cosine)] {
            group.bench_function(format!("{kind}/{k}/{scoring:?}"), |bench| {
                bench.iter(|| {
                    for terms in &questions {
                        black_box(
                            index.top(terms, k, scoring, index.collection().mean_length(), None).unwrap(),
                        );
                    }
                });
            });
        }
    }
}

fn decode(criterion: &mut Criterion, segment: &Segment) {
    let view = segment.view().unwrap();
    let mut group = criterion.benchmark_group("postings");
    for word in ["w0", "w9", "w99"] {
        let postings = view.postings(view.terms.find(word).unwrap()).unwrap();
        group.throughput(Throughput::Elements(postings.df.into()));
        group.bench_function(word, |bench| {
            bench.iter(|| {
                let mut sum = 0u32;
                postings.for_each(|doc, tf| sum = sum.wrapping_add(doc ^ tf));
                sum
            });
        });
    }
}

fn index(criterion: &mut Criterion) {
    let asked_for = std::env::var("AGENTMEM_BENCH_RECORDS").ok().and_then(|number| number.parse().ok());
    let records = asked_for.unwrap_or(RECORDS);
    let mut writer = Writer::new();
    let index = fill(&mut writer, records);
    let all = index.plan_full_merge().unwrap().write(Vec::new(), 0).unwrap();
    decode(criterion, &Segment::from_bytes(all).unwrap());
    top(criterion, &index, &mut writer, records);
}

criterion_group!(benches, index);
criterion_main!(benches);
