//! The connections of one store: a pool of readers, and one writer.

use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use scheduled_thread_pool::ScheduledThreadPool;

use super::changes::Watcher;
use super::connection::{Source, open_writer};
use super::counters::Counters;
use super::files::{FileId, check_name, identify_or_create, make_writable_beside};
use super::guard::Guard;
use super::reader::{LastOut, Opener, Reader};
use super::settings::Settings;
use super::sqlite_error::{self, Explained};
use super::{migrate, transaction};
use crate::error::{Error, Result};

/// A write of more rows than this is large, see [`Pool::reopen`].
const MUCH: u64 = 500;

/// The open connections of one store. Readers are closed before the writer, which, if it is the last of all
/// processes, moves the write-ahead log into the file.
#[derive(Debug)]
pub struct Pool {
    settings: Settings,
    source: Source,
    readers: r2d2::Pool<Opener>,
    _last_out: LastOut,
    failure: LastFailure,
    writer: Option<Mutex<Connection>>,
    file: FileId,
    counters: Counters,
    /// Dropped last.
    guard: Arc<Guard>,
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.guard.release();
    }
}

impl Pool {
    /// Opens a store: makes it if there is nothing, brings an older one up to date after a backup beside it.
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
        let guard = Arc::new(Guard::new(&path, file));
        guard.hold(&path);
        let (writer, source) = if settings.read_only {
            (None, Source::for_reading(&path, timeout)?)
        } else {
            // A newer store is refused before SQLite makes files beside it.
            migrate::status(&path)?;
            make_writable_beside(&path);
            let mut writer = open_writer(&settings).explained(&path, timeout)?;
            if guard.hold(&path) {
                // A new file, that another copy of SQLite may have closed as the last meanwhile.
                drop(writer);
                writer = open_writer(&settings).explained(&path, timeout)?;
            }
            (Some(Mutex::new(writer)), Source::shared(&path))
        };
        let failure = LastFailure::default();
        let (readers, last_out) = readers(&source, &settings, failure.clone());
        let counters = Counters::default();
        Ok(Self { settings, source, readers, _last_out: last_out, failure, writer, file, counters, guard })
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

    /// Can it not be written?
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.writer.is_none()
    }

    /// What an error of SQLite means for this store.
    #[must_use]
    pub fn explain(&self, error: Error) -> Error {
        sqlite_error::explain(error, self.path(), self.timeout())
    }

    /// What happened since it was opened.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Which file this is, whatever path leads to it.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// How many readers are open, and how many of them idle.
    #[must_use]
    pub fn readers(&self) -> r2d2::State {
        self.readers.state()
    }

    /// Runs `work` on a reader; all it reads is of one moment.
    ///
    /// # Errors
    /// [`Error::Busy`] if none becomes free in time, [`Error::Io`] if none can be opened; what `work` raises, explained.
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

    /// Runs `work` on the writer, in no transaction, alone among this pool's users.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Busy`] at the deadline; [`Error::Io`] if the file was moved away; what `work`
    /// raises, explained.
    pub fn write<T>(&self, deadline: Instant, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut writer = self.writer(deadline)?;
        self.check_in_place()?;
        let before = writer.total_changes();
        let outcome = work(&writer).explained(self.path(), self.timeout());
        if writer.total_changes() - before > MUCH {
            self.reopen(&mut writer);
        }
        outcome
    }

    /// A connection of its own that notices commits.
    ///
    /// # Errors
    /// As [`Pool::read`].
    pub fn watcher(&self) -> Result<Watcher> {
        let conn = self.source.connect().and_then(|conn| {
            self.source.set_up_reader(&conn, self.timeout())?;
            Ok(conn)
        });
        conn.map(|conn| Watcher::new(conn, Arc::clone(&self.guard)))
            .map_err(Error::from)
            .explained(self.path(), self.timeout())
    }

    /// FTS5 never gives back the memory of a large write, and goes through all of it at each small one that follows.
    fn reopen(&self, writer: &mut Connection) {
        match open_writer(&self.settings) {
            Ok(fresh) => *writer = fresh,
            Err(error) => log::warn!("the writer goes on with much memory: {error}"),
        }
    }

    /// Is the file that was opened still the one at the path? SQLite would write on into a file without a name.
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

    fn writer(&self, deadline: Instant) -> Result<MutexGuard<'_, Connection>> {
        let Some(writer) = &self.writer else { return Err(Error::ReadOnly(self.path().into())) };
        writer
            .try_lock_until(deadline)
            .ok_or(Error::Busy { what: "another write of this process", waited: self.timeout() })
    }

    pub(super) fn reader(&self) -> Result<r2d2::PooledConnection<Opener>> {
        // In steps, so that a connection that cannot be opened is told at once and not after all timeout.
        const STEP: Duration = Duration::from_millis(250);
        /// To open a connection takes its time, however little timeout there is with others.
        const OPENING: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + self.timeout();
        loop {
            let step = STEP.min(deadline.saturating_duration_since(Instant::now()));
            if let Ok(reader) = self.readers.get_timeout(step.max(Duration::from_millis(1))) {
                return Ok(reader);
            }
            if let Some(error) = self.failure.take() {
                return Err(error).explained(self.path(), self.timeout());
            }
            let one_more = self.readers.state().connections < self.readers.max_size();
            if Instant::now() >= deadline + if one_more { OPENING } else { Duration::ZERO } {
                return Err(Error::Busy { what: "every connection of the pool", waited: self.timeout() });
            }
        }
    }
}

fn readers(source: &Source, settings: &Settings, failure: LastFailure) -> (r2d2::Pool<Opener>, LastOut) {
    let (timeout, init) = (settings.busy_timeout, source.clone());
    let manager = SqliteConnectionManager::file(&source.path)
        .with_flags(source.flags)
        .with_init(move |conn| init.set_up_reader(conn, timeout));
    let (opener, last_out) = Opener::new(manager);
    let pool = r2d2::Pool::builder()
        .max_size(settings.pool_size.max(1))
        .min_idle(Some(0))
        .max_lifetime(None)
        // With a limit, the thread would look for old connections twice a minute.
        .idle_timeout(None)
        .test_on_check_out(false)
        .thread_pool(opening_thread())
        .error_handler(Box::new(failure))
        .build_unchecked(opener);
    (pool, last_out)
}

/// The thread that opens connections for all pools of this process. It ends with the last pool, so that none is left
/// when the process forks; a child starts its own.
fn opening_thread() -> Arc<ScheduledThreadPool> {
    static SHARED: Mutex<(u32, Weak<ScheduledThreadPool>)> = Mutex::new((0, Weak::new()));
    let mut shared = SHARED.lock();
    let process = std::process::id();
    match shared.1.upgrade() {
        Some(thread) if shared.0 == process => thread,
        inherited => {
            // The parent's thread does not exist here: it cannot be asked to end.
            std::mem::forget(inherited);
            let thread = Arc::new(
                ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("r2d2-worker-{}").build(),
            );
            *shared = (process, Arc::downgrade(&thread));
            thread
        }
    }
}

/// Why the last reader could not be opened.
#[derive(Debug, Clone, Default)]
struct LastFailure(Arc<Mutex<Option<rusqlite::Error>>>);

impl LastFailure {
    fn take(&self) -> Option<Error> {
        self.0.lock().take().map(Error::from)
    }
}

impl r2d2::HandleError<rusqlite::Error> for LastFailure {
    fn handle_error(&self, error: rusqlite::Error) {
        log::warn!("a connection could not be opened: {error}");
        *self.0.lock() = Some(error);
    }
}
