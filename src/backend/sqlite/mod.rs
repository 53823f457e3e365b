//! SQLite: the only place with SQL.
//!
//! - [`pool`]: connections. `guard`: keeping other copies of SQLite from the files in use. [`identify`]: what a file is,
//!   before SQLite may touch it. [`migrate`]: schema versions.
//! - [`records`]: reading records; [`filter`]: which records. [`batch`]: writing them, with all that is kept in step.
//!   `checksum`: noticing that a record was damaged.
//! - [`fts`]: full text. [`changes`]: what is new. [`segments`]: which index files are valid. [`meta`]: single values.
//! - [`counters`]: what happened. [`transaction`]: the write lock. [`upkeep`]: backup, integrity, checkpoint.

mod backend;
pub mod batch;
pub mod changes;
mod checksum;
pub mod counters;
mod failure;
pub mod filter;
pub mod fts;
mod guard;
pub mod identify;
pub mod meta;
pub mod migrate;
mod opener;
pub mod pool;
pub mod records;
pub mod segments;
mod snapshot;
#[cfg(test)]
mod tests;
pub mod transaction;
pub mod upkeep;
mod writer;

pub use backend::Sqlite;
pub use batch::Batch;
pub use opener::Reader;
pub use pool::{Durability, Pool, Settings};
pub use transaction::Transaction;

pub use super::Progress;
