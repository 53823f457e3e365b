//! Writes of many at once, and the feed that lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use super::super::pool::Pool;
use super::super::transaction::Transaction;
use super::super::watcher::Watcher;
use super::super::{
    changes, embeddings, facets, fts, maintenance, meta, numbers, records, segments, selection,
};
use super::{Store, by_id, id};
use crate::backend::Watch;
use crate::backend::feed::{Added, Feed, Position};
use crate::backend::manifest::IndexFile;
use crate::backend::settings::{Durability, Settings};
use crate::backend::snapshot::Totals;
use crate::backend::write::{OnConflict, Write};
use crate::error::{Error, Result};
use crate::record::{Fields, Filter, Page, Record, Scope, Scopes, Seq, Viewer};
use crate::text::Bag;

fn open(folder: &TempDir) -> Store {
    open_with(folder.path(), Duration::from_secs(20))
}

fn open_with(folder: &Path, busy_timeout: Duration) -> Store {
    let path = folder.join("m.db");
    let settings = Settings { busy_timeout, durability: Durability::Normal, ..Settings::new(path) };
    Store::new(Pool::open(&settings).unwrap())
}

fn record(name: &str, content: &str) -> Record {
    Record { id: id(name), ..Record::new(content) }
}

impl Store {
    fn add(&self, record: Record) -> Result<Seq> {
        self.add_all([record], OnConflict::Fail).map(|outcome| outcome.seqs()[0].unwrap())
    }

    fn update(&self, name: &str, changes: Fields) -> Result<Record> {
        Ok(self.queue.write(Write::Update { id: id(name), changes })?.record().unwrap())
    }

    fn delete(&self, name: &str) -> u64 {
        self.queue.write(Write::Delete(by_id(name))).unwrap().count()
    }

    fn reset(&self) -> u64 {
        self.queue.write(Write::Reset).unwrap().count()
    }

    /// Runs `work` in a write transaction of its own.
    fn transaction<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let soon = Instant::now() + Duration::from_secs(5);
        self.pool.write(soon, |conn| {
            let transaction = Transaction::begin(conn, soon)?;
            let outcome = work(conn)?;
            transaction.commit(soon)?;
            Ok(outcome)
        })
    }

    fn get(&self, name: &str) -> Option<Record> {
        self.pool.read(|conn| records::by_id(conn, &id(name))).unwrap().map(|(_, record)| record)
    }

    fn contents(&self) -> BTreeMap<Seq, String> {
        let all = self
            .pool
            .read(|conn| selection::select(conn, &Filter::all(), Page::newest(usize::MAX), 0))
            .unwrap();
        all.into_iter().map(|(seq, record)| (seq, record.content)).collect()
    }

    /// Rows, full text, totals and SQLite's own checks agree.
    fn check(&self) {
        let contents = self.contents();
        let mut rows = BTreeMap::<String, BTreeSet<Seq>>::new();
        for (seq, content) in &contents {
            for (term, _) in Bag::of(content).terms() {
                rows.entry(term.to_owned()).or_default().insert(*seq);
            }
        }
        let vocabulary = self.pool.read(fts::vocabulary).unwrap();
        let wanted: Vec<_> = rows.iter().map(|(term, seqs)| (term.clone(), seqs.len() as u64)).collect();
        assert_eq!(vocabulary, wanted);
        for (term, seqs) in &rows {
            let found = self.pool.read(|conn| fts::rows_with_term(conn, term)).unwrap();
            assert!(found.iter().eq(seqs), "{term}");
        }
        let terms = contents.values().map(|content| Bag::of(content).length()).sum();
        let records = contents.len() as u64;
        let wordless = contents.values().filter(|content| Bag::of(content).is_empty()).count() as u64;
        assert_eq!(self.pool.read(meta::totals).unwrap(), Totals { records, wordless, terms });
        assert_eq!(self.pool.read(maintenance::problems).unwrap(), Vec::<String>::new());
    }
}

/// Merges the parts of the full-text table.
fn merge(conn: &Connection) -> Result<()> {
    conn.execute("INSERT INTO records_fts(records_fts, rank) VALUES ('merge', -500)", [])?;
    Ok(())
}

