//! Maintenance: integrity checks, compaction and checkpoints.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ffi};

use super::interruptible::Interruptible;
use super::transaction::MaybeBusy;
use super::{expiries, fts, history, journals, transaction};
use crate::error::Result;

/// How long a compaction waits for readers of an older state.
const READERS_END: Duration = Duration::from_secs(1);

/// The problems that SQLite finds in the file and in the structure of the full-text table.
///
/// # Errors
/// [`crate::Error::Backend`] if the file cannot be read at all.
pub fn problems(conn: &Connection) -> Result<Vec<String>> {
    transaction::snapshot(conn, |conn| {
        // FTS5's check uses the connection's cached state of the table. Only a query updates that.
        let full_text = fts::rows_with_term(conn, "a").err().map(|error| format!("full text: {error}"));
        let mut statement = conn.prepare("PRAGMA integrity_check")?;
        let lines =
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut problems: Vec<String> =
            lines.into_iter().filter(|line| line != "ok").chain(full_text).collect();
        problems.extend(expiries::problems(conn)?);
        problems.extend(history::problems(conn)?);
        problems.extend(journals::read::problems(conn)?);
        Ok(problems)
    })
}

/// Writes the file again, without the space that deleted records left in its pages, and empties the write-ahead log.
/// Meanwhile the store takes twice its space, and others can read it. See <https://www.sqlite.org/lang_vacuum.html>.
///
/// # Errors
/// [`crate::Error::Backend`], busy at the deadline and interrupted among others: the file stays as it was.
pub fn compact(conn: &Connection, deadline: Instant) -> Result<()> {
    // SQLite's temporary copy contains all records, which is too much for memory.
    let _interruptible = Interruptible::new(conn)?;
    conn.execute_batch("PRAGMA temp_store = FILE")?;
    let compacted = transaction::until(deadline, || conn.execute_batch("VACUUM"));
    conn.execute_batch("PRAGMA temp_store = MEMORY")?;
    compacted?;
    truncate_log(conn, deadline.min(Instant::now() + READERS_END))
}

/// Moves the whole write-ahead log into the file and empties it, which shrinks both. Readers of an older state prevent that;
/// then the next checkpoint does it.
fn truncate_log(conn: &Connection, deadline: Instant) -> Result<()> {
    let truncated = transaction::until(deadline, || {
        let busy = conn.query_row("PRAGMA main.wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
        if busy {
            Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))
        } else {
            Ok(())
        }
    });
    match truncated {
        Err(error) if error.is_busy() => Ok(()),
        outcome => Ok(outcome?),
    }
}
