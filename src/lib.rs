//! agentmem: a persistent memory database for agents.
//!
//! One SQLite file holds the records and is the truth; everything else is derived from it and can
//! be rebuilt. The rooms, from the bottom up (a module uses only those before it):
//!
//! - [`error`]: the one error type.
//! - [`random`]: random bytes that survive a fork.
//! - [`record`]: records, filters, queries and hits.
//! - [`text`]: the analyzer, which turns text into terms.
//! - [`rank`]: pure functions over terms, statistics and scores.
//! - [`index`]: the inverted index and the vector index in memory; opens no connection.
//! - [`backend`]: where a store is kept. [`backend::sqlite`]: SQLite, the only place with SQL.
//! - [`store`]: where database and index meet.
//! - `python`: the bindings, the only place that knows pyo3.

#![deny(unsafe_code)]

pub mod backend;
pub mod error;
pub mod index;
pub mod interrupt;
#[cfg(feature = "python")]
pub mod python;
pub mod random;
pub mod rank;
pub mod record;
pub mod store;
pub mod text;

pub use error::{Error, Result};
pub use record::{
    Blend, Condition, Fields, Filter, Hit, Metadata, Mode, Operator, Query, Record, RecordId, Scope, Viewer,
};
pub use store::{IndexMode, OnConflict, Options, Store};
