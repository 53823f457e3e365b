//! Old stores open, and nothing in them is lost.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;
use tempfile::tempdir;

use super::super::identify::APPLICATION_ID;
use super::super::migrate;
use super::super::migrations::LATEST;
use super::super::pool::Pool;
use super::super::{fts, history, ids, journals, maintenance, meta, selection};
use super::Store;
use crate::backend::migration::Status;
use crate::backend::settings::Settings;
use crate::backend::write::{OnConflict, Write};
use crate::error::Error;
use crate::journal::{Change, Range, Value};
use crate::record::{Fields, Filter, Micros, Page, Record, RecordId, Scope, Viewer};

/// In the year 2100.
const EXPIRES_AT: Micros = 4_102_444_800_000_000;

const UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store_v{version}.db"))
}

fn record(id: &str, content: &str) -> Record {
    let (created_at, updated_at, last_accessed) = (1_000_000, 1_000_000, 1_000_000);
    let id = RecordId::parse(id).unwrap();
    Record { id, created_at, updated_at, last_accessed, ..Record::new(content) }
}

/// What all fixtures hold, newest first.
fn expected() -> Vec<Record> {
    let metadata = json!({"topic": "contact", "year": 2024, "nested": {"a": [1, 2.5, null]}});
    vec![
        Record {
            scope: Scope::parse("/user/alice").unwrap(),
            categories: vec!["preference".into(), "größe \"x\"".into()],
            metadata: serde_json::from_value(metadata).unwrap(),
            importance: 0.7,
            created_at: 1_700_000_000_123_456,
            updated_at: 1_700_000_001_000_000,
            last_accessed: 1_700_000_002_000_000,
            ..record(UUID, "Alice prefers email over phone.")
        },
        record("note-1", "An id that is no UUID."),
        record(&UUID.to_uppercase(), "A UUID in capitals is another id."),
        record("0189-0a5dac96774bbcceb302099a-80-57-", "As long as a UUID, with dashes elsewhere."),
        record("ééé90a5d-ac96-774b-bcce-b302099a8057", "Nearly a UUID. 日本語のテキスト"),
        Record { created_at: -5, updated_at: -5, last_accessed: -5, ..record("old", "Before 1970.") },
    ]
}

fn make_v1(path: &Path) {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(include_str!("../../../../migrations/0001_records.sql")).unwrap();
    conn.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    conn.pragma_update(None, "user_version", 1).unwrap();
    for record in expected().iter().rev() {
        conn.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.id.text().as_ref(),
                record.scope.as_str(),
                &record.content,
                json!(record.categories).to_string(),
                record.metadata.as_json(),
                record.importance,
                record.created_at,
                record.updated_at,
                record.last_accessed,
            ),
        )
        .unwrap();
        conn.execute("INSERT INTO records_fts VALUES (?)", [&record.content]).unwrap();
    }
}