/// Where a reader of the feed starts that knows nothing.
fn start(conn: &Connection) -> Result<Position> {
    Ok(Position { seq: 0, ..changes::newest(conn)? })
}

/// A reader that knows the store through its feed alone.
#[derive(Default)]
struct Follower {
    position: Position,
    contents: BTreeMap<Seq, String>,
}

impl Follower {
    fn catch_up(&mut self, store: &Store, limit: usize) {
        loop {
            let feed = store
                .pool
                .read(|conn| changes::since(conn, self.position, limit, &|_| false))
                .unwrap()
                .unwrap();
            self.contents
                .extend(feed.added.into_iter().map(|added| (added.seq, added.text.unwrap().content)));
            for range in feed.deleted {
                self.contents.retain(|seq, _| !range.contains(seq));
            }
            self.position = feed.position;
            if feed.complete {
                return;
            }
        }
    }
}

#[test]
fn a_record_comes_back_as_it_was() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let full = Record {
        scope: Scope::parse("/a/é").unwrap(),
        categories: vec!["x".into(), "\"".into()],
        metadata: serde_json::from_value(serde_json::json!({"b": 1, "a": [0.1, 1e300, "\u{0}"]})).unwrap(),
        importance: 0.0,
        source: Some("me".into()),
        private: true,
        created_at: -1,
        embedding: Some(vec![0.5, -1.0]),
        ..record("full", "Tiếng Việt 🎉")
    };
    let plain = record("plain", "x");
    for record in [full, plain] {
        store.add(record.clone()).unwrap();
        assert_eq!(store.get(&record.id.text()), Some(record));
    }
    let get = |viewer: Viewer| {
        let ids = [id("plain"), id("full"), id("none")];
        let found = store.pool.read(|conn| records::by_ids(conn, &ids, None, &viewer, 0)).unwrap();
        found.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    assert_eq!(get(Viewer::default()), [true, false, false]);
    assert_eq!(get(Viewer { source: Some("me".into()), include_private: false }), [true, true, false]);
    assert_eq!(get(Viewer::all()), [true, true, false]);
    store.check();
}

#[test]
fn metadata_nests_as_deep_as_it_can_be_read() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let nested = |depth| {
        let value = (0..depth).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
        Record {
            metadata: serde_json::from_value(serde_json::json!({ "k": value })).unwrap(),
            ..record("a", "x")
        }
    };
    assert!(nested(100).validated().is_err());
    let deepest = nested(99).validated().unwrap();
    store.add(deepest.clone()).unwrap();
    assert_eq!(store.get("a"), Some(deepest));
}

#[test]
fn adds_are_all_or_nothing() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    store.add(record("a", "one")).unwrap();
    let both = || [record("b", "two"), record("a", "three")];
    let error = store.add_all(both(), OnConflict::Fail).unwrap_err();
    assert!(matches!(error, Error::DuplicateId(id) if id == "a"));
    assert_eq!(store.get("b"), None);
    let twice = [record("c", "x"), record("c", "y")];
    assert!(matches!(store.add_all(twice, OnConflict::Replace).unwrap_err(), Error::DuplicateId(_)));
    assert_eq!(store.add_all(both(), OnConflict::Skip).unwrap().seqs(), [Some(2), None]);
    assert_eq!(store.add_all(both(), OnConflict::Replace).unwrap().seqs(), [Some(3), Some(4)]);
    assert_eq!(store.contents().into_values().collect::<Vec<_>>(), ["two", "three"]);
    store.check();
}

