//! When records expire: the table `expiries`.
//!
//! A damaged row counts as no expiry: a flipped bit must not hide or delete a record.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension};

use crate::backend::{checksum, encoding};
use crate::error::Result;
use crate::record::{Micros, Seq};

/// True for a row of `expiries` that is due at `?` and fits its checksum.
pub(super) const DUE: &str =
    "expiries.at <= ? AND expiries.checksum = expiry_checksum(expiries.seq, expiries.at)";

/// True for a row of `records` whose expiry is due at `?`.
pub(super) const DUE_SEQS: &str = "records.seq IN (SELECT seq FROM expiries WHERE expiries.at <= ?
     AND expiries.checksum = expiry_checksum(expiries.seq, expiries.at))";

/// True for a row of `records` whose expiry is not due at `?`.
pub(super) const UNEXPIRED: &str = "NOT EXISTS (SELECT 1 FROM expiries WHERE expiries.seq = records.seq
     AND expiries.at <= ? AND expiries.checksum = expiry_checksum(expiries.seq, expiries.at))";

/// Sets when a record expires; `None` is never. Belongs in a write transaction.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn set(conn: &Connection, seq: Seq, at: Option<Micros>) -> Result<()> {
    match at {
        Some(at) => conn
            .prepare_cached("INSERT OR REPLACE INTO expiries(seq, at, checksum) VALUES (?, ?, ?)")?
            .execute((seq, at, checksum::expiry(seq, at)))?,
        None => conn.prepare_cached("DELETE FROM expiries WHERE seq = ?")?.execute([seq])?,
    };
    Ok(())
}

/// When a record expires, from a row of `expiries`; `None` if the row is damaged.
pub(super) fn intact(seq: Seq, at: Micros, found: Option<i64>) -> Option<Micros> {
    (found == Some(checksum::expiry(seq, at))).then_some(at)
}

/// True if an expiry after `after` is due at `now`. Damaged ones count.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn any_due(conn: &Connection, after: Micros, now: Micros) -> Result<bool> {
    let mut statement = conn.prepare_cached("SELECT 1 FROM expiries WHERE at > ? AND at <= ? LIMIT 1")?;
    Ok(statement.query_row((after, now), |_| Ok(())).optional()?.is_some())
}

/// The earliest expiry after `now`, damaged or not; [`Micros::MAX`] if there is none.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn next(conn: &Connection, now: Micros) -> Result<Micros> {
    let mut statement = conn.prepare_cached("SELECT coalesce(min(at), ?2) FROM expiries WHERE at > ?1")?;
    Ok(statement.query_row((now, Micros::MAX), |row| row.get(0))?)
}

/// The records whose expiry is due at `now`, in ascending order.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn due(conn: &Connection, now: Micros) -> Result<Vec<Seq>> {
    let mut seqs = earliest(conn, now, usize::MAX)?;
    seqs.sort_unstable();
    Ok(seqs)
}

/// At most `limit` records whose expiry is due at `now`, the earliest first.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn earliest(conn: &Connection, now: Micros, limit: usize) -> Result<Vec<Seq>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT seq FROM expiries WHERE {DUE} ORDER BY at LIMIT ?"))?;
    let rows = statement.query_map((now, encoding::limit(limit)), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One line for each damaged row.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn problems(conn: &Connection) -> Result<Vec<String>> {
    let mut statement =
        conn.prepare_cached("SELECT seq FROM expiries WHERE checksum IS NOT expiry_checksum(seq, at)")?;
    let rows = statement.query_map([], |row| {
        Ok(format!(
            "the expiry of record number {} is damaged; the record does not expire",
            row.get::<_, Seq>(0)?
        ))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Gives a connection the SQL function `expiry_checksum(seq, at)`.
pub fn register_function(conn: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function("expiry_checksum", 2, flags, |context| {
        Ok(checksum::expiry(context.get(0)?, context.get(1)?))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    fn database() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        register_function(&conn).unwrap();
        conn.execute_batch("CREATE TABLE expiries (seq INTEGER PRIMARY KEY, at INTEGER, checksum INTEGER)")
            .unwrap();
        conn
    }

    #[test]
    fn what_is_due_is_listed_and_what_is_damaged_is_not() {
        let conn = database();
        for (seq, at) in [(3, 10), (1, 20), (2, 30), (4, 5)] {
            set(&conn, seq, Some(at)).unwrap();
        }
        set(&conn, 4, None).unwrap();
        assert_eq!(due(&conn, 20).unwrap(), [1, 3]);
        assert_eq!(earliest(&conn, 20, 1).unwrap(), [3]);
        assert!(any_due(&conn, 10, 20).unwrap() && !any_due(&conn, 20, 29).unwrap());
        conn.execute("UPDATE expiries SET at = at & ~8 WHERE seq = 3", []).unwrap();
        assert_eq!(due(&conn, 20).unwrap(), [1]);
        assert_eq!(problems(&conn).unwrap().len(), 1);
    }
}
