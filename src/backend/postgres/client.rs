//! A connection to the server. Calls block, but a request can be sent without waiting for it.

use std::collections::hash_map::Entry;
use std::future::{poll_fn, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::timeout_at;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, Connection, Error, Row, SimpleQueryMessage, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Result as OurResult;

/// What answered within this time is taken to be alive.
const FRESH: Duration = Duration::from_secs(1);

/// Parameters of a statement, each with its type.
pub type Typed<'a> = [(&'a (dyn ToSql + Sync), Type)];

/// Statements that the server keeps, by name.
type Prepared = FxHashMap<&'static str, Statement>;

/// What carries the connection.
type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// A connection. Nothing happens on it but in calls.
pub struct Client {
    /// Dropped before the driver, which thereupon takes leave of the server.
    requests: tokio_postgres::Client,
    driver: Driver,
    answered: Instant,
    /// Those of [`Client::transact_prepared`], by name.
    prepared: Prepared,
    tls: MakeRustlsConnect,
    /// The server was asked to cancel a statement. It may understand the next one.
    canceled: bool,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn connect(config: &Config, tls: MakeRustlsConnect) -> OurResult<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(crate::Error::backend)?;
        let (requests, connection) = runtime.block_on(config.connect(tls.clone()))?;
        let driver = Driver { runtime, connection, ended: false };
        let (answered, prepared) = (Instant::now(), Prepared::default());
        Ok(Self { requests, driver, answered, prepared, tls, canceled: false })
    }

    /// True if nothing should be done on the connection any more.
    pub fn is_closed(&self) -> bool {
        self.canceled || self.requests.is_closed()
    }

    /// True if a statement has reached its deadline. If it succeeded all the same, a synchronous standby may lack what it wrote.
    pub fn was_canceled(&self) -> bool {
        self.canceled
    }

    /// True if the server has answered a moment ago, and has not closed the connection since.
    pub fn is_fresh(&mut self) -> bool {
        // The runtime looks at the socket while the answer yields.
        let alive = async {
            yield_now().await;
            Ok(())
        };
        self.answered.elapsed() < FRESH && self.driver.run(alive).is_ok() && !self.is_closed()
    }

    /// Runs statements and returns their rows as text.
    ///
    /// # Errors
    /// What the server says; a lost connection.
    pub fn simple_query(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Error> {
        self.answer(|requests| requests.simple_query(sql))
    }

    /// Runs statements.
    ///
    /// # Errors
    /// As [`Client::simple_query`].
    pub fn batch_execute(&mut self, sql: &str) -> Result<(), Error> {
        self.answer(|requests| requests.batch_execute(sql))
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// As [`Client::simple_query`].
    pub fn query_typed(&mut self, sql: &str, params: &Typed<'_>) -> Result<Vec<Row>, Error> {
        self.answer(|requests| requests.query_typed(sql, params))
    }

    /// Runs a statement and returns how many rows it concerned.
    ///
    /// # Errors
    /// As [`Client::simple_query`].
    pub fn execute_typed(&mut self, sql: &str, params: &Typed<'_>) -> Result<u64, Error> {
        self.answer(|requests| requests.execute_typed(sql, params))
    }

    /// Runs a statement in a transaction of its own and returns its rows. At the deadline it asks the server to cancel it: a
    /// timeout of the server would have to be set before the statement. See [`Client::was_canceled`].
    ///
    /// # Errors
    /// As [`Client::simple_query`]. After an error of the server, nothing is committed.
    pub fn transact(&mut self, sql: &str, params: &Typed<'_>, deadline: Instant) -> Result<Vec<Row>, Error> {
        self.answer_until(deadline, async |requests, _| requests.query_typed(sql, params).await)
    }

    /// As [`Client::transact`], of a statement that is the same each time under this name. The server keeps it prepared as long
    /// as it keeps the session.
    ///
    /// # Errors
    /// As there, and those of [`is_of_another_session`](super::postgres_error::is_of_another_session).
    pub fn transact_prepared(
        &mut self,
        name: &'static str,
        sql: impl FnOnce() -> String,
        params: &Typed<'_>,
        deadline: Instant,
    ) -> Result<Vec<Row>, Error> {
        self.answer_until(deadline, async |requests, prepared| {
            let statement = match prepared.entry(name) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let types: Vec<Type> = params.iter().map(|(_, kind)| kind.clone()).collect();
                    new.insert(requests.prepare_typed(&sql(), &types).await?)
                }
            };
            let values: Vec<&(dyn ToSql + Sync)> = params.iter().map(|(value, _)| *value).collect();
            requests.query(statement, &values).await
        })
    }

    /// Sends statements, and does not wait until the server has executed them. Nobody learns whether they failed.
    pub fn send(&mut self, sql: &str) {
        let Self { requests, driver, .. } = self;
        let mut request = pin!(requests.batch_execute(sql));
        let is_queued = request.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        // A connection on which this fails is broken, and the pool drops it.
        drop(if is_queued { driver.run(ready(Ok(()))) } else { Ok(()) });
    }

    /// Waits for the answer of a request.
    fn answer<'c, T, F>(&'c mut self, ask: impl FnOnce(&'c tokio_postgres::Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let Self { requests, driver, answered, .. } = self;
        let answer = driver.run(ask(requests));
        *answered = Instant::now();
        answer
    }

    /// As [`Client::answer`], and asks the server to cancel at the deadline what it has not done by then.
    fn answer_until<T>(
        &mut self,
        deadline: Instant,
        ask: impl AsyncFnOnce(&tokio_postgres::Client, &mut Prepared) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Self { requests, driver, answered, prepared, tls, canceled } = self;
        let mut answer = pin!(ask(requests, prepared));
        let in_time = driver.run(async { Ok(timeout_at(deadline.into(), answer.as_mut()).await.ok()) })?;
        let answer = in_time.unwrap_or_else(|| {
            *canceled = true;
            driver.run(async {
                drop(requests.cancel_token().cancel_query(tls.clone()).await);
                answer.await
            })
        });
        *answered = Instant::now();
        answer
    }
}

/// Moves requests and answers while a call waits.
struct Driver {
    runtime: Runtime,
    connection: Connection<Socket, Stream>,
    ended: bool,
}

impl Driver {
    fn run<T>(&mut self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut answer = pin!(answer);
        let Self { runtime, connection, ended } = self;
        runtime.block_on(poll_fn(|context| {
            if !*ended && let Poll::Ready(end) = drive(connection, context) {
                *ended = true;
                end?;
            }
            answer.as_mut().poll(context)
        }))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.ended {
            let Self { runtime, connection, .. } = self;
            drop(runtime.block_on(poll_fn(|context| drive(connection, context))));
        }
    }
}

/// Moves what can be moved at once. Ready when the connection has ended.
fn drive(connection: &mut Connection<Socket, Stream>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
    pin!(connection).poll(context)
}