#[test]
fn updates_get_a_new_number() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let seq = store.add(record("a", "one word")).unwrap();
    let changes = Fields { content: Some("two".into()), importance: Some(1.0), ..Fields::default() };
    let updated = store.update("a", changes).unwrap();
    let new = *store.contents().keys().next().unwrap();
    assert!(new > seq);
    assert_eq!(store.get("a"), Some(updated));
    let missing = store.update("b", Fields::default()).unwrap_err();
    assert!(matches!(missing, Error::RecordNotFound(_)));
    let wrong = Fields { importance: Some(2.0), ..Fields::default() };
    assert!(matches!(store.update("a", wrong).unwrap_err(), Error::InvalidRecord(_)));
    let touch = Write::Touch { ids: vec![id("a"), id("b")], scope: None, at: 7, expires_at: None };
    assert_eq!(store.queue.write(touch).unwrap().count(), 1);
    assert_eq!(store.get("a").unwrap().last_accessed, 7);
    assert_eq!(store.contents().into_keys().collect::<Vec<_>>(), [new], "a touch keeps the number");
    store.check();
}

#[test]
fn vectors_have_one_length() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let with = |name: &str, vector: &[f32]| Record { embedding: Some(vector.to_vec()), ..record(name, "x") };
    store.add(with("a", &[1.0, 2.0])).unwrap();
    let error = store.add(with("b", &[1.0])).unwrap_err();
    assert!(matches!(error, Error::DimensionMismatch { expected: 2, found: 1 }));
    assert_eq!(store.get("b"), None);
    // The last vector goes, and with it the length.
    let changes = Fields { embedding: Some(Some(vec![1.0])), ..Fields::default() };
    store.update("a", changes).unwrap();
    assert_eq!(store.pool.read(embeddings::dimension).unwrap(), Some(1));
    store.reset();
    assert_eq!(store.pool.read(embeddings::dimension).unwrap(), None);
    store.check();
}

#[test]
fn reset_deletes_a_scope_or_all() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let mut follower = Follower::default();
    for (name, scope) in [("a", "/x"), ("b", "/x/y"), ("c", "/xy"), ("d", "/")] {
        let scope = Scope::parse(scope).unwrap();
        store.add(Record { scope, private: true, ..record(name, name) }).unwrap();
    }
    follower.catch_up(&store, 100);
    let scopes = || {
        store
            .pool
            .read(|conn| facets::scopes(conn, &Scopes::children(&Scope::root()), &Viewer::all(), 0))
            .unwrap()
    };
    let below = Filter { scope: Some(Scope::parse("/x").unwrap()), ..Filter::all() };
    assert_eq!(store.queue.write(Write::Delete(below)).unwrap().count(), 2);
    assert_eq!(scopes(), [Scope::parse("/xy").unwrap()]);
    store.check();
    follower.catch_up(&store, 100);
    assert_eq!(follower.contents, store.contents());
    assert_eq!(store.reset(), 2);
    assert_eq!(store.reset(), 0);
    assert!(scopes().is_empty());
    let seq = store.add(record("a", "again")).unwrap();
    assert_eq!(seq, 5, "numbers are never used twice");
    follower.catch_up(&store, 100);
    assert_eq!(follower.contents, store.contents());
    store.check();
}

#[test]
fn writers_in_many_threads_and_pools_lose_nothing() {
    const THREADS: usize = 8;
    const EACH: usize = 60;
    let folder = tempdir().unwrap();
    let stores = [open(&folder), open(&folder)];
    let mut watcher = Watcher::open(&stores[0].pool).unwrap();
    let mut follower = Follower::default();
    let running = AtomicUsize::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, running) = (&stores[thread % 2], &running);
            scope.spawn(move || {
                for number in 0..EACH {
                    let name = format!("{thread}-{number}");
                    store.add(record(&name, &format!("common word{number}"))).unwrap();
                    assert!(matches!(store.add(record(&name, "twice")).unwrap_err(), Error::DuplicateId(_)));
                    match number % 3 {
                        0 => {
                            drop(store.update(
                                &name,
                                Fields { content: Some("Changed".into()), ..Fields::default() },
                            ))
                        }
                        1 => {
                            store.delete(&name);
                        }
                        _ => {}
                    }
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while running.load(Ordering::SeqCst) > 0 {
            if watcher.moved().unwrap() {
                follower.catch_up(&stores[1], 7);
            }
        }
    });
    follower.catch_up(&stores[0], 7);
    assert_eq!(follower.contents, stores[0].contents());
    assert_eq!(follower.contents.len(), THREADS * EACH * 2 / 3);
    stores[1].check();
}

