//! Journals, written and read.

use rusqlite::Connection;

use super::read::{get, items, keys, names, problems, read, select_keys, totals};
use super::write::{apply, check, sweep};
use crate::backend::journals::JournalTotals;
use crate::backend::sqlite::numbers::newest_entry;
use crate::backend::sqlite::write_connection::WriteConnection;
use crate::error::Error;
use crate::journal::{Change, Changed, Entry, Keys, Number, Range, Value};
use crate::record::Micros;

const NOW: Micros = 1_000_000;

fn database() -> WriteConnection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "CREATE TABLE journals (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
         CREATE TABLE entries (number INTEGER PRIMARY KEY AUTOINCREMENT, journal INTEGER NOT NULL,
             written_at INTEGER NOT NULL, expires_at INTEGER, key TEXT, value NOT NULL, checksum INTEGER NOT NULL);
         CREATE INDEX entries_log ON entries(journal, number) WHERE key IS NULL;
         CREATE UNIQUE INDEX entries_map ON entries(journal, key) WHERE key IS NOT NULL;",
    )
    .unwrap();
    WriteConnection::new(conn)
}

fn text(value: &str) -> Value {
    Value::Json(format!("{value:?}"))
}

fn append(conn: &WriteConnection, name: &str, value: &str, expires_at: Option<Micros>) -> Number {
    let change = Change::Extend { values: vec![text(value)], expires_at, if_last: None };
    match apply(conn, name, &change, NOW).unwrap() {
        Changed::Written(numbers) => numbers[0],
        other => panic!("{other:?}"),
    }
}

fn put(conn: &WriteConnection, name: &str, key: &str, value: &str) -> Number {
    let change = Change::Put { key: key.into(), value: text(value), expires_at: None, if_number: None };
    match apply(conn, name, &change, NOW).unwrap() {
        Changed::Written(numbers) => numbers[0],
        other => panic!("{other:?}"),
    }
}

fn values(entries: &[Entry]) -> Vec<Value> {
    entries.iter().map(|entry| entry.value.clone()).collect()
}

fn log(conn: &WriteConnection, name: &str, now: Micros) -> Vec<Value> {
    values(&read(conn, name, Range::After(0, usize::MAX), now, false).unwrap())
}

fn all_keys(conn: &WriteConnection, prefix: &str, after: Option<&str>, reverse: bool) -> Vec<String> {
    let wanted = Keys { prefix: prefix.into(), after: after.map(str::to_owned), limit: usize::MAX, reverse };
    let found = keys(conn, "j", &wanted, NOW).unwrap();
    let items = items(conn, "j", &wanted, NOW).unwrap();
    assert_eq!(items.into_iter().filter_map(|entry| entry.key).collect::<Vec<_>>(), found);
    found
}

#[test]
fn numbers_are_reserved_in_advance() {
    let conn = database();
    assert_eq!(append(&conn, "j", "a", None), 1);
    let reserved = newest_entry(&conn).unwrap();
    for number in 2..=reserved {
        assert_eq!(append(&conn, "j", "a", None), number);
        assert_eq!(newest_entry(&conn).unwrap(), reserved, "an entry below it does not change it");
    }
    assert_eq!(append(&conn, "j", "a", None), reserved + 1);
    assert!(newest_entry(&conn).unwrap() > reserved + 1);
}

#[test]
fn a_rollback_takes_a_reservation_back_and_no_number_is_lower() {
    let conn = database();
    conn.execute_batch("BEGIN").unwrap();
    let rolled_back = append(&conn, "j", "a", None);
    conn.execute_batch("ROLLBACK").unwrap();
    assert_eq!(newest_entry(&conn).unwrap(), 0);
    let number = append(&conn, "j", "b", None);
    assert!(number > rolled_back);
    assert_eq!(newest_entry(&conn).unwrap(), number);
}

#[test]
fn a_log_keeps_its_order_and_a_map_replaces() {
    let conn = database();
    let first = append(&conn, "j", "a", None);
    put(&conn, "j", "key", "old");
    let last = append(&conn, "j", "b", None);
    put(&conn, "j", "key", "new");
    assert!(first < last);
    assert_eq!(log(&conn, "j", NOW), [text("a"), text("b")]);
    assert_eq!(values(&read(&conn, "j", Range::Last(1), NOW, false).unwrap()), [text("b")]);
    assert_eq!(values(&read(&conn, "j", Range::After(first, 9), NOW, false).unwrap()), [text("b")]);
    assert_eq!(values(&get(&conn, "j", &["key".into(), "none".into()], NOW).unwrap()), [text("new")]);
    assert_eq!(log(&conn, "other", NOW), []);
}

