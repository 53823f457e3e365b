//! Connections to one store: a pool of readers, and one writer.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::changes::Watcher;
use super::counters::Counters;
use super::failure::{self, Explained};
use super::guard::Guard;
use super::identify::{Found, identify, immutable_flags, immutable_uri};
use super::opener::{LastOut, Opener, Reader};
use super::{filter, migrate, transaction};
use crate::error::{Error, Result};

/// Statements kept prepared on each connection.
const STATEMENTS: usize = 64;

/// A write of more rows than this is large, see [`Pool::renew`].
const MUCH: u64 = 500;

/// What a returned write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// Power loss: each commit is synced.
    #[default]
    Full,
    /// A killed process; power loss may take the newest commits, never the soundness of the file.
    Normal,
}

/// How to open a store's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// Most readers at once.
    pub pool_size: u32,
    /// What a returned write survives.
    pub durability: Durability,
    /// Open an existing store and never write.
    pub read_only: bool,
    /// Patience with locks and with the pool.
    pub busy_timeout: Duration,
}

impl Settings {
    /// The defaults for `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            pool_size: 8,
            durability: Durability::Full,
            read_only: false,
            busy_timeout: Duration::from_secs(30),
        }
    }
}

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
        let patience = settings.busy_timeout;
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
            (None, Source::for_reading(&path, patience)?)
        } else {
            // A newer store is refused before SQLite makes files beside it.
            migrate::status(&path)?;
            make_writable_beside(&path);
            let mut writer = open_writer(&settings).explained(&path, patience)?;
            if guard.hold(&path) {
                // A new file, that another copy of SQLite may have closed as the last meanwhile.
                drop(writer);
                writer = open_writer(&settings).explained(&path, patience)?;
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

    /// Patience with locks and with the pool.
    #[must_use]
    pub fn patience(&self) -> Duration {
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
        failure::explain(error, self.path(), self.patience())
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
        transaction::snapshot(&reader, |_| work(&reader)).explained(self.path(), self.patience())
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
        let outcome = work(&writer).explained(self.path(), self.patience());
        if writer.total_changes() - before > MUCH {
            self.renew(&mut writer);
        }
        outcome
    }

    /// A connection of its own that notices commits.
    ///
    /// # Errors
    /// As [`Pool::read`].
    pub fn watcher(&self) -> Result<Watcher> {
        let conn = self.source.connect().and_then(|conn| {
            self.source.set_up_reader(&conn, self.patience())?;
            Ok(conn)
        });
        conn.map(|conn| Watcher::new(conn, Arc::clone(&self.guard)))
            .map_err(Error::from)
            .explained(self.path(), self.patience())
    }

    /// FTS5 never gives back the memory of a large write, and goes through all of it at each small one that follows.
    fn renew(&self, writer: &mut Connection) {
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
            .ok_or(Error::Busy { what: "another write of this process", waited: self.patience() })
    }

    pub(super) fn reader(&self) -> Result<r2d2::PooledConnection<Opener>> {
        // In steps, so that a connection that cannot be opened is told at once and not after all patience.
        const STEP: Duration = Duration::from_millis(250);
        /// To open a connection takes its time, however little patience there is with others.
        const OPENING: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + self.patience();
        loop {
            let step = STEP.min(deadline.saturating_duration_since(Instant::now()));
            if let Ok(reader) = self.readers.get_timeout(step.max(Duration::from_millis(1))) {
                return Ok(reader);
            }
            if let Some(error) = self.failure.take() {
                return Err(error).explained(self.path(), self.patience());
            }
            let one_more = self.readers.state().connections < self.readers.max_size();
            if Instant::now() >= deadline + if one_more { OPENING } else { Duration::ZERO } {
                return Err(Error::Busy { what: "every connection of the pool", waited: self.patience() });
            }
        }
    }
}

/// Where readers come from.
#[derive(Debug, Clone)]
struct Source {
    path: PathBuf,
    flags: OpenFlags,
}

impl Source {
    /// Readers beside a writer. They may be the last to be closed, who tidies up, so the file is open for writing.
    fn shared(path: &Path) -> Self {
        Self { path: path.into(), flags: OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX }
    }

    fn read_only(path: &Path) -> Self {
        Self { path: path.into(), flags: OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX }
    }

    /// A file whose write-ahead log is empty, in a folder where SQLite cannot make its -shm file: nobody has it open,
    /// and it is read as it stands. See <https://www.sqlite.org/wal.html#read_only_databases>.
    fn immutable(path: &Path) -> Self {
        Self { path: immutable_uri(path), flags: immutable_flags() }
    }

    fn for_reading(path: &Path, patience: Duration) -> Result<Self> {
        let source = Self::read_only(path);
        let probe = |source: &Self| {
            let conn = source.connect()?;
            source.set_up_reader(&conn, patience)?;
            conn.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))
        };
        match probe(&source) {
            Ok(()) => Ok(source),
            Err(_) if !has_log(path) && probe(&Self::immutable(path)).is_ok() => Ok(Self::immutable(path)),
            Err(error) => Err(Error::from(error)).explained(path, patience),
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        Connection::open_with_flags(&self.path, self.flags)
    }

    fn set_up_reader(&self, conn: &Connection, patience: Duration) -> rusqlite::Result<()> {
        set_up(conn, patience, 4)?;
        conn.execute_batch("PRAGMA query_only = ON")
    }
}

