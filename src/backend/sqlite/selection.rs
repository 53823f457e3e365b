//! The records that pass a filter.

use rusqlite::Connection;

use super::filter::Where;
use super::records;
use super::row::{self, SELECT, record};
use crate::backend::encoding;
use crate::error::Result;
use crate::record::{Filter, Micros, Order, Page, Record, Seq, Viewer};

/// If at most so many records are in a filter's scope, they are sorted. Otherwise so many records of the store are looked at in the
/// order of the page; if they do not fill it, the scope is sorted after all, because most of its records may come late.
const FEW: usize = 10_000;

/// A page of the records that pass the filter and have not expired at `now`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn select(conn: &Connection, filter: &Filter, page: Page, now: Micros) -> Result<Vec<(Seq, Record)>> {
    let mut clause = Where::new(conn, filter, now)?;
    // The index on scopes has the records of one scope in the order of their numbers.
    let in_order = page.order.is_by_version() && clause.is_in_one_scope();
    let sorts = !in_order && (clause.is_in_scopes() || filter.ids.is_some());
    if sorts
        && !is_narrow(conn, filter)?
        && let Some(seqs) = walk(conn, filter, &clause, page)?
    {
        return records::by_seqs(conn, &seqs, true);
    }
    if let Some(after) = page.after {
        clause.and("records.seq > ?", [after]);
    }
    // The plus keeps SQLite from the index on dates.
    let order = order_by(page.order, if sorts { "+created_at" } else { "created_at" });
    let page_of = |select: &str| format!("{select}{} ORDER BY {order} LIMIT ? OFFSET ?", clause.sql());
    let sql = match sorts {
        // Only numbers are sorted. SQLite's outer loop over a cross join is its left table, so the records keep that order.
        true => {
            let numbers = page_of("SELECT seq FROM records");
            row::select(&format!("({numbers}) AS page CROSS JOIN records ON records.seq = page.seq"), true)
        }
        false => page_of(&SELECT),
    };
    clause.bind([page.limit, page.offset].map(encoding::limit));
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(clause.params(), record)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn order_by(order: Order, created_at: &str) -> String {
    match order {
        Order::Newest => format!("{created_at} DESC, records.seq DESC"),
        Order::Oldest => format!("{created_at}, records.seq"),
        Order::Written => "records.seq".to_owned(),
        Order::Updated => "records.seq DESC".to_owned(),
    }
}

/// True if the filter's scope has so few records that they are sorted at once.
fn is_narrow(conn: &Connection, filter: &Filter) -> Result<bool> {
    if filter.ids.is_some() {
        return Ok(true);
    }
    let mut clause =
        Where::regardless_of_viewer(conn, &Filter { scope: filter.scope.clone(), ..Filter::default() })?;
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM records{} LIMIT ?)", clause.sql());
    clause.bind([encoding::limit(FEW)]);
    let found: usize = conn.prepare_cached(&sql)?.query_row(clause.params(), |row| row.get(0))?;
    Ok(found < FEW)
}

/// What of the filter and the page bounds the values that the page is ordered by.
fn range(filter: &Filter, page: Page) -> Where {
    let mut range = Where::default();
    let mut bound = |term, value: Option<i64>| value.into_iter().for_each(|value| range.and(term, [value]));
    if page.order.is_by_version() {
        bound("records.seq > ?", page.after);
    } else {
        bound("created_at >= ?", filter.since);
        bound("created_at < ?", filter.until);
    }
    range
}

/// The numbers of a page, if the first [`FEW`] records of the store in its order fill it, or are all there are.
fn walk(conn: &Connection, filter: &Filter, clause: &Where, page: Page) -> Result<Option<Vec<Seq>>> {
    let wanted = page.offset.saturating_add(page.limit);
    if wanted > FEW {
        return Ok(None);
    }
    let range = range(filter, page);
    let (order, condition) = (order_by(page.order, "created_at"), clause.condition());
    let sql = format!("SELECT seq, {condition} FROM records{} ORDER BY {order}", range.sql());
    let mut clause = clause.clone();
    clause.extend(range);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(clause.params())?;
    let mut found = Vec::new();
    for _ in 0..FEW {
        match rows.next()? {
            Some(row) if found.len() < wanted => {
                if row.get::<_, Option<bool>>(1)? == Some(true) {
                    found.push(row.get(0)?);
                }
            }
            _ => return Ok(Some(found.split_off(page.offset.min(found.len())))),
        }
    }
    Ok(None)
}

/// The numbers above `after` of the records that pass the filter, in ascending order.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seqs_matching(conn: &Connection, filter: &Filter, after: Seq) -> Result<Vec<Seq>> {
    let passing = seqs(conn, Where::regardless_of_viewer(conn, filter)?, after)?;
    let hidden = hidden(conn, &filter.viewer, after)?;
    if hidden.is_empty() {
        return Ok(passing);
    }
    let mut hidden = hidden.into_iter().peekable();
    Ok(passing
        .into_iter()
        .filter(|seq| {
            while hidden.next_if(|one| one < seq).is_some() {}
            hidden.peek() != Some(seq)
        })
        .collect())
}

/// The numbers above `after` of the records that the viewer may not see, in ascending order.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn hidden(conn: &Connection, viewer: &Viewer, after: Seq) -> Result<Vec<Seq>> {
    Where::hidden_from(viewer).map_or(Ok(Vec::new()), |clause| seqs(conn, clause, after))
}

fn seqs(conn: &Connection, mut clause: Where, after: Seq) -> Result<Vec<Seq>> {
    if after > 0 {
        clause = clause.avoiding(&["scope", "created_at"]);
        clause.and("records.seq > ?", [after]);
    }
    let mut statement = conn.prepare_cached(&format!("SELECT seq FROM records{}", clause.sql()))?;
    let rows = statement.query_map(clause.params(), |row| row.get(0))?;
    let mut seqs = rows.collect::<rusqlite::Result<Vec<Seq>>>()?;
    // The rows are nearly sorted, and this sort is fast on such input.
    seqs.sort();
    Ok(seqs)
}
