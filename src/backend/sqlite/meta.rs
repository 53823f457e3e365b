//! Single values of the store.

use rusqlite::{Connection, OptionalExtension, ToSql, types::FromSql};

use crate::backend::snapshot::Totals;
use crate::error::Result;

/// The analyzer whose terms the full text holds; 0 asks for a rebuild.
pub const ANALYZER_VERSION: &str = "analyzer_version";
/// How many records there are.
pub const RECORDS: &str = "records";
/// How many records have no terms.
pub const WORDLESS: &str = "wordless";
/// How many terms all records have together.
pub const TERMS: &str = "terms";
/// The embedder whose vectors the store holds; absent if it has no name.
pub const EMBEDDER: &str = "embedder";
/// The newest entry of the log of late vectors.
pub const LATE_VECTORS: &str = "late_vectors";
/// Newest deletion that was dropped from the change feed.
pub const PRUNED: &str = "pruned_deletion";

/// The value under `key`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn get<T: FromSql>(conn: &Connection, key: &str) -> Result<Option<T>> {
    let mut statement = conn.prepare_cached("SELECT value FROM meta WHERE key = ?")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// Puts `value` under `key`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn set(conn: &Connection, key: &str, value: impl ToSql) -> Result<()> {
    let mut statement = conn.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)")?;
    statement.execute((key, value))?;
    Ok(())
}

/// The totals as of the connection's view.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn totals(conn: &Connection) -> Result<Totals> {
    Ok(Totals {
        records: get(conn, RECORDS)?.unwrap_or_default(),
        wordless: get(conn, WORDLESS)?.unwrap_or_default(),
        terms: get(conn, TERMS)?.unwrap_or_default(),
    })
}
