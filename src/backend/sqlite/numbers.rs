//! The numbers of records, deletions and entries: SQLite keeps the highest of each table in `sqlite_sequence`.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, ffi};

use crate::backend::numbers;
use crate::error::Result;
use crate::journal::Number;
use crate::record::Seq;

/// The number of the newest deletion ever.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn newest_deletion(conn: &Connection) -> Result<i64> {
    newest_in(conn, "deletions")
}

/// The highest number that a record ever had.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn newest_record(conn: &Connection) -> Result<Seq> {
    newest_in(conn, "records")
}

/// The highest number of an existing record; 0 if there is none.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn newest_live(conn: &Connection) -> Result<Seq> {
    let mut statement = conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM records")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Reserves numbers that no record will get. Belongs in a write transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn reserve_records(conn: &Connection, count: usize) -> Result<RangeInclusive<Seq>> {
    let numbers = numbers_after(newest_record(conn)?, count)?;
    set_newest(conn, "records", *numbers.end())?;
    Ok(numbers)
}

/// The highest number that an entry of a journal ever had, or that is reserved.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn newest_entry(conn: &Connection) -> Result<Number> {
    newest_in(conn, "entries")
}

/// Reserves the numbers of entries up to this one. Belongs in a write transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn set_newest_entry(conn: &Connection, number: Number) -> Result<()> {
    set_newest(conn, "entries", number)
}

/// As [`numbers::numbers_after`].
///
/// # Errors
/// [`crate::Error::Backend`] if there are not so many: the error that SQLite itself raises for the numbers of records.
pub fn numbers_after(newest: i64, count: usize) -> Result<RangeInclusive<i64>> {
    numbers::numbers_after(newest, count).ok_or_else(|| {
        let detail = Some(numbers::USED_UP.into());
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), detail).into()
    })
}

fn newest_in(conn: &Connection, table: &str) -> Result<i64> {
    let mut statement = conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?")?;
    Ok(statement.query_row([table], |row| row.get(0)).optional()?.unwrap_or_default())
}

fn set_newest(conn: &Connection, table: &str, number: i64) -> Result<()> {
    let mut update = conn.prepare_cached("UPDATE sqlite_sequence SET seq = ? WHERE name = ?")?;
    if update.execute((number, table))? == 0 {
        conn.execute("INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)", (table, number))?;
    }
    Ok(())
}