fn make_v3(path: &Path) {
    let store = Store::open(path);
    store.add_all(expected().into_iter().rev(), OnConflict::Fail).unwrap();
    let id = RecordId::parse("lives").unwrap();
    let record = Record { expires_at: Some(EXPIRES_AT), ..record("lives", "Alice lives in Paris.") };
    store.add_all([record], OnConflict::Fail).unwrap();
    let changes = Fields { created_at: Some(2_000_000), ..Fields::new("Alice lives in Rome.") };
    store.queue.write(Write::Supersede { id: id.clone(), changes }).unwrap();
    store
        .queue
        .write(Write::Touch { ids: vec![id], scope: None, at: 3_000_000, expires_at: Some(EXPIRES_AT) })
        .unwrap();
    let value = Value::Json(r#"{"n": 1}"#.into());
    let extend = Change::Extend { values: vec![value.clone()], expires_at: None, if_last: None };
    let put =
        Change::Put { key: "k".into(), value: Value::Bytes(vec![0, 255]), expires_at: None, if_number: None };
    for change in [extend, put] {
        store.queue.write(Write::Journal { name: "sessions/42".into(), change }).unwrap();
    }
}

/// What the fixture of version 3 has beside the records of the older ones.
#[test]
fn a_store_of_version_3_has_expiry_history_and_journals() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    fs::copy(fixture(3), &path).unwrap();
    let pool = Pool::open(&Settings::new(&path)).unwrap();
    let id = RecordId::parse("lives").unwrap();
    let versions = pool.read(|conn| history::visible(conn, &id, &Viewer::all(), 0)).unwrap();
    let found: Vec<_> = versions.iter().map(|version| (&*version.content, version.expires_at)).collect();
    assert_eq!(found, [("Alice lives in Paris.", None), ("Alice lives in Rome.", Some(EXPIRES_AT))]);
    let log = pool.read(|conn| journals::read::read(conn, "sessions/42", Range::Last(9), 0, false)).unwrap();
    assert_eq!(log[0].value, Value::Json(r#"{"n": 1}"#.into()));
    let map = pool.read(|conn| journals::read::get(conn, "sessions/42", &["k".into()], 0)).unwrap();
    assert_eq!(map[0].value, Value::Bytes(vec![0, 255]));
}

/// `cargo test --no-default-features --lib migrations -- --ignored` makes the fixtures. Only those of a schema
/// that was never released may be made anew.
#[test]
#[ignore = "writes into the source tree"]
fn make_fixtures() {
    for (version, make) in [(1, make_v1 as fn(&Path)), (3, make_v3)] {
        drop(fs::remove_file(fixture(version)));
        make(&fixture(version));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_version_opens_with_all_its_records() {
    for version in 1..=LATEST {
        let folder = tempdir().unwrap();
        let path = folder.path().join("m.db");
        fs::copy(fixture(version), &path).unwrap();
        let pool = Pool::open(&Settings::new(&path)).unwrap();
        let found = pool.read(|conn| selection::select(conn, &Filter::all(), Page::newest(100), 0)).unwrap();
        let mut found: Vec<_> = found.into_iter().map(|(_, record)| record).collect();
        found.retain(|record| record.id.text() != "lives");
        assert_eq!(found, expected(), "version {version}");
        let more = u64::from(version == 3);
        assert_eq!(pool.read(meta::totals).unwrap().records, expected().len() as u64 + more);
        assert_eq!(pool.read(maintenance::problems).unwrap(), Vec::<String>::new());
        for record in expected() {
            assert!(pool.read(|conn| ids::seq_of_id(conn, &record.id)).unwrap().is_some());
        }
        let analyzer: Option<u32> = pool.read(|conn| meta::get(conn, meta::ANALYZER_VERSION)).unwrap();
        assert_eq!(analyzer, Some(0), "the store is asked to fill the full text");
        let terms = pool.read(fts::vocabulary).unwrap();
        assert_eq!(terms.is_empty(), version == 1);
    }
}

#[test]
fn records_without_words_are_counted() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    fs::copy(fixture(2), &path).unwrap();
    let conn = Connection::open(&path).unwrap();
    for content in ["?!", "\u{a0}", "日本", "é", "1"] {
        let insert = "INSERT INTO records(id, scope, created_at, content) VALUES (?1, 1, 0, ?1)";
        conn.execute(insert, [content]).unwrap();
    }
    drop(conn);
    let pool = Pool::open(&Settings::new(&path)).unwrap();
    assert_eq!(pool.read(meta::totals).unwrap().wordless, 2);
}

#[test]
fn a_backup_stays_beside_a_migrated_store() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    fs::copy(fixture(1), &path).unwrap();
    fs::write(folder.path().join("m.db.v1-backup"), "mine").unwrap();
    drop(Pool::open(&Settings::new(&path)).unwrap());
    assert_eq!(names(folder.path()), ["m.db", "m.db.v1-backup", "m.db.v1-backup-2"]);
    assert_eq!(fs::read(folder.path().join("m.db.v1-backup")).unwrap(), b"mine");
    let backup = folder.path().join("m.db.v1-backup-2");
    assert_eq!(migrate::status(&backup).unwrap().current, 1);
    drop(Pool::open(&Settings::new(&path)).unwrap());
    assert_eq!(names(folder.path()).len(), 3, "nothing to migrate, nothing to back up");
}

#[test]
fn status_reads_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    let all = vec![(1, "0001_records"), (2, "0002_change_feed"), (3, "0003_life_of_a_memory")];
    let nothing = Status { current: 0, latest: LATEST, pending: all.clone() };
    assert_eq!(migrate::status(&path).unwrap(), nothing);
    assert!(names(folder.path()).is_empty());
    fs::copy(fixture(1), &path).unwrap();
    let before = fs::read(&path).unwrap();
    let old = Status { current: 1, latest: LATEST, pending: all[1..].to_vec() };
    assert_eq!(migrate::status(&path).unwrap(), old);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(folder.path()), ["m.db"]);
    let _open = Pool::open(&Settings::new(&path)).unwrap();
    assert_eq!(migrate::status(&path).unwrap(), Status { current: LATEST, latest: LATEST, pending: vec![] });
}

#[test]
fn an_old_store_is_not_read_without_migrating() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    fs::copy(fixture(1), &path).unwrap();
    let error = Pool::open(&Settings { read_only: true, ..Settings::new(&path) }).unwrap_err();
    assert!(matches!(error, Error::SchemaTooOld { found: 1, .. }), "{error}");
    assert_eq!(names(folder.path()), ["m.db"]);
}

#[test]
fn many_that_migrate_at_once_do_it_once() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    fs::copy(fixture(1), &path).unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| Pool::open(&Settings::new(&path)))).collect();
        threads.into_iter().for_each(|thread| drop(thread.join().unwrap().unwrap()));
    });
    assert_eq!(names(folder.path()), ["m.db", "m.db.v1-backup"]);
}

#[test]
fn the_view_shows_records_to_people() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    fs::copy(fixture(2), &path).unwrap();
    let conn = Connection::open(&path).unwrap();
    let sql = "SELECT id || ' ' || scope || ' ' || created_at FROM memories ORDER BY seq DESC LIMIT 1";
    let line: String = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(line, format!("{UUID} /user/alice 2023-11-14T22:13:20.123Z"));
}

#[test]
fn a_store_that_a_newer_version_migrates_is_written_no_more() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    let store = Store::open(&path);
    store.add_all([Record::new("before")], OnConflict::Fail).unwrap();
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", LATEST + 1).unwrap();
    let outcome = store.add_all([Record::new("after")], OnConflict::Fail);
    assert!(matches!(outcome, Err(Error::SchemaTooNew { found, .. }) if found == LATEST + 1), "{outcome:?}");
    let records: u32 = newer.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap();
    assert_eq!(records, 1);
}

/// What version 0.1.0 does after another process has migrated the file: its connections leave triggers on.
#[test]
fn an_older_version_that_has_the_store_open_cannot_write() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    Store::open(&path).add_all([Record::new("before")], OnConflict::Fail).unwrap();
    let older = Connection::open(&path).unwrap();
    for sql in [
        "INSERT INTO records(id, scope, created_at, content) SELECT 'b', scope, 1, 'after' FROM records",
        "DELETE FROM records",
    ] {
        let error = older.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("a newer agentmem has migrated this store"), "{error}");
    }
}
