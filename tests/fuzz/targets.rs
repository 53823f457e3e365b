//! What is fuzzed: each function takes any bytes, and panics when a promise is broken. `tests/fuzz.rs` runs them over
//! the inputs in `corpus/`, `fuzz_targets/` hands them to libFuzzer.

use std::fmt::Debug;
use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use agentmem::internals::{
    Analyzer, Bag, Bm25Query, Candidate, CosineQuery, Damaged, HybridQuery, Index, MAX_TERM_BYTES, Position,
    Scoring, Segment, Statistics, Texts, WeightedTerm, is_question, sentences, words,
};
use agentmem::{
    Condition, Durability, Error, Filter, IndexMode, JournalChange, Keys, OnConflict, Options, Page, Query,
    Range, Record, RecordId, Scope, Store, Value as JournalValue, Viewer,
};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// A target by its name, which is its folder's too.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 6] = [
    ("analyzer", analyzer),
    ("query", query),
    ("segment", segment),
    ("filter", filter),
    ("import", import),
    ("open", open),
];

/// Any text becomes terms that pass the full-text table's tokenizer, and no more of them than a text can have.
pub fn analyzer(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut bytes = 0;
    Analyzer::new().terms(&text, |term| {
        bytes += term.len();
        assert!(!term.is_empty() && term.len() <= MAX_TERM_BYTES, "{term:?}");
        let passes = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit() || !c.is_ascii();
        assert!(term.chars().all(passes), "{term:?}");
    });
    // NFKC makes up to 18 characters of one, identifiers and grams give a text twice or three times.
    assert!(bytes <= 64 * text.len() + 64, "{bytes} bytes of terms from {} bytes of text", text.len());
    assert!(sentences(&text).map(str::len).sum::<usize>() <= text.len());
    sentences(&text).for_each(|sentence| {
        is_question(sentence);
    });
    words(&text, |word| word.terms(|_, _| ()));
}

/// A query and up to 40 records, parted by NUL: all ways of ranking give scores in order, and the same whether the records
/// are in the tail of the index or in a segment.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\0');
    let query = parts.next().unwrap_or_default();
    let records: Vec<&str> = parts.take(40).collect();
    let small = Small::new(&records);
    let found = small.same(|index| Ok(Bm25Query::new(query, index)?.terms));
    small.top(&found, Scoring::Bm25);
    let texts = || {
        let mut texts = Texts::default();
        (1..).zip(&records).for_each(|(seq, record)| texts.read(seq, record));
        texts
    };
    let cosine = small.same(|index| Ok(CosineQuery::new(query, index)?.terms()));
    let seqs: Vec<i64> = small.top(&cosine, Scoring::Cosine).iter().map(|&(seq, _)| seq).collect();
    let scores = small.same(|index| CosineQuery::new(query, index)?.scores(&texts(), &seqs, index));
    assert!(scores.len() == seqs.len() && scores.iter().all(|score| (-1e-9..=1.0 + 1e-6).contains(score)));
    let terms = small.same(|index| Ok(HybridQuery::new(query, index)?.terms()));
    let top = small.top(&terms, Scoring::Bm25);
    let candidates: Vec<Candidate> = top.iter().map(|&(seq, bm25)| Candidate { seq, bm25 }).collect();
    let ranked = small.same(|index| HybridQuery::new(query, index)?.rank(&candidates, &texts(), index));
    assert_eq!(ranked.len(), candidates.len());
    assert!(ranked.iter().all(|hit| (0.0..=1.0).contains(&hit.score) && hit.order.is_finite()));
    assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

/// A few records, in the tail of one index and in a segment of another.
struct Small {
    tail: Index,
    segment: Index,
}

impl Small {
    fn new(records: &[&str]) -> Self {
        let of_records = || {
            let mut index = Index::default();
            for (seq, record) in (1..).zip(records) {
                index.add(seq, &Bag::of(record), Some(&[seq as f32, 1.0]));
            }
            index
        };
        let mut segment = of_records();
        if let Some(frozen) = segment.start_flush(1) {
            let bytes = frozen.write(Vec::new(), 1).expect("a list of bytes takes all");
            segment
                .install_flush(Arc::new(Segment::from_bytes(bytes).expect("just written")))
                .expect("just written");
        }
        Self { tail: of_records(), segment }
    }

