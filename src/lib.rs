//! agentmem: a persistent memory database for agents.
//!
//! [`Store::open`] opens a store: an SQLite file, or a PostgreSQL database. Its methods add, change, delete, find and read [`Record`]s. The records are
//! the truth; everything else is derived from them and can be rebuilt.
//!
//! ```no_run
//! use agentmem::{OnConflict, Options, Query, Record, Store};
//!
//! let store = Store::open(Options::new("memory.db"))?;
//! store.add(vec![Record::new("Alice prefers email over phone.")], OnConflict::Fail)?;
//! let hits = store.search(&Query::new("How do I reach Alice?", 10))?;
//! # Ok::<(), agentmem::Error>(())
//! ```
//!
//! The modules are private. From the bottom up (a module uses only those before it):
//!
//! - `error`: [`Error`], the error type.
//! - `files`: files that appear complete or not at all.
//! - `random`: random bytes and ids.
//! - `interrupt`: stopping a wait when the user asks for it.
//! - `clock`: the time, which never goes backwards.
//! - `record`: records and their fields, filters, queries and hits.
//! - `journal`: the data of journals.
//! - `text`: the analyzer, which turns text into terms.
//! - `rank`: pure functions over terms, statistics and scores.
//! - `index`: the inverted index and the vector index in memory; opens no connection.
//! - `backend`: where a store is kept: `backend::sqlite` and `backend::postgres`, the only places with SQL.
//! - `store`: where backend and index meet.
//! - `python`: the bindings, the only place that knows pyo3.
//!
//! The feature `internals` opens some of them to the benchmarks and the fuzz targets of this repository. It is no stable
//! interface.

#![deny(unsafe_code)]

mod backend;
mod clock;
mod error;
mod files;
mod index;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod interrupt;
mod journal;
#[cfg(feature = "python")]
mod python;
mod random;
mod rank;
mod record;
mod store;
mod text;

pub use backend::Progress;
pub use error::{Error, Result};
pub use interrupt::listen as listen_for_interrupts;
pub use journal::{Change as JournalChange, Changed as JournalChanged, Entry, Keys, Range, Value};
pub use rank::asked;
pub use record::{
    Blend, Condition, Fields, Filter, Hit, MAX_METADATA_DEPTH, MAX_NAME_BYTES, Metadata, Micros, Mode, OneOf,
    Operator, Order, Page, Query, Record, RecordId, Scope, Scopes, Seq, Viewer,
};
pub use store::{
    Durability, ExportOptions, Imported, IndexMode, OnConflict, Options, Report, ScopeInfo, Stats, Store,
    migration,
};
