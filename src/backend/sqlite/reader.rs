//! How the pool opens readers, and how to know that all of them are closed.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use r2d2::ManageConnection;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::{changes, expiries, migrate};
use crate::backend::feed::Position;
use crate::error::Result;
use crate::record::{Micros, Seq};

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
    /// The data version that was seen last, and the position that an index needs to have everything in it.
    needed: Cell<Option<(i64, Position)>>,
    /// What had expired when it was asked last.
    expired: RefCell<Expired>,
    _open: Arc<()>,
}

/// The records that had expired at a moment.
#[derive(Debug, Default)]
struct Expired {
    /// The data version that was seen.
    version: i64,
    /// The moment.
    upto: Micros,
    /// When the next record expires.
    next: Micros,
    seqs: Arc<[Seq]>,
}

impl Reader {
    /// The numbers of the records that have expired at `now`, rising. `version` is the data version. They are read again only
    /// after a commit, or when more expire.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn expired(&self, version: i64, now: Micros) -> Result<Arc<[Seq]>> {
        let mut kept = self.expired.borrow_mut();
        if kept.version != version || now < kept.upto || now >= kept.next {
            let (seqs, next) = (expiries::due(self, now)?.into(), expiries::next(self, now)?);
            *kept = Expired { version, upto: now, next, seqs };
        }
        Ok(Arc::clone(&kept.seqs))
    }

    /// False if no record expires, now or later, as far as is known without asking.
    pub fn may_expire(&self, version: i64) -> bool {
        let kept = self.expired.borrow();
        kept.version != version || kept.next < Micros::MAX || !kept.seqs.is_empty()
    }

    /// True if an index at this position has everything that this reader sees. `version` is the data version. What it sees is
    /// asked again only after a commit.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn is_current(&self, version: i64, position: Position) -> Result<bool> {
        let needed = match self.needed.get() {
            Some((seen, needed)) if seen == version => needed,
            _ => {
                migrate::check_not_newer(self)?;
                Position { seq: changes::newest_live(self)?, deletion: changes::newest_deletion(self)? }
            }
        };
        self.needed.set(Some((version, needed)));
        Ok(needed.seq <= position.seq && needed.deletion <= position.deletion)
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
        Ok(Reader {
            conn: self.manager.connect()?,
            needed: Cell::new(None),
            expired: RefCell::default(),
            _open: open,
        })
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
        const TIMEOUT: Duration = Duration::from_secs(10);
        let deadline = Instant::now() + TIMEOUT;
        while Arc::strong_count(&self.0) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
