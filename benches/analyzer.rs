//! Speed of turning text into terms.
#![allow(missing_docs)]

use std::hint::black_box;

use agentmem::internals::Analyzer;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const TEXTS: [(&str, &str); 4] = [
    (
        "english",
        "Alice: I've decided to move to Berlin in March; the flat near Tempelhof is finally available.",
    ),
    ("german", "Die Übersetzungen der Verträge lagen gestern Nachmittag schon auf dem großen Schreibtisch."),
    ("chinese", "我下个月要去北京参加一个关于数据库的会议，请帮我预订一家靠近会场的酒店。"),
    (
        "code",
        "fn parse_header(bytes: &[u8]) -> Result<HttpHeader, ParseError> { read_u32_le(bytes, 0x10)?; }",
    ),
];

fn terms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("analyzer");
    for (name, text) in TEXTS {
        let text = text.repeat(10);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bench| bench.iter(|| Analyzer::new().term_list(black_box(&text))));
    }
}

criterion_group!(benches, terms);
criterion_main!(benches);
