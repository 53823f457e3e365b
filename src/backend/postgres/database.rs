//! A database: its connections, and what it says of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use postgres::config::Config;
use postgres::error::SqlState;
use postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::migrate;
use super::postgres_error::{self, Explained, is_disconnected};
use crate::backend::opening_thread::opening_thread;
use crate::backend::settings::Settings;
use crate::error::{Error, Result};

/// A connection of the pool.
pub type Pooled = r2d2::PooledConnection<Connector>;

/// The connections to one database.
#[derive(Debug)]
pub struct Database {
    address: Address,
    /// The URL without its password.
    name: PathBuf,
    settings: Settings,
    pool: r2d2::Pool<Connector>,
    failure: LastFailure,
    /// What the schema says.
    schema: migrate::Schema,
}

impl Database {
    /// Connects, and checks the schema.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] for a URL that cannot be read; [`Error::NotAStore`] without the tables of a store;
    /// [`Error::SchemaTooNew`], [`Error::Busy`], [`Error::Io`].
    pub fn open(settings: &Settings) -> Result<Self> {
        let address = Address::parse(&settings.path, settings.busy_timeout)?;
        let name = PathBuf::from(&address.shown);
        let failure = LastFailure::default();
        let connector = Connector::new(&address)?;
        let pool = r2d2::Pool::builder()
            .max_size(settings.pool_size.max(1))
            .min_idle(Some(0))
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(false)
            .thread_pool(opening_thread())
            .error_handler(Box::new(failure.clone()))
            .build_unchecked(connector);
        let schema = migrate::Schema::default();
        let mut database = Self { address, name, settings: settings.clone(), pool, failure, schema };
        let mut client = database.connection()?;
        let found = migrate::read(&mut client, &database.name);
        database.schema = found.explained(&database.name, settings.busy_timeout)?;
        drop(client);
        Ok(database)
    }

    /// What names the store in messages: its URL without the password.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// How the store was opened.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the schema says.
    pub fn schema(&self) -> &migrate::Schema {
        &self.schema
    }

    /// Whose rights the connections have.
    pub fn user(&self) -> &str {
        self.address.config.get_user().unwrap_or_default()
    }

    /// How many connections are open, and how many of those are idle.
    pub fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }

    /// What an error means for this store.
    pub fn explain(&self, error: Error) -> Error {
        postgres_error::explain(error, &self.name, self.settings.busy_timeout)
    }

    /// Takes a connection from the pool. It may be broken.
    ///
    /// # Errors
    /// [`Error::Busy`] if none becomes free in time, or the server has no more; [`Error::Io`] if none can be opened.
    pub fn connection(&self) -> Result<Pooled> {
        // Waits in steps, so that a connection that cannot be opened is reported before the timeout.
        const STEP: Duration = Duration::from_millis(100);
        /// Opening a connection takes time, even if the timeout is shorter.
        const OPENING: Duration = Duration::from_secs(5);
        let timeout = self.settings.busy_timeout;
        let deadline = Instant::now() + timeout;
        loop {
            let step = STEP.min(deadline.saturating_duration_since(Instant::now()));
            if let Ok(connection) = self.pool.get_timeout(step.max(Duration::from_millis(1))) {
                return Ok(connection);
            }
            let timed_out = Instant::now() >= deadline;
            match self.failure.take() {
                // One may become free.
                Some(error) if !timed_out && error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) => {}
                Some(error) => return Err(Error::from(error)).explained(&self.name, timeout),
                None => {}
            }
            let one_more = self.pool.state().connections < self.pool.max_size();
            if Instant::now() >= deadline + if one_more { OPENING } else { Duration::ZERO } {
                return Err(Error::Busy { what: "every connection of the pool", waited: timeout });
            }
        }
    }

    /// Takes a connection and begins a transaction on it with these statements. Returns the first row that they return. A
    /// connection that turns out to be broken is replaced.
    ///
    /// # Errors
    /// As [`Database::connection`]; [`Error::Backend`].
    pub fn begin(&self, sql: &str) -> Result<(Pooled, Option<SimpleQueryRow>)> {
        // As many connections may be broken as the pool has, after a restart of the server.
        for _ in 0..=self.pool.max_size() {
            let mut connection = self.connection()?;
            match connection.simple_query(sql) {
                Ok(messages) => return Ok((connection, first_row(messages))),
                Err(error) if connection.is_closed() || is_disconnected(&error) => {
                    log::info!("a connection to {:?} was lost: {error}", self.name);
                }
                Err(error) => {
                    // Most statements leave a transaction that failed.
                    drop(connection.batch_execute("ROLLBACK"));
                    return Err(error.into());
                }
            }
        }
        // The server may be back.
        let mut connection = self.connection()?;
        let messages = connection.simple_query(sql)?;
        Ok((connection, first_row(messages)))
    }
}

/// The first row of some statements.
pub fn first_row(messages: Vec<SimpleQueryMessage>) -> Option<SimpleQueryRow> {
    messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}

/// Connects once, outside a pool.
///
/// # Errors
/// [`Error::InvalidFilter`] for a URL that cannot be read; [`Error::Io`].
pub fn connect(address: &Address, timeout: Duration) -> Result<Client> {
    let connector = Connector::new(address)?;
    let connected = r2d2::ManageConnection::connect(&connector).map_err(Error::from);
    connected.map_err(|error| postgres_error::explain(error, Path::new(&address.shown), timeout))
}

/// Opens connections.
pub struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    fn new(address: &Address) -> Result<Self> {
        let shown = &address.shown;
        let invalid = |why| Error::InvalidFilter(format!("{shown:?}: {why}"));
        Ok(Self { config: address.config.clone(), tls: address.tls.connector().map_err(invalid)? })
    }
}

impl r2d2::ManageConnection for Connector {
    type Connection = Client;
    type Error = postgres::Error;

    fn connect(&self) -> Result<Client, postgres::Error> {
        self.config.connect(self.tls.clone())
    }

    fn is_valid(&self, client: &mut Client) -> Result<(), postgres::Error> {
        client.simple_query("").map(drop)
    }

    fn has_broken(&self, client: &mut Client) -> bool {
        client.is_closed()
    }
}

/// Why the last connection could not be opened.
#[derive(Debug, Clone, Default)]
struct LastFailure(Arc<Mutex<Option<postgres::Error>>>);

impl LastFailure {
    fn take(&self) -> Option<postgres::Error> {
        self.0.lock().take()
    }
}

impl r2d2::HandleError<postgres::Error> for LastFailure {
    fn handle_error(&self, error: postgres::Error) {
        log::warn!("a connection could not be opened: {error}");
        *self.0.lock() = Some(error);
    }
}
