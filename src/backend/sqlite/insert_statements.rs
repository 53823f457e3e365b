//! The statements that add a record.

use rusqlite::{CachedStatement, Connection};

use super::fts;
use crate::error::Result;

/// The statements that add a record, prepared once for all records of a transaction.
pub(super) struct InsertStatements<'c> {
    pub record: CachedStatement<'c>,
    pub terms: CachedStatement<'c>,
}

impl<'c> InsertStatements<'c> {
    pub fn prepare(conn: &'c Connection) -> Result<Self> {
        let record = conn.prepare_cached(
            "INSERT INTO records(id, scope, created_at, updated_at, last_accessed, importance, source, private,
                                 categories, metadata, content, checksum)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        Ok(Self { record, terms: conn.prepare_cached(fts::INSERT)? })
    }
}
