//! Whether anything was committed at all.

use std::sync::Arc;

use rusqlite::Connection;

use super::changes::data_version;
use super::pool::Pool;
use super::sqlite_error::Explained;
use crate::backend::Watch;
use crate::error::Result;

/// A connection that notices commits of others: in other processes, and on other connections in this one.
#[derive(Debug)]
pub struct Watcher {
    /// It never writes: its own commits would go unnoticed.
    conn: Connection,
    seen: i64,
    /// Dropped after the connection.
    pool: Arc<Pool>,
}

impl Watcher {
    /// Opens a connection to the file of `pool`.
    ///
    /// # Errors
    /// As [`Pool::connect`].
    pub fn open(pool: &Arc<Pool>) -> Result<Self> {
        Ok(Self { conn: pool.connect()?, seen: -1, pool: Arc::clone(pool) })
    }
}

impl Watch for Watcher {
    fn moved(&mut self) -> Result<bool> {
        let version = data_version(&self.conn).explained(self.pool.path(), self.pool.timeout())?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }

    fn forget(&mut self) {
        self.seen = -1;
    }
}
