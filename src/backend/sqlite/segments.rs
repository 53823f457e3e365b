//! The manifest of index files beside the database: a file that it does not name is not used.

use rusqlite::{Connection, Row};

use crate::backend::manifest::IndexFile;
use crate::error::Result;

/// All segments, by their first record.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn read(conn: &Connection) -> Result<Vec<IndexFile>> {
    let mut statement = conn.prepare_cached(
        "SELECT name, first_seq, last_seq, deleted_seq, bytes, checksum FROM segments ORDER BY first_seq",
    )?;
    let rows = statement.query_map([], segment)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Puts `segments` in place of all that were named before. Belongs in a write transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn replace(conn: &Connection, segments: &[IndexFile]) -> Result<()> {
    conn.prepare_cached("DELETE FROM segments")?.execute([])?;
    let mut statement = conn.prepare_cached("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)")?;
    for one in segments {
        let bytes = one.bytes.cast_signed();
        statement.execute((
            &one.name,
            one.first,
            one.last,
            one.deletion,
            bytes,
            one.checksum.cast_signed(),
        ))?;
    }
    Ok(())
}

fn segment(row: &Row<'_>) -> rusqlite::Result<IndexFile> {
    Ok(IndexFile {
        name: row.get(0)?,
        first: row.get(1)?,
        last: row.get(2)?,
        deletion: row.get(3)?,
        bytes: row.get::<_, i64>(4)?.cast_unsigned(),
        checksum: row.get::<_, i64>(5)?.cast_unsigned(),
    })
}