#[test]
fn numbers_are_never_used_twice() {
    let conn = database();
    let first = append(&conn, "j", "a", None);
    assert!(matches!(apply(&conn, "j", &Change::Pop, NOW).unwrap(), Changed::Popped(Some(_))));
    assert_eq!(names(&conn, "", None, 9, NOW).unwrap(), [""; 0]);
    assert!(append(&conn, "j", "b", None) > first);
}

#[test]
fn keys_are_read_from_either_end() {
    let conn = database();
    for key in ["a", "b/1", "b/2", "b0", "\u{10FFFF}x", "ü"] {
        put(&conn, "j", key, key);
    }
    assert_eq!(all_keys(&conn, "b/", None, false), ["b/1", "b/2"]);
    assert_eq!(all_keys(&conn, "b/", None, true), ["b/2", "b/1"]);
    assert_eq!(all_keys(&conn, "b", Some("b/1"), false), ["b/2", "b0"]);
    assert_eq!(all_keys(&conn, "b", Some("b/2"), true), ["b/1"]);
    assert_eq!(all_keys(&conn, "", Some("b0"), false), ["ü", "\u{10FFFF}x"]);
    assert_eq!(all_keys(&conn, "\u{10FFFF}", None, true), ["\u{10FFFF}x"]);
}

#[test]
fn what_expired_is_gone_before_it_is_swept() {
    let conn = database();
    append(&conn, "j", "soon", Some(NOW + 5));
    append(&conn, "j", "never", None);
    assert_eq!(log(&conn, "j", NOW + 4).len(), 2);
    assert_eq!(log(&conn, "j", NOW + 5), [text("never")]);
    assert_eq!(sweep(&conn, NOW + 5, 9).unwrap(), 1);
    assert_eq!(totals(&conn, NOW).unwrap(), JournalTotals { journals: 1, entries: 1 });
}

#[test]
fn a_damaged_entry_is_reported_by_number_and_not_swept() {
    let conn = database();
    let number = append(&conn, "j", "a", None);
    append(&conn, "j", "b", None);
    conn.execute("UPDATE entries SET expires_at = 7 WHERE number = ?", [number]).unwrap();
    let error = read(&conn, "j", Range::After(0, 9), NOW, false).unwrap_err().to_string();
    assert!(error.contains(&format!("entry {number} of journal \"j\"")), "{error}");
    assert_eq!(values(&read(&conn, "j", Range::After(0, 9), NOW, true).unwrap()), [text("b")]);
    assert_eq!(sweep(&conn, NOW, 9).unwrap(), 0);
    assert_eq!(problems(&conn).unwrap().len(), 1);
    apply(&conn, "j", &Change::Delete { keys: vec![], numbers: vec![number] }, NOW).unwrap();
    assert_eq!(problems(&conn).unwrap(), [""; 0]);
}

#[test]
fn a_change_requires_the_number_that_it_names() {
    let conn = database();
    let extend =
        |if_last| Change::Extend { values: vec![text("x")], expires_at: None, if_last: Some(if_last) };
    assert!(check(&conn, "j", &extend(0), NOW).is_ok());
    let number = append(&conn, "j", "a", None);
    assert!(check(&conn, "j", &extend(number), NOW).is_ok());
    let error = check(&conn, "j", &extend(0), NOW).unwrap_err();
    assert!(matches!(error, Error::Conflict { expected: 0, found, .. } if found == number));
    let put = |if_number| Change::Put {
        key: "k".into(),
        value: text("x"),
        expires_at: None,
        if_number: Some(if_number),
    };
    assert!(check(&conn, "j", &put(0), NOW).is_ok());
    assert!(matches!(check(&conn, "j", &put(3), NOW), Err(Error::Conflict { expected: 3, found: 0, .. })));
}

#[test]
fn pruning_keeps_the_newest_and_counts_what_had_not_expired() {
    let conn = database();
    append(&conn, "j", "expired", Some(NOW - 1));
    for value in ["a", "b", "c"] {
        append(&conn, "j", value, None);
    }
    let prune = |keep, before| apply(&conn, "j", &Change::Prune { keep, before }, NOW).unwrap();
    assert_eq!(prune(Some(2), None), Changed::Removed(1));
    assert_eq!(log(&conn, "j", NOW), [text("b"), text("c")]);
    assert_eq!(prune(None, Some(NOW)), Changed::Removed(0));
    assert_eq!(prune(None, Some(NOW + 1)), Changed::Removed(2));
    assert_eq!(names(&conn, "", None, 9, NOW).unwrap(), [""; 0]);
}

#[test]
fn keys_are_searched_between_two_bounds_in_the_index() {
    let conn = database();
    for reverse in [false, true] {
        let sql = format!("EXPLAIN QUERY PLAN {}", select_keys("key", reverse));
        let plan: String = conn.query_row(&sql, (1, "a", "b"), |row| row.get(3)).unwrap();
        assert!(plan.contains("entries_map (journal=? AND key>? AND key<?)"), "{plan}");
    }
}
