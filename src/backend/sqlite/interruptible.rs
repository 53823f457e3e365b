//! Statements that the user can interrupt.

use std::time::Instant;

use rusqlite::Connection;

use crate::error::Result;
use crate::interrupt;

/// While this value exists, the user can interrupt statements of a connection. These then fail, see
/// [`sqlite_error`](super::sqlite_error). The caller must hold no lock meanwhile, as for [`interrupt::requested`].
pub struct Interruptible<'c>(&'c Connection);

impl<'c> Interruptible<'c> {
    /// Makes the statements of a connection interruptible.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new(conn: &'c Connection) -> Result<Self> {
        /// How many instructions SQLite's virtual machine executes between two checks of the time.
        const INSTRUCTIONS: i32 = 10_000;
        let mut last = Instant::now();
        let interrupted = move || {
            if last.elapsed() < interrupt::INTERVAL {
                return false;
            }
            last = Instant::now();
            interrupt::requested()
        };
        conn.progress_handler(INSTRUCTIONS, Some(interrupted))?;
        Ok(Self(conn))
    }
}

impl Drop for Interruptible<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.progress_handler(0, None::<fn() -> bool>) {
            log::error!("a connection stays interruptible: {error}");
        }
    }
}
