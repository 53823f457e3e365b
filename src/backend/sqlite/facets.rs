//! Counts, categories and scopes.

use std::collections::HashMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::filter::Where;
use super::row::unreadable;
use super::{expiries, meta};
use crate::backend::facets::{FoundScopes, by_frequency};
use crate::backend::snapshot::ScopeInfo;
use crate::error::Result;
use crate::record::{Filter, Micros, Scope, Scopes, Viewer};

/// How many records pass the filter and have not expired at `now`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn count(conn: &Connection, filter: &Filter, now: Micros) -> Result<u64> {
    let all = count_expired_too(conn, filter)?;
    if !expiries::any_due(conn, Micros::MIN, now)? {
        return Ok(all);
    }
    let mut due = Where::expired_too(conn, filter)?;
    due.and(expiries::DUE_SEQS, [now]);
    Ok(all.saturating_sub(count_where(conn, &due.avoiding(&["scope", "created_at"]))?))
}

fn count_expired_too(conn: &Connection, filter: &Filter) -> Result<u64> {
    let all = if filter.narrows() {
        count_where(conn, &Where::regardless_of_viewer(conn, filter)?)?
    } else {
        meta::totals(conn)?.records
    };
    match Where::hidden_from(&filter.viewer) {
        Some(mut hidden) if all > 0 => {
            hidden.extend(Where::regardless_of_viewer(conn, filter)?);
            let hidden = hidden.avoiding(&["scope", "created_at"]);
            Ok(all.saturating_sub(count_where(conn, &hidden)?))
        }
        _ => Ok(all),
    }
}

fn count_where(conn: &Connection, clause: &Where) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM records{}", clause.sql());
    Ok(conn.prepare_cached(&sql)?.query_row(clause.params(), |row| row.get(0))?)
}

/// The labels of the records that pass the filter with how often they occur, most frequent first, then by name.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn categories(conn: &Connection, filter: &Filter, now: Micros) -> Result<Vec<(String, u64)>> {
    let mut clause = Where::new(conn, filter, now)?;
    clause.and::<Value>("categories IS NOT NULL", []);
    let mut statement = conn.prepare_cached(&format!("SELECT categories FROM records{}", clause.sql()))?;
    let mut rows = statement.query(clause.params())?;
    // Few different lists occur, so each is parsed once.
    let mut lists: HashMap<String, u64> = HashMap::new();
    while let Some(row) = rows.next()? {
        let list = row.get_ref(0)?.as_str().map_err(|error| unreadable(0, error))?;
        match lists.get_mut(list) {
            Some(count) => *count += 1,
            None => drop(lists.insert(list.to_owned(), 1)),
        }
    }
    by_frequency(lists).map_err(|error| unreadable(0, error).into())
}

/// The scopes in or below which a record is that the viewer sees, by name.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn scopes(conn: &Connection, wanted: &Scopes, viewer: &Viewer, now: Micros) -> Result<Vec<Scope>> {
    let Scopes { parent, recursive, after, limit: _ } = wanted;
    let mut clause = Where::new(conn, &Filter { viewer: viewer.clone(), ..Filter::default() }, now)?;
    let and = clause.sql().replacen(" WHERE", " AND", 1);
    // Of "/": all but itself, "/" < path < "0".
    let prefix = if *parent == Scope::root() { "" } else { parent.as_str() };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT path FROM scopes WHERE EXISTS (SELECT 1 FROM records WHERE scope = scopes.id{and})
         AND (path = ? OR path > ? AND path < ?) AND path > ? ORDER BY path"
    ))?;
    let behind = after.as_deref().unwrap_or("");
    let itself = if *recursive { parent.as_str() } else { "" };
    clause.bind([itself.to_owned(), format!("{prefix}/"), format!("{prefix}0"), behind.to_owned()]);
    let mut rows = statement.query(clause.params())?;
    let mut found = FoundScopes::new(wanted);
    while found.wants_more()
        && let Some(row) = rows.next()?
    {
        found.take(row.get_ref(0)?.as_str().map_err(|error| unreadable(0, error))?)?;
    }
    Ok(found.into_scopes())
}

/// A summary of what a viewer sees in a scope and below.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn scope_info(conn: &Connection, scope: &Scope, viewer: &Viewer, now: Micros) -> Result<ScopeInfo> {
    let filter = Filter { scope: Some(scope.clone()), viewer: viewer.clone(), ..Filter::default() };
    let clause = Where::new(conn, &filter, now)?;
    let sql = format!("SELECT count(*), min(created_at), max(created_at) FROM records{}", clause.sql());
    let (records, oldest, newest) = conn
        .prepare_cached(&sql)?
        .query_row(clause.params(), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(ScopeInfo {
        scope: scope.clone(),
        records,
        categories: categories(conn, &filter, now)?,
        oldest,
        newest,
        children: scopes(conn, &Scopes::children(scope), viewer, now)?,
    })
}
