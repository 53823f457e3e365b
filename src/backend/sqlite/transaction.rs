//! Transactions, and waiting for locks.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::sqlite_error;
use crate::error::{Error, Result};
use crate::random;

/// The shortest and the longest sleep. Sleeps are short, so that a waiting thread also gets the lock beside a writer that
/// takes it again at once.
const SLEEPS: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(5));

/// An open transaction. If it is dropped without a commit, it is rolled back.
pub struct Transaction<'c> {
    conn: &'c Connection,
}

impl<'c> Transaction<'c> {
    /// Takes the write lock of the file. While another process has it, tries again until `deadline`.
    ///
    /// # Errors
    /// [`crate::Error::Backend`], busy among others.
    pub fn begin(conn: &'c Connection, deadline: Instant) -> Result<Self> {
        until(deadline, || conn.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop))?;
        Ok(Self { conn })
    }

    /// Commits. After an error, nothing of the transaction is left.
    ///
    /// # Errors
    /// [`crate::Error::Backend`], when the disk is full among others.
    pub fn commit(self, deadline: Instant) -> Result<()> {
        until(deadline, || self.conn.prepare_cached("COMMIT")?.execute([]).map(drop))?;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // The transaction was committed, or SQLite has rolled it back after an error such as a full disk.
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.conn.execute_batch("ROLLBACK") {
            log::error!("a rollback failed: {error}");
        }
    }
}

/// Runs `work` in a read transaction. If a transaction is open already, `work` runs in that.
///
/// # Errors
/// [`crate::Error::Backend`], and what `work` raises.
pub fn snapshot<T>(conn: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    if !conn.is_autocommit() {
        return work(conn);
    }
    begin_reading(conn)?;
    let view = Transaction { conn };
    let found = work(conn)?;
    conn.prepare_cached("COMMIT")?.execute([])?;
    drop(view);
    Ok(found)
}

/// Begins a transaction that reads.
///
/// # Errors
/// [`Error::Backend`].
pub fn begin_reading(conn: &Connection) -> Result<()> {
    conn.prepare_cached("BEGIN")?.execute([])?;
    Ok(())
}

/// Ends what [`begin_reading`] began, unless SQLite has ended it because of an error.
pub fn end_reading(conn: &Connection) {
    if conn.is_autocommit() {
        return;
    }
    if let Err(error) = conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])) {
        log::error!("a transaction that reads could not be ended: {error}");
    }
}

/// Calls `attempt` until it is not busy or the deadline has passed, with jittered sleeps between.
pub fn until<T, E: MaybeBusy>(deadline: Instant, mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let mut sleep = SLEEPS.0;
    loop {
        match attempt() {
            Err(error) if error.is_busy() && Instant::now() < deadline => {
                std::thread::sleep(jittered(sleep).min(deadline.saturating_duration_since(Instant::now())));
                sleep = (sleep * 2).min(SLEEPS.1);
            }
            outcome => return outcome,
        }
    }
}

/// An error that may say that another connection has a lock.
pub trait MaybeBusy {
    /// True if it says so.
    fn is_busy(&self) -> bool;
}

impl MaybeBusy for rusqlite::Error {
    fn is_busy(&self) -> bool {
        matches!(self.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }
}

impl MaybeBusy for Error {
    fn is_busy(&self) -> bool {
        sqlite_error::sqlite_error(self).is_some_and(MaybeBusy::is_busy)
    }
}

/// Half to one and a half of `sleep`, so that waiting processes do not try at the same times.
fn jittered(sleep: Duration) -> Duration {
    sleep / 2 + sleep.mul_f64((random::number() % 1024) as f64 / 1024.0)
}
