//! How the pool opens readers, and how to know that all of them are closed.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use r2d2::ManageConnection;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::changes;
use crate::error::Result;

/// Opens readers, and notes which are open: the pool's threads may be opening one while the pool is dropped.
#[derive(Debug)]
pub struct Opener {
    manager: SqliteConnectionManager,
    open: Arc<()>,
}

/// A reader of the pool.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    /// The data version that the index is known to hold.
    held: Cell<Option<i64>>,
    _open: Arc<()>,
}

impl Reader {
    /// Is what this reader sees still what [`Reader::hold`] was called for? It must not write.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn is_held(&self) -> Result<bool> {
        Ok(self.held.get() == Some(changes::data_version(self)?))
    }

    /// Notes that the index holds all that this reader sees, as it then will for ever.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn hold(&self) -> Result<()> {
        self.held.set(Some(changes::data_version(self)?));
        Ok(())
    }
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl Opener {
    /// Opens them as `manager` does; and what to drop after the pool.
    pub fn new(manager: SqliteConnectionManager) -> (Self, LastOut) {
        let open = Arc::new(());
        (Self { manager, open: Arc::clone(&open) }, LastOut(open))
    }
}

impl ManageConnection for Opener {
    type Connection = Reader;
    type Error = rusqlite::Error;

    fn connect(&self) -> rusqlite::Result<Reader> {
        let open = Arc::clone(&self.open);
        Ok(Reader { conn: self.manager.connect()?, held: Cell::new(None), _open: open })
    }

    fn is_valid(&self, reader: &mut Reader) -> rusqlite::Result<()> {
        self.manager.is_valid(&mut reader.conn)
    }

    fn has_broken(&self, reader: &mut Reader) -> bool {
        self.manager.has_broken(&mut reader.conn)
    }
}

/// When this is dropped, after the pool, it waits until every reader is closed: then the file is let go indeed.
#[derive(Debug)]
pub struct LastOut(Arc<()>);

impl Drop for LastOut {
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(10);
        let deadline = Instant::now() + PATIENCE;
        while Arc::strong_count(&self.0) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
