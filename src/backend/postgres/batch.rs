//! Writes of one transaction in one space: records with everything that depends on them, the change feed and the statistics in
//! the head row.

use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

use tokio_postgres::Row;

use super::client::Client;
use super::database::{Database, Pooled, first_row};
use super::head::{self, Head};
use super::postgres_error::{is_disconnected, postgres_error, unreadable};
use super::query::{Lend, Param, Sql, execute, query};
use crate::backend::settings::Durability;
use crate::backend::write_transaction::WriteTransaction;
use crate::clock;
use crate::error::{Error, Result};
use crate::record::{Micros, Seq};
use crate::text::ANALYZER_VERSION;

/// Writes of one transaction. Without [`Batch::commit`] nothing of it stays.
pub struct Batch<'d> {
    database: &'d Database,
    connection: RefCell<Pooled>,
    /// The space.
    pub space: i64,
    /// The head row as it will be.
    pub head: Head,
    /// The head row as it was read.
    before: Head,
    /// The time of the transaction. What expires later exists for it.
    pub now: Micros,
    /// Whose vectors are written next, if it has a name.
    pub embedder: Option<String>,
    /// What the change feed has to tell.
    pub deleted: Vec<Seq>,
    /// Deleted because they had expired. The log that users read does not show these deletions.
    pub expired: Vec<Seq>,
    /// Statements that wrote.
    statements: u64,
    /// Rows that were written.
    pub rows: u64,
    /// [`Batch::statements`] and [`Batch::head`] when the current job began.
    before_job: (u64, Head),
    ended: bool,
}

impl<'d> Batch<'d> {
    /// Begins a transaction and locks the head row of the space, which orders its writes. Waits for the lock until
    /// `lock_until`. No statement may take longer than until `deadline`.
    ///
    /// # Errors
    /// As [`Database::begin`]; [`Error::Busy`] when explained, if the lock is not free in time.
    pub fn begin(
        database: &'d Database,
        space: i64,
        path: &str,
        lock_until: Instant,
        deadline: Instant,
    ) -> Result<Self> {
        let select =
            format!("SELECT {} FROM agentmem_spaces WHERE space = {space} FOR UPDATE", head::COLUMNS);
        let begin = begin(database, lock_until, deadline);
        let (mut connection, mut row) = database.begin(&format!("{begin}; {select}"))?;
        if row.is_none() {
            let sql = "INSERT INTO agentmem_spaces (space, path, analyzer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            let made = execute(&mut connection, sql, &[&space, &path, &i64::from(ANALYZER_VERSION)]);
            let locked = made.and_then(|_| Ok(connection.simple_query(&select)?));
            match locked {
                Ok(messages) => row = first_row(messages),
                Err(error) => {
                    drop(connection.batch_execute("ROLLBACK"));
                    return Err(error);
                }
            }
        }
        let mut batch = Self {
            database,
            connection: RefCell::new(connection),
            space,
            before: Head::default(),
            head: Head::default(),
            now: clock::now(),
            embedder: None,
            deleted: Vec::new(),
            expired: Vec::new(),
            statements: 0,
            rows: 0,
            before_job: (0, Head::default()),
            ended: false,
        };
        let row = row.ok_or_else(|| unreadable("the head row of a space cannot be read"))?;
        batch.head = Head::read(&row)?;
        batch.head.check_path(path)?;
        batch.before = batch.head.clone();
        Ok(batch)
    }

    /// The connection, to write with.
    pub fn client(&mut self) -> &mut Client {
        self.statements += 1;
        self.connection.get_mut()
    }

    /// Runs a statement that reads.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        query(&mut self.connection.borrow_mut(), sql, params)
    }

    /// As [`Batch::query`], of a statement that was put together.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn run(&self, sql: &Sql<'_>) -> Result<Vec<Row>> {
        sql.query(&mut self.connection.borrow_mut())
    }

    /// Runs a statement that writes.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn write(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        self.statements += 1;
        query(self.connection.get_mut(), sql, params)
    }

    /// As [`Batch::write`], of a statement that was put together. Counts the rows that it returns.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn write_sql(&mut self, sql: &Sql<'_>) -> Result<Vec<Row>> {
        self.statements += 1;
        let rows = sql.query(self.connection.get_mut())?;
        self.rows += rows.len() as u64;
        Ok(rows)
    }
}

impl WriteTransaction for Batch<'_> {
    fn begin_job(&mut self) {
        self.before_job = (self.statements, self.head.clone());
    }

    fn goes_on_after(&mut self, error: &Error) -> bool {
        let (statements, head) = &self.before_job;
        // The server has seen neither a write of the job nor its error.
        let is_unseen = self.statements == *statements && postgres_error(error).is_none();
        self.head.clone_from(head);
        is_unseen && !self.connection.borrow().is_closed()
    }

    fn written(&self) -> u64 {
        self.rows
    }

    fn some_expired(&self) -> Result<bool> {
        Ok(self.head.expires.min(self.head.entries_expire) <= self.now)
    }

    /// Adds deletions to the change feed, writes the head row, and commits.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection is lost while the server commits: nobody knows then whether it did; [`Error::Backend`].
    fn commit(mut self) -> Result<()> {
        if self.statements == 0 && self.head == self.before {
            return Ok(());
        }
        for (seqs, hidden) in
            [(std::mem::take(&mut self.deleted), false), (std::mem::take(&mut self.expired), true)]
        {
            self.log_deletions(seqs, hidden)?;
        }
        if self.head.embedder != self.before.embedder {
            let sql = "UPDATE agentmem_spaces SET embedder = $2 WHERE space = $1";
            execute(self.connection.get_mut(), sql, &[&self.space, &self.head.embedder])?;
        }
        let end = format!("{}; COMMIT", self.head.update(self.space));
        let ended = self.connection.get_mut().batch_execute(&end);
        self.ended = ended.is_ok();
        ended.map_err(|error| not_committed(self.database, error))
    }
}

impl Lend for Batch<'_> {
    fn lend(&self, work: &mut dyn FnMut(&mut Client) -> Result<()>) -> Result<()> {
        work(&mut self.connection.borrow_mut())
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // A connection on which this fails is broken, and the pool drops it.
            drop(self.connection.get_mut().batch_execute("ROLLBACK"));
        }
    }
}

/// A time of the future as a timeout in PostgreSQL's settings, where 0 means none.
pub fn milliseconds_until(then: Instant) -> i32 {
    let left = then.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
}

/// The statements that begin a transaction. It waits for locks until `lock_until`, and no statement may take longer than until
/// `deadline`. All settings end with the transaction.
fn begin(database: &Database, lock_until: Instant, deadline: Instant) -> String {
    let (lock, statement) = (milliseconds_until(lock_until), milliseconds_until(deadline.max(lock_until)));
    let commit = match database.settings().durability {
        Durability::Full => "",
        Durability::Normal => "; SET LOCAL synchronous_commit = off",
    };
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}{commit}"
    )
}

/// The error of a transaction that was about to commit.
pub fn not_committed(database: &Database, error: tokio_postgres::Error) -> Error {
    if !is_disconnected(&error) {
        return error.into();
    }
    unknown(database, &format!("the connection was lost: {error}"))
}

/// The error of a transaction of which nobody knows whether it will stay.
pub fn unknown(database: &Database, why: &str) -> Error {
    let what = format!("a write may have happened or not, because {why}");
    Error::io(database.name(), io::Error::new(io::ErrorKind::ConnectionAborted, what))
}
