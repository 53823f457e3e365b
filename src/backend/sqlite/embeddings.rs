//! Vectors of records.

use rusqlite::{Connection, OptionalExtension};

use super::{expiries, meta, row};
use crate::backend::{comparable, encoding};
use crate::error::Result;
use crate::record::{Micros, Seq};

/// True for a row of `records` without a vector.
const LACKS_VECTOR: &str = "NOT EXISTS (SELECT 1 FROM embeddings WHERE embeddings.seq = records.seq)";

/// Adds the vector of a record, encoded by [`row`], and notes the embedder that made it if it has a name.
///
/// # Errors
/// [`crate::Error::DimensionMismatch`], [`crate::Error::EmbedderMismatch`], [`crate::Error::Backend`].
pub fn insert(conn: &Connection, seq: Seq, encoded: &[u8], embedder: Option<&str>) -> Result<()> {
    comparable::check_dimension(dimension(conn)?, encoded.len() / size_of::<f32>())?;
    if let Some(name) = embedder {
        let known = self::embedder(conn)?;
        comparable::check_embedder(known.as_deref(), name)?;
        if known.is_none() {
            meta::set(conn, meta::EMBEDDER, name)?;
        }
    }
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
/// [`crate::Error::Backend`].
pub fn dimension(conn: &Connection) -> Result<Option<usize>> {
    let mut statement = conn.prepare_cached("SELECT length(vector) / 4 FROM embeddings LIMIT 1")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// The embedder whose vectors the store holds; `None` while it holds none, and if it has no name.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn embedder(conn: &Connection) -> Result<Option<String>> {
    let name = meta::get(conn, meta::EMBEDDER)?;
    Ok(if name.is_some() && dimension(conn)?.is_none() { None } else { name })
}

/// Numbers and contents of the first `limit` records above `after` that have no vector, in ascending order.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn missing(conn: &Connection, after: Seq, limit: usize, now: Micros) -> Result<Vec<(Seq, String)>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT seq, content FROM records WHERE seq > ? AND {LACKS_VECTOR} AND {} ORDER BY seq LIMIT ?",
        expiries::UNEXPIRED
    ))?;
    let rows = statement.query_map((after, now, encoding::limit(limit)), |row| {
        Ok((row.get(0)?, row::content(row, 1).to_owned()))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many records have no vector.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn missing_count(conn: &Connection, now: Micros) -> Result<u64> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT count(*) FROM records WHERE {LACKS_VECTOR} AND {}",
        expiries::UNEXPIRED
    ))?;
    Ok(statement.query_row([now], |row| row.get(0))?)
}
