//! The numbers of records by their ids.

use rusqlite::{Connection, OptionalExtension};

use super::expiries;
use super::row::EncodedId;
use crate::error::Result;
use crate::record::{Micros, RecordId, Seq};

/// The number of the record with this id.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seq_of_id(conn: &Connection, id: &RecordId) -> Result<Option<Seq>> {
    let mut statement = conn.prepare_cached("SELECT seq FROM records WHERE id = ?")?;
    Ok(statement.query_row([EncodedId::new(id)], |row| row.get(0)).optional()?)
}

/// The version of the record with this id that has not expired at `now`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn version_of(conn: &Connection, id: &RecordId, now: Micros) -> Result<Option<Seq>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT seq FROM records WHERE id = ? AND {}", expiries::UNEXPIRED))?;
    Ok(statement.query_row((EncodedId::new(id), now), |row| row.get(0)).optional()?)
}

/// The numbers of the records with these ids; unknown ids are left out.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seqs_of_ids(conn: &Connection, ids: &[RecordId]) -> Result<Vec<Seq>> {
    ids.iter().filter_map(|id| seq_of_id(conn, id).transpose()).collect()
}
