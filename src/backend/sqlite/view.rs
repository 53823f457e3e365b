//! A reader of the pool with an open transaction.

use std::cell::Cell;

use r2d2::PooledConnection;

use super::pool::Pool;
use super::reader::Opener;
use super::sqlite_error::Explained;
use super::{changes, transaction};
use crate::clock;
use crate::error::Result;
use crate::record::Micros;

/// A reader with an open transaction.
pub struct View<'p> {
    pub(super) pool: &'p Pool,
    pub(super) reader: PooledConnection<Opener>,
    /// The time of all that is read.
    pub(super) now: Micros,
    /// The data version, once it was asked for: it stays the same.
    version: Cell<Option<i64>>,
}

impl<'p> View<'p> {
    /// Takes a reader, begins a transaction on it, and checks the schema version.
    ///
    /// # Errors
    /// As [`Pool::read`].
    pub fn new(pool: &'p Pool) -> Result<Self> {
        let view = Self { pool, reader: pool.reader()?, now: clock::now(), version: Cell::new(None) };
        let began = transaction::begin_reading(&view.reader);
        view.explained(began.and_then(|()| view.reader.check_not_newer(view.now)))?;
        Ok(view)
    }

    /// The data version, which stays the same.
    pub(super) fn version(&self) -> Result<i64> {
        if let Some(version) = self.version.get() {
            return Ok(version);
        }
        let version = changes::data_version(&self.reader)?;
        self.version.set(Some(version));
        Ok(version)
    }

    pub(super) fn explained<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.explained(self.pool.path(), self.pool.timeout())
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        transaction::end_reading(&self.reader);
    }
}
