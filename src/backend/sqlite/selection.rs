//! The records that pass a filter.

use rusqlite::Connection;

use super::filter::Where;
use super::row::{self, SELECT, record};
use crate::error::Result;
use crate::record::{Filter, Micros, Order, Page, Record, Seq, Viewer};

/// A page of the records that pass the filter and have not expired at `now`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn select(conn: &Connection, filter: &Filter, page: Page, now: Micros) -> Result<Vec<(Seq, Record)>> {
    let mut clause = Where::new(conn, filter, now)?;
    // The index on scopes has the records of one scope in the order of their numbers.
    let in_order = page.order.is_by_version() && clause.is_in_one_scope();
    // Where few records match, sorting them is faster than reading all by date.
    let sorts = !in_order && is_narrow(conn, filter)?;
    if !in_order && !sorts {
        clause = clause.avoiding(&["scope"]);
    }
    if let Some(after) = page.after {
        clause.and("records.seq > ?", [after]);
    }
    // The plus keeps SQLite from the index on dates.
    let created_at = if sorts { "+created_at" } else { "created_at" };
    let order = match page.order {
        Order::Newest => format!("{created_at} DESC, records.seq DESC"),
        Order::Oldest => format!("{created_at}, records.seq"),
        Order::Written => "records.seq".to_owned(),
        Order::Updated => "records.seq DESC".to_owned(),
    };
    let page_of = |select: &str| format!("{select}{} ORDER BY {order} LIMIT ? OFFSET ?", clause.sql());
    let sql = match sorts {
        // Only numbers are sorted. SQLite's outer loop over a cross join is its left table, so the records keep that order.
        true => {
            let numbers = page_of("SELECT seq FROM records");
            row::select(&format!("({numbers}) AS page CROSS JOIN records ON records.seq = page.seq"), true)
        }
        false => page_of(&SELECT),
    };
    clause.bind([page.limit, page.offset].map(super::limit));
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(clause.params(), record)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// True if the filter's scope has so few records that sorting them is faster than reading by date.
fn is_narrow(conn: &Connection, filter: &Filter) -> Result<bool> {
    const FEW: i64 = 10_000;
    if filter.ids.is_some() {
        return Ok(true);
    }
    if filter.scope.is_none() {
        return Ok(false);
    }
    let mut clause =
        Where::regardless_of_viewer(conn, &Filter { scope: filter.scope.clone(), ..Filter::default() })?;
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM records{} LIMIT ?)", clause.sql());
    clause.bind([FEW]);
    let found: i64 = conn.prepare_cached(&sql)?.query_row(clause.params(), |row| row.get(0))?;
    Ok(found < FEW)
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
