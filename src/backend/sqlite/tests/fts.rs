//! FTS5 holds the terms that the analyzer hands it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::text::Analyzer;
use crate::text::tests::text;

/// The terms in an FTS5 table after `terms` are inserted.
fn through_fts5(db: &rusqlite::Connection, terms: &[String]) -> BTreeSet<String> {
    db.execute_batch(
        "DROP TABLE IF EXISTS held; DROP TABLE IF EXISTS fts;
         CREATE VIRTUAL TABLE fts USING fts5(terms, content='', detail=none, columnsize=0, tokenize=\"ascii tokenchars '_'\");
         CREATE VIRTUAL TABLE held USING fts5vocab(fts, row);",
    )
    .unwrap();
    db.execute("INSERT INTO fts(rowid, terms) VALUES (1, ?1)", [terms.join(" ")]).unwrap();
    let mut held = db.prepare("SELECT term FROM held").unwrap();
    held.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn fts5_holds_the_terms_of_every_character() {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    let text: String = ('\0'..='\u{3FFFF}').flat_map(|c| [c, ' ']).collect();
    let terms = Analyzer::new().term_list(&text);
    assert_eq!(through_fts5(&db, &terms), terms.into_iter().collect());
}

proptest! {
    #[test]
    fn fts5_holds_the_same_terms(text in text()) {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let terms = Analyzer::new().term_list(&text);
        prop_assert_eq!(through_fts5(&db, &terms), terms.into_iter().collect());
    }
}
