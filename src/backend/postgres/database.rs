//! A database: its connections, and what it says of itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::config::Config;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Row, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::client::{Client, Typed};
use super::postgres_error::{self, Explained, is_disconnected, is_of_another_session, postgres_error};
use super::schema::{self, Schema};
use crate::backend::connections::Connections;
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
    pool: Connections<Connector>,
    /// False since a connection met another session of the server than before, as behind a pooler.
    keeps_sessions: AtomicBool,
    /// What the schema says.
    schema: Schema,
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
        let pool = Connections::new(Connector::new(&address)?, settings.pool_size, settings.busy_timeout);
        let schema = Schema::default();
        let (settings, keeps_sessions) = (settings.clone(), AtomicBool::new(true));
        let mut database = Self { address, name, settings, pool, keeps_sessions, schema };
        let mut client = database.connection()?;
        let found = schema::read(&mut client, &database.name);
        database.schema = found.explained(&database.name, database.settings.busy_timeout)?;
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
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Whose rights the connections have.
    pub fn user(&self) -> &str {
        self.address.config.get_user().unwrap_or_default()
    }

    /// How many connections are open, and how many of those are idle.
    pub fn connections(&self) -> (u32, u32) {
        self.pool.count()
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
        let too_many = |error: &Error| {
            postgres_error(error).is_some_and(|error| error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS))
        };
        self.pool.take(too_many).explained(&self.name, self.settings.busy_timeout)
    }

    /// A connection on which the server has just answered, perhaps to an empty request; `None` if the one from the pool is
    /// broken.
    ///
    /// # Errors
    /// As [`Database::connection`].
    pub fn fresh_connection(&self) -> Result<Option<Pooled>> {
        let mut connection = self.connection()?;
        let answers = connection.is_fresh() || connection.simple_query("").is_ok();
        Ok(answers.then_some(connection))
    }

    /// Runs a statement that is the same each time under this name, as [`Client::transact`]. The server keeps it prepared if
    /// connections keep their sessions.
    ///
    /// # Errors
    /// As there.
    pub fn transact_again(
        &self,
        connection: &mut Client,
        name: &'static str,
        sql: impl Fn() -> String,
        params: &Typed<'_>,
        deadline: Instant,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        if self.keeps_sessions.load(Ordering::Relaxed) {
            match connection.transact_prepared(name, &sql, params, deadline) {
                Err(error) if is_of_another_session(&error) => {
                    log::info!("statements are not prepared any more, because of a pooler: {error}");
                    self.keeps_sessions.store(false, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        connection.transact(&sql(), params, deadline)
    }

    /// Takes a connection and begins a transaction on it with these statements. Returns the first row that they return. A
    /// connection that turns out to be broken is replaced.
    ///
    /// # Errors
    /// As [`Database::connection`]; [`Error::Backend`].
    pub fn begin(&self, sql: &str) -> Result<(Pooled, Option<SimpleQueryRow>)> {
        // As many connections may be broken as the pool has, after a restart of the server.
        for _ in 0..=self.pool.most() {
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
    r2d2::ManageConnection::connect(&connector).explained(Path::new(&address.shown), timeout)
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
    type Error = Error;

    fn connect(&self) -> Result<Client> {
        Client::connect(&self.config, self.tls.clone())
    }

    fn is_valid(&self, client: &mut Client) -> Result<()> {
        Ok(client.simple_query("").map(drop)?)
    }

    fn has_broken(&self, client: &mut Client) -> bool {
        client.is_closed()
    }
}