    /// What both indexes say, which is the same.
    fn same<T: PartialEq + Debug>(&self, ask: impl Fn(&Index) -> Result<T, Damaged>) -> T {
        let [tail, segment] = [&self.tail, &self.segment].map(|index| ask(index).expect("sound"));
        assert_eq!(tail, segment);
        tail
    }

    fn top(&self, terms: &[WeightedTerm], scoring: Scoring) -> Vec<(i64, f32)> {
        let top = self.same(|index| index.top(terms, 100, scoring, index.collection().mean_length(), None));
        assert!(top.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        top
    }
}

/// Bytes of an index file: they are damaged, or everything about them can be read. When the first byte is odd, the
/// checksums are made right, so that what lies behind them is reached too.
pub fn segment(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let mut bytes = rest.to_vec();
    if first % 2 == 1 {
        seal(&mut bytes);
    }
    let length = bytes.len() as u64;
    let Ok(segment) = Segment::from_bytes(bytes) else { return };
    assert_eq!(segment.size(), length);
    // Whatever part is damaged says so; that it is said at all is enough.
    let _ = read_all(Arc::new(segment));
}

fn read_all(segment: Arc<Segment>) -> Result<(), Damaged> {
    let mut index = Index::new(vec![(segment, 0)])?;
    let live = index.live()?;
    let words = ["alice", "note", "email", "7", ""];
    let terms: Vec<WeightedTerm> =
        words.iter().map(|word| WeightedTerm { text: (*word).into(), weight: 1.0 }).collect();
    for scoring in [Scoring::Bm25, Scoring::Cosine] {
        let found = index.top(&terms, 10, scoring, index.collection().mean_length(), None)?;
        assert!(found.len() <= 10);
    }
    assert!(index.near(&[1.0, 1.0], 10, None, None)?.len() <= live.len());
    let vocabulary = index.vocabulary();
    index.terms_with(&["a", ""], &mut |_| {})?;
    if let Some(first) = live.first() {
        index.remove(*first..=first.saturating_add(3))?;
    }
    let merge = index.plan_full_merge();
    let merged = merge.map(|merge| merge.write(Vec::new(), 2));
    if let Some(Ok(bytes)) = merged {
        drop(Segment::from_bytes(bytes));
    }
    index.set_position(Position::default());
    vocabulary.map(drop)
}

/// Makes the checksums of a segment right, whatever is in it; its layout is in `src/index/segment.rs`.
fn seal(bytes: &mut [u8]) {
    const FOOTER: usize = 176;
    const SECTIONS: usize = 16 + 8 * 9;
    const ENTRY: usize = 24;
    let Some(footer) = bytes.len().checked_sub(FOOTER) else { return };
    bytes[footer..footer + 8].copy_from_slice(b"AGMSEG02");
    let word = |bytes: &[u8], at: usize| {
        let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk());
        chunk.map_or(0, |chunk| usize::try_from(u64::from_le_bytes(*chunk)).unwrap_or(usize::MAX))
    };
    let section = |i: usize| word(bytes, footer + SECTIONS + 8 * i);
    let (codes, first, entries) = (word(bytes, footer + 16 + 8 * 7), section(0), section(2)..section(3));
    if let Some(table) = bytes.get(entries.clone()) {
        let mut starts: Vec<usize> = table.chunks_exact(ENTRY).map(|entry| word(entry, 8)).collect();
        starts.push(codes);
        for (i, pair) in starts.windows(2).enumerate() {
            let sum = bytes.get(pair[0]..pair[1]).map_or(0, xxh3_64) as u32;
            let at = entries.start + i * ENTRY + 20;
            bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let sum = bytes.get(codes..first).map_or(0, xxh3_64);
    bytes[footer + SECTIONS - 8..footer + SECTIONS].copy_from_slice(&sum.to_le_bytes());
    let sum = bytes.get(first..footer).map_or(0, xxh3_64);
    bytes[footer + FOOTER - 16..footer + FOOTER - 8].copy_from_slice(&sum.to_le_bytes());
    let sum = xxh3_64(&bytes[footer..footer + FOOTER - 8]);
    bytes[footer + FOOTER - 8..].copy_from_slice(&sum.to_le_bytes());
}

/// A store that is filled once.
fn store(name: &str) -> Store {
    let folder = std::env::temp_dir().join(format!("agentmem-fuzz-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let mut options = Options::new(folder.join("memory.db"));
    options.durability = Durability::Normal;
    let store = Store::open(options).expect("a new store opens");
    // The file stays as long as it is open.
    drop(std::fs::remove_dir(&folder));
    store
}

const METADATA: [&str; 8] = [
    "{}",
    r#"{"year": 2024, "tags": ["rust", "db"], "a.b": null}"#,
    r#"{"year": 2024.5, "topic": "email", "nested": {"x": [1, {"y": 2}]}}"#,
    r#"{"year": -9223372036854775808, "topic": "E-Mail", "open": true}"#,
    r#"{"year": 18446744073709551615, "open": false, "": ""}"#,
    r#"{"year": "2024", "tags": "rust", "quote": "it's \"so\"; --"}"#,
    r#"{"year": null, "tags": [], "ключ": "значение"}"#,
    r#"{"$odd": 1, "year": 1e300, "topic": ""}"#,
];

static FILTERED: LazyLock<(Store, Vec<Record>)> = LazyLock::new(|| {
    let store = store("filter");
    let records: Vec<Record> = METADATA
        .iter()
        .enumerate()
        .map(|(i, metadata)| {
            let mut record = Record::new(format!("record {i}"));
            record.metadata = serde_json::from_str(metadata).expect("an object");
            record.scope = Scope::parse(["/", "/a", "/a/b"][i % 3]).expect("a scope");
            record.categories =
                [vec![], vec!["one".into()], vec!["one".into(), "t'wo".into()]][i % 3].clone();
            record
        })
        .collect();
    store.add(records.clone(), OnConflict::Fail).expect("sound records");
    (store, records)
});

/// A condition in JSON: it is refused, or SQL finds what it says of each record, and it can be written and read again.
/// In an object, `scope` and `categories` narrow the filter as well.
pub fn filter(data: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(data) else { return };
    let (store, records) = &*FILTERED;
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let scope = text("scope").and_then(|scope| Scope::parse(scope).ok());
    let categories: Vec<String> = text("categories").map(str::to_owned).into_iter().collect();
    let condition = match Condition::parse(&json) {
        Ok(condition) => condition,
        Err(Error::InvalidFilter(_)) => return,
        Err(other) => panic!("{other}"),
    };
    let again = Condition::parse(&condition.to_json()).expect("what was written can be read");
    let filter = Filter {
        condition: Some(condition.clone()),
        scope,
        categories,
        viewer: Viewer::all(),
        ..Filter::all()
    };
    let expected = |record: &&Record| {
        let metadata = record.metadata.to_map();
        assert_eq!(again.holds(&metadata), condition.holds(&metadata));
        condition.holds(&metadata)
            && filter.scope.as_ref().is_none_or(|scope| scope.contains(&record.scope))
            && (filter.categories.is_empty()
                || filter.categories.iter().any(|one| record.categories.contains(one)))
    };
    assert_eq!(
        store.count(&filter).expect("a filter that was parsed"),
        records.iter().filter(expected).count() as u64
    );
}

static IMPORTED: LazyLock<Store> = LazyLock::new(|| store("import"));

/// JSON lines: a line is refused by its number, or what was read is there, sound, and the same once more after an export.
pub fn import(data: &[u8]) {
    let store = &*IMPORTED;
    let fine = |error: &Error| {
        matches!(error, Error::InvalidRecord(_) | Error::DimensionMismatch { .. } | Error::DuplicateId(_))
    };
    let outcome = store.import(&mut Cursor::new(data), OnConflict::Skip, &mut |_, _| true);
    let all = Filter { viewer: Viewer::all(), ..Filter::all() };
    let count = store.count(&all).expect("sound");
    match outcome {
        Ok(imported) => {
            assert_eq!(imported.written, count);
            let report = store.verify(&mut |_, _| true).expect("sound");
            assert!(report.is_ok(), "{:?}", report.problems);
            let lines = export(store, &all);
            store.reset(None, false).expect("writable");
            let again = store.import(&mut Cursor::new(&lines), OnConflict::Fail, &mut |_, _| true);
            assert_eq!(again.expect("an export can be imported").written, count);
            assert_eq!(export(store, &all), lines);
        }
        Err(error) => assert!(fine(&error) && count == 0, "{error}: {count} written"),
    }
    store.reset(None, false).expect("writable");
}

fn export(store: &Store, filter: &Filter) -> Vec<u8> {
    let mut lines = Vec::new();
    store.export(&mut lines, filter, agentmem::ExportOptions::default(), &mut |_, _| true).expect("sound");
    lines
}

/// A file that may come from anybody. It is refused with the reason, and untouched if it is no store of this version. Or
/// it is used: whatever is damaged says so, and no more.
pub fn open(data: &[u8]) {
    for index in [IndexMode::Memory, IndexMode::Disk] {
        let folder = std::env::temp_dir().join(format!("agentmem-fuzz-{}-open", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        let path = folder.join("memory.db");
        std::fs::write(&path, data).expect("a temporary file");
        let opened =
            Store::open(Options { index, durability: Durability::Normal, ..Options::new(path.clone()) });
        match opened {
            Ok(store) => use_all(&store),
            Err(Error::NotAStore { .. } | Error::SchemaTooNew { .. }) => {
                assert!(std::fs::read(&path).expect("still there") == data, "the file was changed");
            }
            Err(error) => assert!(says_what_is_damaged(&error), "{error:?}"),
        }
        std::fs::remove_dir_all(&folder).expect("the store is closed");
    }
}

/// Reads everything in a store, and writes.
fn use_all(store: &Store) {
    let all = || Filter { viewer: Viewer::all(), ..Filter::all() };
    let keys = || Keys { prefix: String::new(), after: None, limit: 100, reverse: false };
    let mut lines = Vec::new();
    let outcomes = [
        store.count(&all()).map(drop),
        store.list(&all(), Page::newest(100)).map(drop),
        store.get(&[RecordId::for_lookup("note-1")], None, &Viewer::all()).map(drop),
        store.history(&RecordId::for_lookup("lives"), None, &Viewer::all()).map(drop),
        store.search(&Query { filter: all(), ..Query::new("alice uuid", 10) }).map(drop),
        store.changes(None, 100, &Viewer::all(), None).map(drop),
        store.journals("", None, 100).map(drop),
        store.read_journal("sessions/42", Range::Last(100), false).map(drop),
        store.read_journal("sessions/42", Range::Last(100), true).map(drop),
        store.journal_items("sessions/42", &keys()).map(drop),
        store.stats(None).map(drop),
        store.verify(&mut |_, _| true).map(drop),
        store.export(&mut lines, &all(), agentmem::ExportOptions::default(), &mut |_, _| true).map(drop),
        store.add(vec![Record::new("alice was here")], OnConflict::Fail).map(drop),
        store.change_journal("log", append("alice")).map(drop),
        store.delete(&Filter { scope: Scope::parse("/user").ok(), ..all() }, None).map(drop),
        store.rebuild(&mut |_, _| true).map(drop),
        store.close(),
    ];
    for outcome in outcomes {
        assert!(outcome.as_ref().err().is_none_or(says_what_is_damaged), "{outcome:?}");
    }
}

fn append(value: &str) -> JournalChange {
    JournalChange::Extend {
        values: vec![JournalValue::Json(format!("{value:?}"))],
        expires_at: None,
        if_last: None,
    }
}

/// True for damage, and for numbers that are used up: SQLite calls that full.
fn says_what_is_damaged(error: &Error) -> bool {
    match error {
        Error::Corrupt { .. } => true,
        Error::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
        _ => false,
    }
}
