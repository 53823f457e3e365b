//! How the pool opens readers, and how to know that all of them are closed.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use r2d2::ManageConnection;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

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
    _open: Arc<()>,
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
        Ok(Reader { conn: self.manager.connect()?, _open: open })
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
