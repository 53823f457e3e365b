//! Speed of keeping the best of many scores.
#![allow(missing_docs)]

use agentmem::internals::TopK;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn best(criterion: &mut Criterion) {
    let scores: Vec<u32> = (0..100_000u32).map(|i| i.wrapping_mul(2_654_435_761) >> 8).collect();
    let mut group = criterion.benchmark_group("top_k");
    group.throughput(Throughput::Elements(scores.len() as u64));
    for k in [10, 100, 1000] {
        group.bench_function(format!("{k}"), |bench| {
            bench.iter(|| {
                let mut top = TopK::new(k);
                for (&score, seq) in scores.iter().zip(0..) {
                    if score >= top.threshold() {
                        top.push(score, seq);
                    }
                }
                top.into_sorted()
            });
        });
    }
}

criterion_group!(benches, best);
criterion_main!(benches);
