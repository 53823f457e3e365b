//! The readers of a pool: what each of them caches, how they are opened, and waiting until all are closed.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use r2d2::ManageConnection;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::{expiries, late_vectors, migrate, numbers};
use crate::backend::feed::Position;
use crate::error::Result;
use crate::record::{Micros, Seq};

/// Microseconds between two checks of the schema version by a reader. A check for each snapshot would make `get` 8 % slower.
const CHECK_INTERVAL: u64 = 100_000;

/// Opens readers and counts those that are open. The pool's thread may still be opening one while the pool is dropped.
#[derive(Debug)]
pub struct Opener {
    manager: SqliteConnectionManager,
    open: Arc<()>,
}

/// A reader of the pool.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    /// The last data version, and the position at which an index contains everything.
    needed: Cell<Option<(i64, Position)>>,
    /// When the schema version was checked last.
    checked: Cell<Micros>,
    /// The result of the last [`Reader::expired`].
    expired: RefCell<Expired>,
    _open: Arc<()>,
}

/// The records that had expired at one time.
#[derive(Debug, Default)]
struct Expired {
    /// The data version at that time.
    version: i64,
    /// That time.
    upto: Micros,
    /// When the next record expires.
    next: Micros,
    seqs: Arc<[Seq]>,
}

impl Reader {
    /// Refuses a file that a newer agentmem has migrated since it was opened, at the latest 100 ms after that.
    ///
    /// # Errors
    /// [`crate::Error::SchemaTooNew`], [`crate::Error::Backend`].
    pub fn check_not_newer(&self, now: Micros) -> Result<()> {
        if now.abs_diff(self.checked.get()) >= CHECK_INTERVAL {
            migrate::check_not_newer(self)?;
            self.checked.set(now);
        }
        Ok(())
    }

    /// The numbers of the records that have expired at `now`, in ascending order. `version` is the data version. They are read
    /// again only after a commit, or when another record expires.
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

    /// False if it is known, without a read, that no record expires now or later.
    pub fn may_expire(&self, version: i64) -> bool {
        let kept = self.expired.borrow();
        kept.version != version || kept.next < Micros::MAX || !kept.seqs.is_empty()
    }

    /// True if an index at this position contains everything that this reader sees. `version` is the data version. The newest
    /// numbers are read again only after a commit.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn is_current(&self, version: i64, position: Position) -> Result<bool> {
        let needed = match self.needed.get() {
            Some((seen, needed)) if seen == version => needed,
            _ => {
                migrate::check_not_newer(self)?;
                Position {
                    seq: numbers::newest_live(self)?,
                    deletion: numbers::newest_deletion(self)?,
                    vectors: late_vectors::newest(self)?,
                    era: 0,
                }
            }
        };
        self.needed.set(Some((version, needed)));
        Ok(needed.seq <= position.seq
            && needed.deletion <= position.deletion
            && needed.vectors <= position.vectors)
    }
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl Opener {
    /// An opener that uses `manager`, and the guard to drop after the pool.
    pub fn new(manager: SqliteConnectionManager) -> (Self, AllClosed) {
        let open = Arc::new(());
        (Self { manager, open: Arc::clone(&open) }, AllClosed(open))
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
            checked: Cell::new(Micros::MIN),
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

/// Waits, when it is dropped after the pool, until every reader is closed.
#[derive(Debug)]
pub struct AllClosed(Arc<()>);

impl Drop for AllClosed {
    fn drop(&mut self) {
        const TIMEOUT: Duration = Duration::from_secs(10);
        let deadline = Instant::now() + TIMEOUT;
        while Arc::strong_count(&self.0) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
