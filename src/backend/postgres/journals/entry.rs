//! An entry as a row.

use tokio_postgres::Row;

use crate::backend::checksum;
use crate::backend::postgres::postgres_error::unreadable;
use crate::error::{Error, Result};
use crate::journal::{Entry, Number, Value};

/// What [`entry`] reads.
pub const COLUMNS: &str = "number, key, json, bytes, written_at, expires_at, checksum, journal";

/// The entries in rows of [`COLUMNS`].
pub fn entries(rows: &[Row]) -> Result<Vec<Entry>> {
    rows.iter().map(entry).collect()
}

/// The entry in a row of [`COLUMNS`], if it fits its checksum.
pub fn entry(row: &Row) -> Result<Entry> {
    let number: Number = row.try_get(0)?;
    let name: &str = row.try_get(7)?;
    let value = match (row.try_get::<_, Option<String>>(2), row.try_get::<_, Option<Vec<u8>>>(3)) {
        (Ok(Some(json)), Ok(None)) => Some(Value::Json(json)),
        (Ok(None), Ok(Some(bytes))) => Some(Value::Bytes(bytes)),
        _ => None,
    };
    let found = value.map(|value| {
        let (key, written_at) = (row.try_get(1)?, row.try_get(4)?);
        Ok::<_, Error>(Entry { number, key, value, written_at, expires_at: row.try_get(5)? })
    });
    let checksum: i64 = row.try_get(6)?;
    let found = found.transpose()?.filter(|entry| checksum::entry(name, entry) == checksum);
    found.ok_or_else(|| unreadable(checksum::damaged_entry(number, name)))
}