#[test]
fn a_row_that_was_fed_with_repeats_goes_without_them() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    store.add(record("a", "not to be")).unwrap();
    let repeated = "to be or not to be";
    let seq = store.add(record("b", repeated)).unwrap();
    store
        .transaction(|conn| {
            fts::delete(conn, seq, Bag::of(repeated).joined())?;
            fts::insert(conn, seq, repeated)
        })
        .unwrap();
    store.check();
    assert_eq!(store.delete("b"), 1);
    store.check();
    assert_eq!(store.pool.read(fts::vocabulary).unwrap().len(), 3);
}

#[test]
fn a_failing_job_spoils_no_other() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    store.add(record("there", "kept")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..30 {
                    let name = format!("{thread}-{number}");
                    // Written, then refused: the group must be run again without it.
                    let lost = [record(&format!("{name}-x"), "lost"), record("there", "lost")];
                    assert!(matches!(store.add_all(lost, OnConflict::Fail), Err(Error::DuplicateId(_))));
                    store.add(record(&name, "kept")).unwrap();
                }
            });
        }
    });
    assert!(store.contents().values().all(|content| content == "kept"));
    assert_eq!(store.contents().len(), 181);
    store.check();
}

#[test]
fn a_full_disk_harms_nobody() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    store.add(record("a", "one")).unwrap();
    let soon = || Instant::now() + Duration::from_secs(5);
    let pages =
        |conn: &rusqlite::Connection| conn.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0));
    let limit = |pages: i64| {
        store.pool.write(soon(), |conn| {
            Ok(conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
        })
    };
    let now = store.pool.read(|conn| Ok(pages(conn)?)).unwrap();
    limit(now + 2).unwrap();
    let big = vec!["word"; 20_000].join(" ");
    let error = store.add(record("big", &big)).unwrap_err();
    assert!(
        matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    store.check();
    limit(1_000_000).unwrap();
    store.add(record("big", &big)).unwrap();
    store.check();
}

#[test]
fn every_writer_of_a_group_gets_the_error_that_ended_it() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    store.transaction(|conn| Ok(conn.execute_batch("DROP TABLE meta")?)).unwrap();
    // No group can be finished: its totals have no table.
    let add = |thread: i32| store.add(record(&format!("{thread}"), "is rolled back"));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || add(thread))).collect();
        for thread in threads {
            let refused = thread.join().unwrap();
            assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
        }
    });
    assert!(store.contents().is_empty());
}

#[test]
fn the_feed_says_when_it_does_not_reach_back() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    for name in ["a", "b", "c"] {
        store.add(record(name, name)).unwrap();
    }
    let early = store.pool.read(start).unwrap();
    for name in ["a", "b"] {
        store.delete(name);
    }
    let newest = store.pool.read(numbers::newest_deletion).unwrap();
    store.transaction(|conn| changes::prune(conn, newest)).unwrap();
    assert_eq!(store.pool.read(|conn| changes::since(conn, early, 10, &|_| false)).unwrap(), None);
    let start = store.pool.read(start).unwrap();
    assert_eq!(start, Position { deletion: newest, ..Position::default() });
    let feed = store.pool.read(|conn| changes::since(conn, start, 10, &|_| false)).unwrap().unwrap();
    assert_eq!(feed.added.len(), 1);
    store.delete("c");
    let feed = store.pool.read(|conn| changes::since(conn, feed.position, 10, &|_| false)).unwrap().unwrap();
    assert_eq!(feed.deleted, [3..=3]);
}