/// The PRAGMAs that every connection gets.
fn set_up(conn: &Connection, patience: Duration, cache_mib: u32) -> rusqlite::Result<()> {
    conn.busy_timeout(patience)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan that looked at a bound value would be made anew for every other value.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The file is never mapped: should another program cut it short, reading a map would end the process (SIGBUS).
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{};
         PRAGMA mmap_size = 0;",
        cache_mib * 1024
    ))?;
    filter::register_functions(conn)
}

fn open_writer(settings: &Settings) -> Result<Connection> {
    let path = &settings.path;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let deadline = Instant::now() + settings.busy_timeout;
    let conn = Connection::open_with_flags(path, flags)?;
    if conn.is_readonly("main")? {
        return Err(Error::ReadOnly(path.into()));
    }
    // Should the log hold a newer schema, the file must stay as it is.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // No waiting inside SQLite: whoever asks for the lock does so until a deadline of its own.
    transaction::until(deadline, || set_up(&conn, Duration::ZERO, 16))?;
    migrate::run(&conn, path, deadline)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    let synchronous = match settings.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    // After the schema: so the first commit is in the file itself, and its header always says whose it is.
    transaction::until(deadline, || {
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA wal_autocheckpoint = 2000;
             PRAGMA journal_size_limit = 67108864;"
        ))
    })?;
    Ok(conn)
}

fn readers(source: &Source, settings: &Settings, failure: LastFailure) -> (r2d2::Pool<Opener>, LastOut) {
    let (patience, init) = (settings.busy_timeout, source.clone());
    let manager = SqliteConnectionManager::file(&source.path)
        .with_flags(source.flags)
        .with_init(move |conn| init.set_up_reader(conn, patience));
    let (opener, last_out) = Opener::new(manager);
    let pool = r2d2::Pool::builder()
        .max_size(settings.pool_size.max(1))
        .min_idle(Some(0))
        .max_lifetime(None)
        // Without these two, r2d2's threads end with the pool, and not up to half a minute later.
        .idle_timeout(None)
        .test_on_check_out(false)
        .error_handler(Box::new(failure))
        .build_unchecked(opener);
    (pool, last_out)
}

/// Who read the store while its file was read-only has left a -wal and -shm that are so too: they follow the file again.
fn make_writable_beside(path: &Path) {
    let Ok(permissions) = fs::metadata(path).map(|file| file.permissions()) else { return };
    for file in ["-wal", "-shm"].map(|ending| beside(path, ending)) {
        let stuck = fs::metadata(&file).is_ok_and(|found| found.permissions().readonly());
        if stuck && !permissions.readonly() {
            fs::set_permissions(&file, permissions.clone())
                .unwrap_or_else(|error| log::warn!("{file:?} cannot be made writable: {error}"));
        }
    }
}

/// SQLite puts files with longer names beside the store; where they do not fit, it would leave an empty store behind.
fn check_name(path: &Path) -> Result<()> {
    const LONGEST: usize = 255 - "-journal".len();
    match path.file_name() {
        Some(name) if name.len() > LONGEST => {
            let text = format!("the file's name has {} bytes; {LONGEST} are possible", name.len());
            Err(Error::io(path, io::Error::new(io::ErrorKind::InvalidFilename, text)))
        }
        _ => Ok(()),
    }
}

/// Closing the new file would drop the locks of a thread that has opened it meanwhile: one thread at a time.
fn identify_or_create(path: &Path) -> Result<()> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    if identify(path)? == Found::Nothing { create(path) } else { Ok(()) }
}

/// Makes the file empty and its owner's alone; SQLite gives the files beside it the same mode.
fn create(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        // Another process was quicker: its file is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io(path, error)),
    }
}

/// Is there a write-ahead log with something in it?
fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// The path with `ending` appended to the file's name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        // An open file cannot be replaced there.
        fs::metadata(path).map(|_| Self(0, 0))
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
