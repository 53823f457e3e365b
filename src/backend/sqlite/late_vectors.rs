//! The log of vectors that came after their records: the part of the change feed that no number of a record tells.
//!
//! Its entries are rows of `meta`, so that older versions can use the store too. An index that is loaded from files takes in
//! all of them; when the index files are given up, so is the log.

use rusqlite::Connection;

use super::numbers::numbers_after;
use super::{embeddings, meta};
use crate::error::Result;
use crate::record::Seq;

/// What the key of an entry begins with. Its number follows in 20 digits, its value has the numbers of records, 8 bytes each.
const ENTRY: &str = "vectors/";
/// Follows all entries.
const END: &str = "vectors0";

/// So many entries are read at a time.
const AT_ONCE: usize = 64;

/// Notes that these records got their vectors. Belongs in the transaction that writes the vectors.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn log(conn: &Connection, seqs: &[Seq]) -> Result<()> {
    if seqs.is_empty() {
        return Ok(());
    }
    let number = *numbers_after(newest(conn)?, 1)?.end();
    let value: Vec<u8> = seqs.iter().flat_map(|seq| seq.to_le_bytes()).collect();
    meta::set(conn, &key(number), value)?;
    meta::set(conn, meta::LATE_VECTORS, number)
}

/// The number of the newest entry ever.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn newest(conn: &Connection) -> Result<i64> {
    Ok(meta::get(conn, meta::LATE_VECTORS)?.unwrap_or_default())
}

/// What some entries of the log tell.
pub struct Logged {
    /// The vectors of the records that still have one.
    pub vectors: Vec<(Seq, Vec<f32>)>,
    /// The number of the last of the entries.
    pub last: i64,
    /// True if there are no more.
    pub complete: bool,
}

/// What the first entries after `after` tell.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn since(conn: &Connection, after: i64) -> Result<Logged> {
    let newest = newest(conn)?;
    if after >= newest {
        return Ok(Logged { vectors: Vec::new(), last: after, complete: true });
    }
    let mut statement =
        conn.prepare_cached("SELECT key, value FROM meta WHERE key > ? AND key < ? ORDER BY key LIMIT ?")?;
    let mut rows = statement.query((key(after), END, AT_ONCE as i64))?;
    let (mut seqs, mut last, mut entries) = (Vec::new(), after, 0);
    while let Some(row) = rows.next()? {
        // An entry that is damaged names no record.
        let number = row.get_ref(0)?.as_str().ok().and_then(|key| key.strip_prefix(ENTRY)?.parse().ok());
        last = number.unwrap_or(last).max(last);
        let value = row.get_ref(1)?.as_blob().unwrap_or_default();
        seqs.extend(value.as_chunks().0.iter().map(|bytes| Seq::from_le_bytes(*bytes)));
        entries += 1;
    }
    let complete = entries < AT_ONCE;
    let vectors = embeddings::vectors(conn, &seqs)?;
    Ok(Logged { vectors, last: if complete { newest } else { last }, complete })
}

/// Empties the log. Its numbers go on. Belongs in a write transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn clear(conn: &Connection) -> Result<()> {
    conn.prepare_cached("DELETE FROM meta WHERE key > ? AND key < ?")?.execute((ENTRY, END))?;
    Ok(())
}

fn key(number: i64) -> String {
    format!("{ENTRY}{number:020}")
}
