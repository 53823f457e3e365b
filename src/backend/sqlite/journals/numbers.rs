//! The numbers of entries.
//!
//! SQLite keeps the highest number in `sqlite_sequence`, and writes that page too when it adds an entry with a higher one. So
//! numbers are reserved there in advance: for an entry below the highest, the page stays as it is. Whoever else writes takes
//! numbers behind the reserved ones.

use std::cell::Cell;
use std::ops::RangeInclusive;

use rusqlite::Connection;

use crate::backend::sqlite::numbers::{newest_entry, numbers_after, set_newest_entry};
use crate::error::Result;
use crate::journal::Number;

/// How many numbers are reserved.
const RESERVE: Number = 64;

/// The numbers of entries that a connection may take without asking the file.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// The highest that was taken.
    taken: Number,
    /// The highest that is reserved. After a rollback the file may have a lower one, which SQLite then raises with each entry.
    reserved: Number,
}

/// Takes `count` numbers that no entry ever had, and remembers them in `numbers`. Belongs in a write transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn take(
    conn: &Connection,
    numbers: &Cell<Option<Numbers>>,
    count: usize,
) -> Result<RangeInclusive<Number>> {
    let known = match numbers.get() {
        Some(known) => known,
        None => {
            let newest = newest_entry(conn)?;
            Numbers { taken: newest, reserved: newest }
        }
    };
    let new = numbers_after(known.taken, count)?;
    let taken = *new.end();
    let mut reserved = known.reserved;
    if taken > reserved {
        reserved = taken.saturating_add(RESERVE);
        set_newest_entry(conn, reserved)?;
    }
    numbers.set(Some(Numbers { taken, reserved }));
    Ok(new)
}
