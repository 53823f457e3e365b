//! The full-text table: which rows have a term. It does not rank.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension};

use crate::error::Result;
use crate::record::Seq;
use crate::text::Bag;

pub(super) const INSERT: &str = "INSERT INTO records_fts(rowid, terms) VALUES (?, ?)";
const DELETE: &str = "INSERT INTO records_fts(records_fts, rowid, terms) VALUES ('delete', ?, ?)";

/// Gives a connection the SQL function `has_terms(text)`.
pub(super) fn register_function(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function("has_terms", 1, flags, |context| {
        // Most texts need no analysis: a letter or a digit is part of a term.
        let has_terms =
            |text: &str| text.bytes().any(|byte| byte.is_ascii_alphanumeric()) || !Bag::of(text).is_empty();
        Ok(context.get_raw(0).as_str().is_ok_and(has_terms))
    })
}

/// Adds a row. `terms` are joined by blanks, as everywhere in this module. Repeated terms count once.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn insert(conn: &Connection, seq: Seq, terms: &str) -> Result<()> {
    conn.prepare_cached(INSERT)?.execute((seq, terms))?;
    Ok(())
}

/// Removes a row. `terms` must be the terms that it was inserted with; repeats may differ.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn delete(conn: &Connection, seq: Seq, terms: &str) -> Result<()> {
    conn.prepare_cached(DELETE)?.execute((seq, terms))?;
    Ok(())
}

/// Removes all rows.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn clear(conn: &Connection) -> Result<()> {
    command(conn, "delete-all")
}

/// The rows that have `term`, in ascending order.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn rows_with_term(conn: &Connection, term: &str) -> Result<Vec<Seq>> {
    if !is_term(term) {
        return Ok(Vec::new());
    }
    let mut statement = conn.prepare_cached("SELECT rowid FROM records_fts WHERE records_fts MATCH ?")?;
    let rows = statement.query_map([quoted(term)], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many rows have `term`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn document_frequency(conn: &Connection, term: &str) -> Result<u64> {
    let mut statement = conn.prepare_cached("SELECT doc FROM records_fts_terms WHERE term = ?")?;
    Ok(statement.query_row([term], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// Every term with its document frequency, in the order of bytes.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn vocabulary(conn: &Connection) -> Result<Vec<(String, u64)>> {
    let mut statement = conn.prepare_cached("SELECT term, doc FROM records_fts_terms ORDER BY term")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Passes every term that begins with `prefix` to `visit`, in the order of bytes.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn terms_with(conn: &Connection, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<()> {
    let mut statement =
        conn.prepare_cached("SELECT term FROM records_fts_terms WHERE term BETWEEN ? AND ?")?;
    let mut rows = statement.query((prefix, format!("{prefix}{}", char::MAX)))?;
    while let Some(row) = rows.next()? {
        visit(row.get_ref(0)?.as_str().unwrap_or_default());
    }
    Ok(())
}

fn command(conn: &Connection, command: &str) -> Result<()> {
    conn.prepare_cached("INSERT INTO records_fts(records_fts) VALUES (?)")?.execute([command])?;
    Ok(())
}

/// True if the tokenizer of the table keeps the text as one term.
fn is_term(term: &str) -> bool {
    !term.is_empty() && term.chars().all(|c| c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii())
}

fn quoted(term: &str) -> String {
    format!("\"{}\"", term.replace('"', "\"\""))
}
