//! Vectors of records.

use rusqlite::{Connection, OptionalExtension};

use super::row;
use crate::error::{Error, Result};
use crate::record::Seq;

/// Adds the vector of a record, encoded by [`row`].
///
/// # Errors
/// [`Error::DimensionMismatch`], [`Error::Backend`].
pub fn insert(conn: &Connection, seq: Seq, encoded: &[u8]) -> Result<()> {
    check_dimension(conn, encoded.len() / size_of::<f32>())?;
    conn.prepare_cached("INSERT INTO embeddings(seq, vector) VALUES (?, ?)")?.execute((seq, encoded))?;
    Ok(())
}

/// As [`super::records::by_seqs`], but only the vectors, of records that have one.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn vectors(conn: &Connection, seqs: &[Seq]) -> Result<Vec<(Seq, Vec<f32>)>> {
    let mut statement = conn.prepare_cached("SELECT vector FROM embeddings WHERE seq = ?")?;
    let mut found = Vec::with_capacity(seqs.len());
    for &seq in seqs {
        let read = statement.query_row([seq], |row| Ok(row::vector(row, 0))).optional()?.flatten();
        found.extend(read.map(|vector| (seq, vector)));
    }
    Ok(found)
}

/// Passes number and vector of every record above `after` that has one to `take`, in ascending order, until it returns false.
///
/// # Errors
/// [`crate::Error::Backend`], and what `take` raises.
pub fn each_vector(
    conn: &Connection,
    after: Seq,
    mut take: impl FnMut(Seq, Vec<f32>) -> Result<bool>,
) -> Result<()> {
    let mut statement =
        conn.prepare_cached("SELECT seq, vector FROM embeddings WHERE seq > ? ORDER BY seq")?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        if let Some(vector) = row::vector(row, 1)
            && !take(row.get(0)?, vector)?
        {
            break;
        }
    }
    Ok(())
}

/// The length of the vectors in the store; `None` while it has none.
///
/// # Errors
/// [`Error::Backend`].
pub fn dimension(conn: &Connection) -> Result<Option<usize>> {
    let mut statement = conn.prepare_cached("SELECT length(vector) / 4 FROM embeddings LIMIT 1")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// Checks that a vector of length `found` can be compared with those in the store.
///
/// # Errors
/// [`Error::DimensionMismatch`] if not; [`Error::Backend`].
pub fn check_dimension(conn: &Connection, found: usize) -> Result<()> {
    match dimension(conn)? {
        Some(expected) if expected != found => Err(Error::DimensionMismatch { expected, found }),
        _ => Ok(()),
    }
}
