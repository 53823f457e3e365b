//! What lists cost, in instructions of SQLite's virtual machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::super::selection;
use super::Store;
use crate::backend::write::OnConflict;
use crate::record::{Filter, Order, Page, Record, Scope, Seq};

const MANY: usize = 1000;

/// A store with 20 records in "/few" and many in "/many".
fn filled(folder: &tempfile::TempDir) -> Store {
    let store = Store::open(&folder.path().join("a.db"));
    let record = |path| Record { scope: Scope::parse(path).unwrap(), ..Record::new("x") };
    let records = [vec!["/few"; 20], vec!["/many"; MANY]].concat().into_iter().map(record);
    store.add_all(records, OnConflict::Fail).unwrap();
    store
}

/// Adds many records to a scope, at dates from `first` on that do not rise with their numbers.
fn add_many(store: &Store, scope: &str, count: usize, first: i64) {
    let sql = format!(
        "INSERT OR IGNORE INTO scopes(path) VALUES ('{scope}');
         WITH RECURSIVE many(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM many WHERE n < {count} - 1)
         INSERT INTO records(id, scope, created_at, content)
         SELECT '{scope} ' || n, (SELECT id FROM scopes WHERE path = '{scope}'), {first} + n * 7919 % {count} / 3, 'x' FROM many"
    );
    store.pool.write(Instant::now() + Duration::from_secs(30), |conn| Ok(conn.execute_batch(&sql)?)).unwrap();
}

fn within(scope: &str) -> Filter {
    Filter { scope: Some(Scope::parse(scope).unwrap()), ..Filter::default() }
}

/// The instructions that a page of ten takes.
fn instructions(store: &Store, filter: &Filter, order: Order) -> u64 {
    let executed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&executed);
    let page = Page { order, ..Page::newest(10) };
    let listed = store.pool.read(|conn| {
        let executed = move || {
            count.fetch_add(1, Ordering::Relaxed);
            false
        };
        conn.progress_handler(1, Some(executed))?;
        let listed = selection::select(conn, filter, page, 0)?;
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
        let [few, many] = ["/few", "/many"].map(|scope| instructions(&store, &within(scope), order));
        assert!(many < few + few / 10, "{order:?}: {few} instructions, and {many}");
    }
}

#[test]
fn a_page_by_date_sorts_numbers_and_not_records() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = filled(&folder);
    for order in [Order::Newest, Order::Oldest] {
        let each = instructions(&store, &within("/many"), order) / MANY as u64;
        assert!(each < 30, "{order:?}: {each} instructions for each record of the scope");
    }
}

#[test]
fn a_page_by_date_in_a_large_scope_does_not_go_through_the_whole_store() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("a.db"));
    add_many(&store, "/old", 12_000, 0);
    add_many(&store, "/new", 20_000, 1_000_000);
    let little = instructions(&store, &within("/old"), Order::Newest);
    add_many(&store, "/newer", 200_000, 2_000_000);
    let much = instructions(&store, &within("/old"), Order::Newest);
    assert!(much < little + little / 10, "{little} instructions, and {much}");
    let at_once = instructions(&store, &within("/newer"), Order::Newest);
    let until = instructions(&store, &Filter { until: Some(4_000), ..within("/old") }, Order::Newest);
    assert!(
        at_once.max(until) < little / 3,
        "{at_once} and {until} instructions where the first are in the scope"
    );
}

#[test]
fn a_page_in_a_large_scope_is_the_same_however_it_is_found() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("a.db"));
    add_many(&store, "/a/x", 7_000, 0);
    add_many(&store, "/b", 12_000, 1_000);
    add_many(&store, "/a/y", 7_000, 2_000);
    let filter = within("/a");
    let page = |page| store.pool.read(|conn| selection::select(conn, &filter, page, 0)).unwrap();
    let key = |(seq, record): &(Seq, Record)| (record.created_at, *seq);
    let all = page(Page { order: Order::Written, ..Page::newest(usize::MAX) });
    assert_eq!(all.len(), 14_000);
    for order in [Order::Newest, Order::Oldest, Order::Written, Order::Updated] {
        let mut expected: Vec<_> = all.iter().map(key).collect();
        if matches!(order, Order::Written | Order::Updated) {
            expected.sort_unstable_by_key(|&(_, seq)| seq);
        } else {
            expected.sort_unstable();
        }
        if matches!(order, Order::Newest | Order::Updated) {
            expected.reverse();
        }
        for (limit, offset) in [(10, 0), (0, 0), (3, 6_999), (10, 9_995), (10, 13_995), (10, 20_000)] {
            let found: Vec<_> = page(Page { order, after: None, limit, offset }).iter().map(key).collect();
            let expected: Vec<_> = expected.iter().copied().skip(offset).take(limit).collect();
            assert_eq!(found, expected, "{order:?}, {limit} from {offset}");
        }
    }
    for after in [0, 6_995, 15_000, 25_995, 26_000] {
        let found = page(Page { order: Order::Written, after: Some(after), limit: 10, offset: 0 });
        let expected = all.iter().map(key).filter(|&(_, seq)| seq > after).take(10);
        assert!(found.iter().map(key).eq(expected), "after {after}");
    }
}