#[test]
fn the_feed_reads_the_texts_that_are_not_known() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    for seq in 1..=6 {
        store.add(record(&format!("{seq}"), &format!("text {seq}"))).unwrap();
    }
    for known in [vec![], vec![6], vec![1, 2, 3, 4, 5, 6], vec![1, 3, 4], vec![2, 5, 6]] {
        for limit in 1..=7 {
            let is_known = |seq: Seq| known.contains(&seq);
            let feed = store.pool.read(|conn| changes::since(conn, Position::default(), limit, &is_known));
            let Feed { added, complete, .. } = feed.unwrap().unwrap();
            let seqs: Vec<Seq> = added.iter().map(|record| record.seq).collect();
            assert_eq!(seqs, (1..=6).take(limit).collect::<Vec<Seq>>());
            assert_eq!(complete, limit > 6);
            for Added { seq, text } in added {
                let expected = (!is_known(seq)).then(|| format!("text {seq}"));
                assert_eq!(text.map(|text| text.content), expected, "{known:?}");
            }
        }
    }
}

#[test]
fn the_manifest_is_replaced_as_a_whole() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let segment = |name: &str, first| IndexFile {
        name: name.into(),
        first,
        last: first + 9,
        deletion: 3,
        bytes: 10,
        checksum: u64::MAX - 1,
    };
    for manifest in [vec![segment("z", 1), segment("y", 11)], vec![segment("x", 1)], vec![]] {
        store.transaction(|conn| segments::replace(conn, &manifest)).unwrap();
        assert_eq!(store.pool.read(segments::read).unwrap(), manifest);
    }
}

#[test]
fn no_text_is_syntax() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    store.add(record("a", "near word or_not 日本")).unwrap();
    let rows = |term: &str| store.pool.read(|conn| fts::rows_with_term(conn, term)).unwrap();
    for term in ["near", "word", "or_not", "日本"] {
        assert_eq!(rows(term), [1], "{term}");
        assert_eq!(store.pool.read(|conn| fts::document_frequency(conn, term)).unwrap(), 1);
    }
    for term in ["", "\"", "word OR near", "wor*", "word\"", "-word", "^word", "terms:word", "(", "\u{0}"] {
        assert_eq!(rows(term), [] as [Seq; 0], "{term}");
    }
    store.transaction(merge).unwrap();
    store.check();
}

#[test]
fn a_check_does_not_trust_what_a_reader_remembers() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let problems = || store.pool.read(maintenance::problems).unwrap();
    for round in 0..40 {
        store.add(record(&format!("{round}"), &format!("common word{round}"))).unwrap();
        assert_eq!(problems(), Vec::<String>::new(), "round {round}");
    }
    store.transaction(merge).unwrap();
    assert_eq!(problems(), Vec::<String>::new());
}

#[test]
fn records_are_read_by_number_in_the_order_asked_for() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    let write = |i: i32| {
        let scope = Scope::parse(&format!("/user/{}", i % 3)).unwrap();
        let embedding = (i % 2 == 0).then(|| vec![i as f32, 1.0]);
        let seq = store.add(Record { scope, embedding, ..record(&format!("r{i}"), "text") }).unwrap();
        (seq, store.get(&format!("r{i}")).unwrap())
    };
    let mut known: Vec<(Seq, Record)> = (0..25).map(write).collect();
    known.sort_by_key(|(seq, _)| (seq * 7) % 25);
    for count in [0, 1, 9, 10, 11, 20, 25] {
        let mut asked: Vec<Seq> = known[..count].iter().map(|(seq, _)| *seq).collect();
        asked.insert(count / 2, 1_000_000);
        let found = store.pool.read(|conn| records::by_seqs(conn, &asked, true)).unwrap();
        assert_eq!(found, known[..count]);
    }
}

#[test]
fn the_feed_does_not_read_the_texts_that_its_reader_knows() {
    let folder = tempdir().unwrap();
    let store = open(&folder);
    for name in ["a", "b", "c", "d", "e"] {
        store.add(Record { embedding: Some(vec![1.0]), ..record(name, name) }).unwrap();
    }
    let known = |seq| [1, 3, 4].contains(&seq);
    let feed =
        store.pool.read(|conn| changes::since(conn, Position::default(), 10, &known)).unwrap().unwrap();
    let texts: Vec<_> = feed.added.into_iter().map(|added| added.text.map(|text| text.content)).collect();
    assert_eq!(texts, [None, Some("b".into()), None, None, Some("e".into())]);
}
