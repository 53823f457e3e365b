//! Files that somebody else has changed: nothing in them acts.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::tempdir;

use super::super::pool::Pool;
use super::super::{facets, fts};
use super::{Store, id};
use crate::backend::settings::Settings;
use crate::backend::write::OnConflict;
use crate::error::Error;
use crate::record::{Filter, Record};

/// A store with one record.
fn make(path: &Path) {
    let record = Record { id: id("kept"), ..Record::new("kept") };
    Store::open(path).add_all([record], OnConflict::Fail).unwrap();
}

fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Rewrites the schema itself, as SQL statements cannot.
fn change_schema(path: &Path, update: &str) {
    change(path, &format!("PRAGMA writable_schema = ON; {update}; PRAGMA writable_schema = RESET"));
}

/// Why a store that `change` was done to is refused, for writing and for reading alone, untouched.
fn refusal(change: impl FnOnce(&Path)) -> Error {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    make(&path);
    change(&path);
    let before = fs::read(&path).unwrap();
    let error = Pool::open(&Settings::new(&path)).unwrap_err();
    let read_only = Pool::open(&Settings { read_only: true, ..Settings::new(&path) }).unwrap_err();
    assert_eq!(error.to_string(), read_only.to_string());
    assert_eq!(fs::read(&path).unwrap(), before, "the file was touched");
    error
}

#[test]
fn what_could_act_is_refused_by_name() {
    let crafted = [
        "CREATE TRIGGER evil AFTER INSERT ON records BEGIN DELETE FROM records WHERE seq = new.seq; END",
        "CREATE VIEW evil AS SELECT * FROM records",
        "CREATE VIRTUAL TABLE evil USING fts5(x)",
        "CREATE TABLE evil(seq REFERENCES records(seq) ON DELETE CASCADE)",
        "CREATE TABLE evil(x, y GENERATED ALWAYS AS (hex(x)) VIRTUAL)",
        "CREATE TABLE evil(x, y GENERATED ALWAYS AS (x) STORED)",
        "CREATE UNIQUE INDEX evil ON records(source)",
        "CREATE INDEX evil ON records(length(content))",
        "CREATE INDEX evil ON records(source) WHERE length(content) > 0",
        "CREATE TABLE t(x); CREATE INDEX evil ON t(abs(x))",
    ];
    for sql in crafted {
        let error = refusal(|path| change(path, sql));
        assert!(
            matches!(&error, Error::NotAStore { detail, .. } if detail.contains("\"evil\"")),
            "{sql}: {error}"
        );
    }
}

#[test]
fn what_is_not_as_agentmem_made_it_is_damage() {
    let crafted = [
        "UPDATE sqlite_schema SET sql = replace(sql, 'content       TEXT', 'content       TEXT CHECK (length(content) < 9)')
         WHERE name = 'records'",
        "UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE', '') WHERE name = 'records_id'",
        "UPDATE sqlite_schema SET sql = sql || ' ' WHERE name = 'records_fts_data'",
        "UPDATE sqlite_schema SET sql = replace(sql, '_', 'x') WHERE name = 'records_fts'",
        "DELETE FROM sqlite_schema WHERE name = 'memories'",
        "DELETE FROM sqlite_schema WHERE name = 'records_private'",
    ];
    for sql in crafted {
        let error = refusal(|path| change_schema(path, sql));
        assert!(matches!(error, Error::Corrupt { .. }), "{sql}: {error}");
    }
}

#[test]
fn what_cannot_act_is_left_alone() {
    let harmless = [
        "CREATE TABLE notes(x PRIMARY KEY, y CHECK (length(y) > 1)); INSERT INTO notes VALUES (1, 'two')",
        "CREATE TABLE notes(x); CREATE UNIQUE INDEX by_x ON notes(x)",
        "CREATE INDEX by_source ON records(source, created_at)",
        "ANALYZE",
        "VACUUM",
    ];
    for sql in harmless {
        let folder = tempdir().unwrap();
        let path = folder.path().join("m.db");
        make(&path);
        change(&path, sql);
        let store = Store::open(&path);
        store.add_all([Record::new("new")], OnConflict::Fail).unwrap();
        let read = |sql: &Pool| sql.read(|conn| facets::count(conn, &Filter::all(), 0)).unwrap();
        assert_eq!(read(&store.pool), 2, "{sql}");
        assert_eq!(
            read(&Pool::open(&Settings { read_only: true, ..Settings::new(&path) }).unwrap()),
            2,
            "{sql}"
        );
    }
}

#[test]
fn a_trigger_that_appears_while_a_store_is_open_does_not_fire() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    make(&path);
    let store = Store::open(&path);
    change(&path, "CREATE TRIGGER evil AFTER INSERT ON records BEGIN DELETE FROM records; END");
    store.add_all([Record { id: id("new"), ..Record::new("new") }], OnConflict::Fail).unwrap();
    let there = |name| store.pool.read(|conn| super::super::ids::seq_of_id(conn, &id(name))).unwrap();
    assert!(there("kept").is_some() && there("new").is_some());
    assert_eq!(store.pool.read(|conn| fts::rows_with_term(conn, "new")).unwrap(), [2]);
}

#[test]
fn an_old_store_is_checked_before_it_is_migrated() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("m.db");
    fs::copy(super::migrations::fixture(1), &path).unwrap();
    change(&path, "CREATE TRIGGER evil AFTER DELETE ON records BEGIN SELECT 1; END");
    let before = fs::read(&path).unwrap();
    assert!(matches!(Pool::open(&Settings::new(&path)), Err(Error::NotAStore { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no backup is made of it");
}
