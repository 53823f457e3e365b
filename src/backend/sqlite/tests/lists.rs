//! What lists cost, in instructions of SQLite's virtual machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::selection;
use super::Store;
use crate::backend::write::OnConflict;
use crate::record::{Filter, Order, Page, Record, Scope};

const MANY: usize = 1000;

/// A store with 20 records in "/few" and many in "/many".
fn filled(folder: &tempfile::TempDir) -> Store {
    let store = Store::open(&folder.path().join("a.db"));
    let record = |path| Record { scope: Scope::parse(path).unwrap(), ..Record::new("x") };
    let records = [vec!["/few"; 20], vec!["/many"; MANY]].concat().into_iter().map(record);
    store.add_all(records, OnConflict::Fail).unwrap();
    store
}

/// The instructions that a page of ten takes.
fn instructions(store: &Store, scope: &str, order: Order) -> u64 {
    let executed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&executed);
    let filter = Filter { scope: Some(Scope::parse(scope).unwrap()), ..Filter::default() };
    let page = Page { order, ..Page::newest(10) };
    let listed = store.pool.read(|conn| {
        let executed = move || {
            count.fetch_add(1, Ordering::Relaxed);
            false
        };
        conn.progress_handler(1, Some(executed))?;
        let listed = selection::select(conn, &filter, page, 0)?;
        conn.progress_handler(0, None::<fn() -> bool>)?;
        Ok(listed)
    });
    assert_eq!(listed.unwrap().len(), 10);
    executed.load(Ordering::Relaxed)
}

#[test]
fn a_page_by_version_costs_the_same_however_large_the_scope() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = filled(&folder);
    for order in [Order::Written, Order::Updated] {
        let [few, many] = ["/few", "/many"].map(|scope| instructions(&store, scope, order));
        assert!(many < few + few / 10, "{order:?}: {few} instructions, and {many}");
    }
}

#[test]
fn a_page_by_date_sorts_numbers_and_not_records() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = filled(&folder);
    for order in [Order::Newest, Order::Oldest] {
        let each = instructions(&store, "/many", order) / MANY as u64;
        assert!(each < 30, "{order:?}: {each} instructions for each record of the scope");
    }
}
