//! Journals in SQLite: the tables `journals` and `entries`.
//!
//! The indexes are partial, so every statement has the condition `key IS NULL` (the log) or `key IS NOT NULL` (the map).

mod entry;
mod numbers;
pub mod read;
#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a failed test may panic")]
mod tests;
mod write;

use rusqlite::{Connection, OptionalExtension};

use crate::error::Result;

pub use numbers::Numbers;

/// Entries that have not expired at `?now`.
const LIVE: &str = "(expires_at IS NULL OR expires_at > ?)";

/// The row of a journal. Ids start at 1: 0, where there is none, has no entries.
fn id(conn: &Connection, name: &str) -> Result<i64> {
    let mut statement = conn.prepare_cached("SELECT id FROM journals WHERE name = ?")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}
