//! The connections of one store: a pool of readers, and one writer.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::connection::{Source, open_writer};
use super::files::{FileId, check_name, identify_or_create, make_writable_beside};
use super::guard::Guard;
use super::reader::{AllClosed, Opener, Reader};
use super::sqlite_error::{self, Explained};
use super::write_connection::WriteConnection;
use super::{migrate, transaction};
use crate::backend::connections::Connections;
use crate::backend::counters::Counters;
use crate::backend::settings::{Durability, Settings};
use crate::error::{Error, Result};

/// After a write of more rows than this, the writer is opened again, see [`Pool::reopen`].
const LARGE_WRITE: u64 = 500;

/// The open connections of one store. Readers are closed before the writer, which, if it is the last of all
/// processes, moves the write-ahead log into the file.
#[derive(Debug)]
pub struct Pool {
    settings: Settings,
    source: Source,
    readers: Connections<Opener>,
    _all_closed: AllClosed,
    writer: Option<Mutex<WriteConnection>>,
    file: FileId,
    counters: Counters,
    /// Dropped last.
    guard: Guard,
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.guard.release();
    }
}

impl Pool {
    /// Opens a store. If there is no file, it creates one. An older store is copied to a backup beside it and migrated.
    ///
    /// # Errors
    /// [`Error::NotAStore`] and [`Error::SchemaTooNew`], the file untouched; [`Error::ReadOnly`], [`Error::Busy`],
    /// [`Error::Corrupt`], [`Error::Io`].
    pub fn open(settings: &Settings) -> Result<Self> {
        let path = std::path::absolute(&settings.path).map_err(|error| Error::io(&settings.path, error))?;
        check_name(&path)?;
        let timeout = settings.busy_timeout;
        let settings = Settings { path: path.clone(), ..settings.clone() };
        if settings.read_only {
            migrate::check_current(&path)?;
        } else {
            identify_or_create(&path)?;
        }
        let file = FileId::of(&path).map_err(|error| Error::io(&path, error))?;
        let guard = Guard::new(&path, file);
        guard.hold(&path);
        let (writer, source) = if settings.read_only {
            (None, Source::for_reading(&path, timeout)?)
        } else {
            // A newer store is refused before SQLite makes files beside it.
            migrate::status(&path)?;
            make_writable_beside(&path);
            let mut writer = open_writer(&settings).explained(&path, timeout)?;
            if guard.hold(&path) {
                // The file is new. Another copy of SQLite may have closed it meanwhile and deleted the write-ahead log.
                drop(writer);
                writer = open_writer(&settings).explained(&path, timeout)?;
            }
            (Some(Mutex::new(writer)), Source::shared(&path))
        };
        let (readers, all_closed) = readers(&source, &settings);
        let counters = Counters::default();
        Ok(Self { settings, source, readers, _all_closed: all_closed, writer, file, counters, guard })
    }

    /// The store's file, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.settings.path
    }

    /// How long to wait for locks and for a connection.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.settings.busy_timeout
    }

    /// What a finished write survives.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.settings.durability
    }

    /// True if the store cannot be written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.writer.is_none()
    }

    /// What an error of SQLite means for this store.
    #[must_use]
    pub fn explain(&self, error: Error) -> Error {
        sqlite_error::explain(error, self.path(), self.timeout())
    }

    /// What happened since the pool was opened.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Identifies the file, whatever path leads to it.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// How many readers are open, and how many of them are idle.
    #[must_use]
    pub fn readers(&self) -> (u32, u32) {
        self.readers.count()
    }

    /// Runs `work` on a reader, in one read transaction.
    ///
    /// # Errors
    /// [`Error::Busy`] if no reader becomes free in time, [`Error::Io`] if none can be opened; what `work` raises, explained.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.read_by(|reader| work(reader))
    }

    /// [`Pool::read`] for work that wants to know which reader it is.
    ///
    /// # Errors
    /// As [`Pool::read`].
    pub fn read_by<T>(&self, work: impl FnOnce(&Reader) -> Result<T>) -> Result<T> {
        let reader = self.reader()?;
        transaction::snapshot(&reader, |_| work(&reader)).explained(self.path(), self.timeout())
    }

    /// Runs `work` on the writer, outside a transaction. Nobody else of this pool writes meanwhile.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Busy`] at the deadline; [`Error::Io`] if the file was moved away; what `work`
    /// raises, explained.
    pub fn write<T>(&self, deadline: Instant, work: impl FnOnce(&WriteConnection) -> Result<T>) -> Result<T> {
        let Some(writer) = &self.writer else { return Err(Error::ReadOnly(self.path().into())) };
        let busy = || Error::Busy { what: "another write of this process", waited: self.timeout() };
        let mut writer = writer.try_lock_until(deadline).ok_or_else(busy)?;
        self.check_in_place()?;
        let before = writer.total_changes();
        let outcome = work(&writer).explained(self.path(), self.timeout());
        if writer.total_changes() - before > LARGE_WRITE {
            self.reopen(&mut writer);
        }
        outcome
    }

    /// Opens a connection that reads and does not belong to the pool.
    ///
    /// # Errors
    /// As [`Pool::read`].
    pub fn connect(&self) -> Result<Connection> {
        let conn = self.source.connect().and_then(|conn| {
            self.source.set_up_reader(&conn, self.timeout())?;
            Ok(conn)
        });
        conn.map_err(Error::from).explained(self.path(), self.timeout())
    }

    /// Opens the writer again. FTS5 never frees the memory of a large write, and each small write that follows goes
    /// through all of it.
    fn reopen(&self, writer: &mut WriteConnection) {
        match open_writer(&self.settings) {
            Ok(fresh) => *writer = fresh,
            Err(error) => log::warn!("the writer could not be opened again and keeps its memory: {error}"),
        }
    }

    /// Refuses to write if the file at the path is not the one that was opened. SQLite would go on writing to a file
    /// that has no name any more.
    fn check_in_place(&self) -> Result<()> {
        match FileId::of(self.path()) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) => {
                Err(io::Error::other("another file was put in its place; close the store and open it again"))
            }
            Err(error) => Err(error),
        }
        .map_err(|error| Error::io(self.path(), error))
    }

    pub(super) fn reader(&self) -> Result<r2d2::PooledConnection<Opener>> {
        self.readers.take(|_| false).explained(self.path(), self.timeout())
    }
}

fn readers(source: &Source, settings: &Settings) -> (Connections<Opener>, AllClosed) {
    let (timeout, init) = (settings.busy_timeout, source.clone());
    let manager = SqliteConnectionManager::file(&source.path)
        .with_flags(source.flags)
        .with_init(move |conn| init.set_up_reader(conn, timeout));
    let (opener, all_closed) = Opener::new(manager);
    (Connections::new(opener, settings.pool_size, timeout), all_closed)
}
