//! Versions of records that were superseded: the table `past`.

use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use super::row::{self, Encoded, EncodedId};
use super::sqlite_error::unexplained_message;
use super::{numbers, records};
use crate::backend::checksum;
use crate::backend::snapshot::PastVersion;
use crate::error::{Error, Result};
use crate::record::{Micros, Record, RecordId, Seq, Viewer};

/// The columns of [`row::record`], and two more. The upper half of the checksum is that of the record, the lower half that of
/// the other columns.
const SELECT: &str =
    "SELECT version, id, scope, created_at, updated_at, last_accessed, importance, source, private,
     categories, metadata, content, vector, checksum >> 32, NULL, NULL, superseded_at, checksum & 4294967295
     FROM past";

/// Stores a version that is superseded. Belongs in a write transaction.
///
/// # Errors
/// [`Error::Backend`].
pub fn keep(conn: &Connection, old: &Record, superseded_at: Micros) -> Result<()> {
    let encoded = Encoded::new(old)?;
    let fields = encoded.fields();
    let rest = checksum::past(old.version, superseded_at, encoded.last_accessed());
    let checksum = i64::from(fields.checksum()) << 32 | i64::from(rest);
    conn.prepare_cached(
        "INSERT INTO past(id, version, superseded_at, scope, created_at, updated_at, last_accessed, importance, source,
                          private, categories, metadata, content, vector, checksum)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute((
        EncodedId::new(&old.id),
        old.version,
        superseded_at,
        fields.scope,
        fields.created_at,
        fields.updated_at,
        encoded.last_accessed(),
        fields.importance,
        fields.source,
        fields.private.then_some(1),
        fields.categories,
        fields.metadata,
        fields.content,
        fields.vector,
        checksum,
    ))?;
    Ok(())
}

/// Stores superseded versions from another store, oldest first, of a record that is inserted next. They get new version
/// numbers, lower than that of the record. Belongs in a write transaction.
///
/// # Errors
/// [`Error::Backend`].
pub fn restore(conn: &Connection, past: &[PastVersion]) -> Result<()> {
    if past.is_empty() {
        return Ok(());
    }
    for (version, (old, superseded_at)) in numbers::reserve_records(conn, past.len())?.zip(past) {
        keep(conn, &Record { version: Some(version), ..old.clone() }, *superseded_at)?;
    }
    Ok(())
}

/// The superseded versions of a record, oldest first.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Backend`].
pub fn of(conn: &Connection, id: &RecordId) -> Result<Vec<PastVersion>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE id = ? ORDER BY version"))?;
    let versions = statement.query_map([EncodedId::new(id)], version)?;
    Ok(versions.collect::<rusqlite::Result<_>>()?)
}

/// Every version of a record that has not expired at `now`, as far as the viewer may see it, oldest first, the current one
/// last.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Backend`].
pub fn visible(conn: &Connection, id: &RecordId, viewer: &Viewer, now: Micros) -> Result<Vec<Record>> {
    let Some((_, current)) = records::live(conn, id, now)? else { return Ok(Vec::new()) };
    let versions = of(conn, id)?.into_iter().map(|(version, _)| version).chain([current]);
    Ok(versions.filter(|version| viewer.sees(version.source.as_deref(), version.private)).collect())
}

/// Passes every superseded version to `take`, by version, until it returns false. For a damaged version it passes the error.
///
/// # Errors
/// [`Error::Backend`], and what `take` raises.
pub fn each(conn: &Connection, mut take: impl FnMut(Result<PastVersion>) -> Result<bool>) -> Result<()> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} ORDER BY version"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !take(version(row).map_err(Error::from))? {
            break;
        }
    }
    Ok(())
}

/// Deletes the history of the record with this number. Must be called before the record is deleted. Belongs in a write
/// transaction.
///
/// # Errors
/// [`Error::Backend`].
pub fn forget(conn: &Connection, seq: Seq) -> Result<()> {
    let sql = "DELETE FROM past WHERE id = (SELECT id FROM records WHERE seq = ?)";
    conn.prepare_cached(sql)?.execute([seq])?;
    Ok(())
}

/// Deletes all histories.
///
/// # Errors
/// [`Error::Backend`].
pub fn forget_all(conn: &Connection) -> Result<()> {
    conn.execute("DELETE FROM past", [])?;
    Ok(())
}

/// One line for each damaged version.
///
/// # Errors
/// [`Error::Backend`].
pub fn problems(conn: &Connection) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    each(conn, |version| {
        problems.extend(version.err().map(|error| format!("history: {}", unexplained_message(&error))));
        Ok(true)
    })?;
    Ok(problems)
}

fn version(row: &Row<'_>) -> rusqlite::Result<PastVersion> {
    let (_, record) = row::record(row)?;
    let superseded_at = row.get(16)?;
    let last_accessed = row.get(5)?;
    if row.get::<_, i64>(17)? != i64::from(checksum::past(record.version, superseded_at, last_accessed)) {
        let what = checksum::damaged_version(&record.id.text());
        return Err(rusqlite::Error::FromSqlConversionFailure(17, Type::Integer, what.into()));
    }
    Ok((record, superseded_at))
}
