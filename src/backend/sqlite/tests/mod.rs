//! Tests of the SQLite backend as a whole.
#![allow(clippy::unwrap_used, clippy::panic)]

mod files;
mod filters;
mod fts;
mod lists;
mod migrations;
mod schema;
mod writes;

use std::path::Path;
use std::sync::Arc;

use super::backend::SqliteSpace;
use super::pool::Pool;
use crate::backend::settings::{Durability, Settings};
use crate::backend::write::{NewRecord, OnConflict, Outcome, Write};
use crate::error::Result;
use crate::record::{Filter, Record, RecordId};
use crate::store::write_queue::WriteQueue;

/// A backend, and a queue in front of it.
struct Store {
    pool: Arc<Pool>,
    queue: WriteQueue,
}

impl Store {
    fn new(pool: Pool) -> Self {
        let pool = Arc::new(pool);
        Self { queue: WriteQueue::new(Arc::new(SqliteSpace::new(Arc::clone(&pool)))), pool }
    }

    fn open(path: &Path) -> Self {
        Self::new(Pool::open(&Settings { durability: Durability::Normal, ..Settings::new(path) }).unwrap())
    }

    fn add_all(&self, records: impl IntoIterator<Item = Record>, on_conflict: OnConflict) -> Result<Outcome> {
        let records = records.into_iter().map(NewRecord::new).collect();
        self.queue.write(Write::add(Arc::new(records), on_conflict)?)
    }
}

fn id(text: &str) -> RecordId {
    RecordId::parse(text).unwrap()
}

fn by_id(name: &str) -> Filter {
    Filter { ids: Some(vec![id(name)]), ..Filter::all() }
}
