//! The connection that writes, and what it remembers as long as nobody else commits.

use std::cell::Cell;
use std::ops::Deref;

use rusqlite::Connection;

use super::journals::Numbers;
use super::{changes, migrate};
use crate::error::Result;

/// The one connection of a pool that writes.
#[derive(Debug)]
pub struct WriteConnection {
    conn: Connection,
    /// The data version at the last [`WriteConnection::notice_others`].
    seen: Cell<Option<i64>>,
    /// The numbers of entries; `None` until they are read.
    pub(super) numbers: Cell<Option<Numbers>>,
}

impl WriteConnection {
    /// A connection that remembers nothing yet.
    pub fn new(conn: Connection) -> Self {
        Self { conn, seen: Cell::new(None), numbers: Cell::new(None) }
    }

    /// If others may have committed: refuses a file that a newer agentmem has migrated, and forgets what is remembered.
    /// Belongs at the start of a write transaction.
    ///
    /// # Errors
    /// [`crate::Error::SchemaTooNew`], [`crate::Error::Backend`].
    pub fn notice_others(&self) -> Result<()> {
        let version = changes::data_version(self)?;
        if self.seen.get() != Some(version) {
            migrate::check_not_newer(self)?;
            self.numbers.set(None);
            self.seen.set(Some(version));
        }
        Ok(())
    }
}

impl Deref for WriteConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}
