//! The store as its callers see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicBool, Ordering};

use agentmem::{
    Error, ExportOptions, Filter, IndexMode, Mode, OnConflict, Options, Page, Query, Record, Store,
};
use tempfile::TempDir;

fn options(folder: &TempDir) -> Options {
    Options::new(folder.path().join("memory.db"))
}

fn open(folder: &TempDir) -> Store {
    Store::open(options(folder)).unwrap()
}

fn add(store: &Store, contents: &[&str]) {
    store.add(contents.iter().map(|&content| Record::new(content)).collect(), OnConflict::Fail).unwrap();
}

fn find(store: &Store, mode: Mode, text: &str) -> Vec<String> {
    let hits = store.search(&Query { mode, ..Query::new(text, 10) }).unwrap();
    hits.into_iter().map(|hit| hit.record.content).collect()
}

fn sound(store: &Store) {
    assert_eq!(store.verify(&mut |_, _| true).unwrap().problems, Vec::<String>::new());
}

/// Many records of few words: `n` of them hold `word{n}`.
fn fill(store: &Store, records: usize) {
    let record = |i: usize| Record::new(format!("common note{i} group{} of things", i % 100));
    store.add((0..records).map(record).collect(), OnConflict::Fail).unwrap();
}

#[test]
fn what_was_added_is_found_in_each_mode_and_after_reopening() {
    let folder = TempDir::new().unwrap();
    for index in [IndexMode::Memory, IndexMode::Disk] {
        let store = Store::open(Options { index, ..options(&folder) }).unwrap();
        if store.count(&Filter::all()).unwrap() == 0 {
            add(&store, &["Alice prefers email over phone.", "The deploy failed on Friday", "喜欢吃苹果"]);
        }
        for mode in [Mode::Hybrid, Mode::Bm25, Mode::Tfidf] {
            assert_eq!(find(&store, mode, "how do I reach alice?"), ["Alice prefers email over phone."]);
            assert_eq!(find(&store, mode, "苹果"), ["喜欢吃苹果"]);
            assert!(find(&store, mode, "zebra").is_empty());
        }
        sound(&store);
    }
}

#[test]
fn another_handle_sees_adds_updates_and_deletes_at_once() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (open(&folder), open(&folder));
    let id = one.add(vec![Record::new("red apples")], OnConflict::Fail).unwrap().remove(0);
    assert_eq!(find(&other, Mode::Hybrid, "apples"), ["red apples"]);
    let changes = agentmem::Fields { content: Some("green pears".into()), ..Default::default() };
    other.update(&id, changes, None).unwrap();
    assert!(find(&one, Mode::Hybrid, "apples").is_empty());
    assert_eq!(find(&one, Mode::Hybrid, "pear"), ["green pears"]);
    one.delete(&Filter { ids: Some(vec![id]), ..Filter::default() }, None).unwrap();
    assert!(find(&other, Mode::Hybrid, "pear").is_empty());
    sound(&one);
}

#[test]
fn large_writes_are_found_by_the_next_search() {
    let folder = TempDir::new().unwrap();
    let (store, other) = (open(&folder), open(&folder));
    for round in 0..20 {
        let record = |i: usize| Record::new(format!("round{round} note{i}"));
        store.add((0..400).map(record).collect(), OnConflict::Fail).unwrap();
        let reader = if round % 2 == 0 { &store } else { &other };
        assert_eq!(find(reader, Mode::Bm25, "note399").len(), (round + 1).min(10));
        assert_eq!(
            find(reader, Mode::Bm25, &format!("round{round} note7"))[0],
            format!("round{round} note7")
        );
    }
    sound(&store);
}

#[test]
fn a_store_may_be_closed_while_the_index_follows() {
    let folder = TempDir::new().unwrap();
    for round in 1..=5 {
        let store = open(&folder);
        fill(&store, 2_000);
        store.close().unwrap();
        drop(store);
        let store = open(&folder);
        assert_eq!(store.count(&Filter::all()).unwrap(), round * 2_000);
        assert_eq!(find(&store, Mode::Bm25, "note1999").len() as u64, round);
        sound(&store);
    }
}

#[test]
fn a_large_store_is_opened_from_its_snapshot() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    fill(&store, 6_000);
    store.close().unwrap();
    assert!(matches!(store.search(&Query::new("x", 1)), Err(Error::Closed(_))));
    drop(store);
    let store = open(&folder);
    let stats = store.stats(None).unwrap();
    assert_eq!((stats.segments, stats.memtable_records, stats.records), (1, 0, 6_000));
    assert!(stats.mapped_bytes > 0 && stats.index_disk_bytes == stats.mapped_bytes);
    assert_eq!(find(&store, Mode::Bm25, "note4321")[0], "common note4321 group21 of things");
    sound(&store);
}

#[test]
fn a_damaged_or_missing_snapshot_is_rebuilt() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    fill(&store, 5_000);
    drop(store);
    let file = || {
        let index = folder.path().join("memory.db-index");
        let files = std::fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
        files.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap()
    };
    for at in [0.1, 0.5, 0.9, 0.999] {
        let mut bytes = std::fs::read(file()).unwrap();
        let at = (bytes.len() as f64 * at) as usize;
        bytes[at] ^= 1;
        std::fs::write(file(), bytes).unwrap();
        let store = open(&folder);
        assert_eq!(find(&store, Mode::Bm25, "note777").len(), 1);
        assert_eq!(find(&store, Mode::Bm25, "group7 common things").len(), 10);
        sound(&store);
        assert_eq!(store.stats(None).unwrap().invalidated, 1);
        drop(store);
        let stats = open(&folder).stats(None).unwrap();
        assert_eq!((stats.segments, stats.invalidated), (1, 0), "the new file is valid");
    }
    std::fs::remove_file(file()).unwrap();
    let store = open(&folder);
    assert_eq!(find(&store, Mode::Bm25, "note777").len(), 1);
    sound(&store);
}

