//! A connection with an open transaction that reads a space, or all spaces.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use tokio_postgres::Row;

use super::client::Client;
use super::database::{Database, Pooled};
use super::filter::Reach;
use super::head::{self, Head};
use super::query::{Lend, Param, Sql, query};
use crate::clock;
use crate::error::{Error, Result};
use crate::record::{Micros, Seq};

/// Records that are read at a time.
pub const AT_ONCE: usize = 1000;

/// A connection with an open transaction.
pub struct View<'d> {
    database: &'d Database,
    pub(super) connection: RefCell<Pooled>,
    pub(super) reach: Reach,
    pub(super) head: Head,
    /// The time of all that is read.
    pub(super) now: Micros,
    pub(super) expired: OnceCell<Arc<[Seq]>>,
}

impl<'d> View<'d> {
    /// Begins reading the space with this path.
    ///
    /// # Errors
    /// As [`View::new`] and [`Head::check_path`].
    pub fn of_space(database: &'d Database, path: &str) -> Result<Self> {
        let view = Self::new(database, Reach::Space(head::number(path)))?;
        view.head.check_path(path)?;
        Ok(view)
    }

    /// Takes a connection, begins a transaction on it, and reads the head row of the space, in one round trip.
    ///
    /// # Errors
    /// As [`Database::begin`], explained.
    pub fn new(database: &'d Database, reach: Reach) -> Result<Self> {
        let head = match reach {
            Reach::Space(space) => {
                format!("SELECT {} FROM agentmem_spaces WHERE space = {space}", head::COLUMNS)
            }
            Reach::All => "SELECT 1".to_owned(),
        };
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {head}");
        let began = database.begin(&begin).map_err(|error| database.explain(error))?;
        let (connection, row) = (RefCell::new(began.0), began.1);
        let now = clock::now();
        let mut view =
            Self { database, connection, reach, head: Head::default(), now, expired: OnceCell::new() };
        let head = match (reach, row) {
            (Reach::Space(_), Some(row)) => Head::read(&row),
            (Reach::Space(_), None) => Ok(Head::default()),
            // Anything may have expired.
            (Reach::All, _) => {
                Ok(Head { expires: Micros::MIN, entries_expire: Micros::MIN, ..Head::default() })
            }
        };
        view.head = view.explained(head)?;
        Ok(view)
    }

    /// The space that is read; 0 stands for none where all are read.
    pub(super) fn space(&self) -> i64 {
        match self.reach {
            Reach::Space(space) => space,
            Reach::All => 0,
        }
    }

    /// Runs a statement and returns all rows.
    pub(super) fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        query(&mut self.connection.borrow_mut(), sql, params)
    }

    pub(super) fn run(&self, sql: &Sql<'_>) -> Result<Vec<Row>> {
        sql.query(&mut self.connection.borrow_mut())
    }

    pub(super) fn explained<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| self.explain(error))
    }

    pub(super) fn explain(&self, error: Error) -> Error {
        self.database.explain(error)
    }
}

impl Lend for View<'_> {
    fn lend(&self, work: &mut dyn FnMut(&mut Client) -> Result<()>) -> Result<()> {
        work(&mut self.connection.borrow_mut())
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        self.connection.get_mut().send("COMMIT");
    }
}
