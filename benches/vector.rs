//! Speed of the scan of vectors and of exact cosines.
#![allow(missing_docs)]

use std::hint::black_box;

use agentmem::internals::{Bag, Index, Nearest};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const DIMENSION: usize = 384;
const RECORDS: i64 = 100_000;

fn vector(state: &mut u64) -> Vec<f32> {
    let mut number = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..DIMENSION).map(|_| number()).collect()
}

fn scan(criterion: &mut Criterion) {
    let mut state = 7;
    let mut index = Index::default();
    for seq in 1..=RECORDS {
        index.add(seq, &Bag::default(), Some(&vector(&mut state)));
    }
    let query = vector(&mut state);
    let mut group = criterion.benchmark_group("vector");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function(format!("scan/{RECORDS}x{DIMENSION}"), |bench| {
        bench.iter(|| index.near(black_box(&query), 10, None, None));
    });
    let some: Vec<Vec<f32>> = (0..100).map(|_| vector(&mut state)).collect();
    group.throughput(Throughput::Elements(some.len() as u64));
    group.bench_function(format!("cosine/{}x{DIMENSION}", some.len()), |bench| {
        bench.iter(|| {
            let mut nearest = Nearest::new(&query, 10);
            for (seq, vector) in (0..).zip(&some) {
                nearest.push(seq, vector);
            }
            nearest.into_sorted()
        });
    });
}

criterion_group!(benches, scan);
criterion_main!(benches);