#[test]
fn an_index_that_grows_in_many_parts_stays_sound() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    for _ in 0..5 {
        fill(&store, 40_000);
        let some = store.list(&Filter::default(), Page { offset: 1000, ..Page::newest(500) }).unwrap();
        store
            .delete(
                &Filter { ids: Some(some.into_iter().map(|r| r.id).collect()), ..Filter::default() },
                None,
            )
            .unwrap();
    }
    assert_eq!(find(&store, Mode::Bm25, "note20001").len(), 5);
    sound(&store);
    store.close().unwrap();
    let store = open(&folder);
    assert!(store.stats(None).unwrap().segments > 0);
    assert_eq!(find(&store, Mode::Bm25, "note20001").len(), 5);
    sound(&store);
}

#[test]
fn export_and_import_give_the_same_records() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (from, to) = (open(&from), open(&to));
    add(&from, &["one", "two\nlines", "drei \u{1F600}"]);
    let mut lines = Vec::new();
    assert_eq!(
        from.export(&mut lines, &Filter::all(), ExportOptions::default(), &mut |_, _| true).unwrap(),
        3
    );
    for (written, skipped) in [(3, 0), (0, 3)] {
        let imported = to.import(&mut lines.as_slice(), OnConflict::Skip, &mut |_, _| true).unwrap();
        assert_eq!((imported.written, imported.skipped), (written, skipped));
    }
    assert_eq!(
        to.list(&Filter::all(), Page::newest(9)).unwrap(),
        from.list(&Filter::all(), Page::newest(9)).unwrap()
    );
}

#[test]
fn delete_needs_a_filter_and_reset_does_not() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    add(&store, &["one", "two"]);
    assert!(matches!(store.delete(&Filter::default(), None), Err(Error::InvalidFilter(_))));
    assert_eq!(store.delete(&Filter { ids: Some(vec![]), ..Filter::default() }, None).unwrap(), 0);
    assert_eq!(store.reset(None, false).unwrap(), 2);
    assert!(find(&store, Mode::Hybrid, "one").is_empty());
    add(&store, &["one more"]);
    assert_eq!(find(&store, Mode::Hybrid, "one"), ["one more"]);
    sound(&store);
}

#[test]
fn a_vector_of_another_dimension_may_take_the_place_of_the_only_one() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let id = Record::new("x").id;
    for vector in [vec![1.0, 0.0], vec![1.0, 0.0, 0.0]] {
        let record = Record { id: id.clone(), embedding: Some(vector.clone()), ..Record::new("x") };
        store.add(vec![record], OnConflict::Replace).unwrap();
        let query = Query { mode: Mode::Vector, vector: Some(vector), ..Query::new("", 10) };
        assert_eq!(store.search(&query).unwrap().len(), 1);
    }
    sound(&store);
}

/// While the index is made anew, a search finds what it found before.
#[test]
fn a_search_never_sees_half_of_an_index() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    fill(&store, 300);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let query = Query { mode: Mode::Bm25, ..Query::new("common", 1000) };
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(store.search(&query).unwrap().len(), 300);
                }
            });
        }
        for _ in 0..60 {
            store.rebuild(&mut |_, _| true).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_rebuild_returns_the_space_of_deleted_records_while_the_store_is_open() {
    let folder = TempDir::new().unwrap();
    let (store, other) = (open(&folder), open(&folder));
    fill(&store, 20_000);
    let all = store.list(&Filter::all(), Page::newest(19_000)).unwrap();
    let ids = Some(all.into_iter().map(|record| record.id).collect());
    store.delete(&Filter { ids, ..Filter::all() }, None).unwrap();
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
    let before = size("memory.db") + size("memory.db-wal");
    store.rebuild(&mut |_, _| true).unwrap();
    assert!(size("memory.db") < before / 5, "{} of {before} bytes", size("memory.db"));
    assert_eq!(size("memory.db-wal"), 0);
    sound(&other);
}

/// One thread opens connections for all stores of a process.
#[cfg(target_os = "linux")]
#[test]
fn idle_stores_have_no_threads_of_their_own() {
    let folders: Vec<_> = (0..5).map(|_| TempDir::new().unwrap()).collect();
    let stores: Vec<_> = folders.iter().map(open).collect();
    stores.iter().for_each(|store| add(store, &["one"]));
    let names = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |thread: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(thread.unwrap().path().join("comm"))
    };
    let threads =
        names.filter_map(|thread| name(thread).ok()).filter(|name| name.starts_with("r2d2")).count();
    // Another one may be ending, if the stores of another test were the last before these.
    assert!(threads <= 2, "{threads} threads");
}

#[test]
fn ctrl_c_is_heard_within_statements() {
    thread_local! {
        static AT: std::cell::Cell<Option<std::time::Instant>> = const { std::cell::Cell::new(None) };
    }
    agentmem::listen_for_interrupts(|| AT.get().is_some_and(|at| at <= std::time::Instant::now()));
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    fill(&store, 40_000);
    // Progress is never stopped: it is the statements that hear.
    for work in [
        |store: &Store| store.verify(&mut |_, _| true).map(drop),
        |store: &Store| store.rebuild(&mut |_, _| true).map(drop),
    ] {
        AT.set(Some(std::time::Instant::now()));
        let start = std::time::Instant::now();
        let outcome = work(&store);
        assert!(matches!(outcome, Err(Error::Interrupted { .. })), "{outcome:?}");
        assert!(start.elapsed().as_secs_f64() < 1.0, "{:?}", start.elapsed());
        AT.set(None);
    }
    sound(&store);
}
