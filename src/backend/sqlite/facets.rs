//! Counts, categories and scopes.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;
use rusqlite::types::Value;

use super::filter::Where;
use super::row::unreadable;
use super::{expiries, meta};
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
    let mut counts: HashMap<String, u64> = HashMap::new();
    for (list, count) in lists {
        for category in serde_json::from_str::<Vec<String>>(&list).map_err(|error| unreadable(0, error))? {
            *counts.entry(category).or_default() += count;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(counts)
}

/// The scopes in or below which a record is that the viewer sees, by name.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn scopes(conn: &Connection, wanted: &Scopes, viewer: &Viewer, now: Micros) -> Result<Vec<Scope>> {
    let Scopes { parent, recursive, after, limit } = wanted;
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
    let mut found = BTreeSet::new();
    // The order of children is not that of the paths below them: "/a-b" comes before "/a/b", and behind "/a".
    while (!recursive || found.len() < *limit)
        && let Some(row) = rows.next()?
    {
        let path: String = row.get(0)?;
        let child = path.get(prefix.len() + 1..).and_then(|below| below.find('/'));
        let end = child.filter(|_| !recursive).map_or(path.len(), |at| prefix.len() + 1 + at);
        if &path[..end] > behind {
            found.insert(Scope::parse(&path[..end])?);
        }
    }
    Ok(found.into_iter().take(*limit).collect())
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
