//! An entry as a row.

use rusqlite::types::{ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Row};

use crate::backend::checksum;
use crate::error::Result;
use crate::journal::{Entry, Number, Value};

/// What [`entry`] reads.
pub const COLUMNS: &str = "number, key, value, written_at, expires_at, checksum";

/// Adds an entry, in place of the one that its key has.
pub fn insert(conn: &Connection, journal: i64, name: &str, entry: &Entry) -> Result<()> {
    // REPLACE would do this too, but SQLite prepares to undo a part of such a statement: it copies pages.
    if let Some(key) = &entry.key {
        conn.prepare_cached("DELETE FROM entries WHERE journal = ? AND key = ? AND key IS NOT NULL")?
            .execute((journal, key))?;
    }
    let mut statement = conn.prepare_cached(
        "INSERT INTO entries(number, journal, written_at, expires_at, key, value, checksum)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let Entry { number, key, value, written_at, expires_at } = entry;
    statement.execute((number, journal, written_at, expires_at, key, value, checksum::entry(name, entry)))?;
    Ok(())
}

/// An entry of a journal of this name, if it fits its checksum.
pub fn entry(row: &Row<'_>, name: &str) -> rusqlite::Result<Entry> {
    let number: Number = row.get(0)?;
    let intact = fields(row)
        .and_then(|entry| Ok((checksum::entry(name, &entry) == row.get::<_, i64>(5)?).then_some(entry)));
    intact.ok().flatten().ok_or_else(|| {
        let what = checksum::damaged_entry(number, name);
        rusqlite::Error::FromSqlConversionFailure(5, Type::Text, what.into())
    })
}

/// As [`entry`], where the journal's name is the seventh column.
pub fn named(row: &Row<'_>) -> rusqlite::Result<(String, Entry)> {
    let name = row.get_ref(6)?.as_str_or_null().ok().flatten().unwrap_or_default();
    Ok((name.to_owned(), entry(row, name)?))
}

fn fields(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        number: row.get(0)?,
        key: row.get(1)?,
        value: match row.get_ref(2)? {
            ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
            text => Value::Json(text.as_str()?.to_owned()),
        },
        written_at: row.get(3)?,
        expires_at: row.get(4)?,
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Json(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
