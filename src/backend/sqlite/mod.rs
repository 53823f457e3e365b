//! The backend for SQLite. Its SQL is only here.
//!
//! - [`Sqlite`] and its one space implement the traits of [`crate::backend`]; `snapshot` reads in a `view`, `batch` writes.
//! - [`identify`]: what a file is, before SQLite may change it. [`migrate`]: bringing it to the newest schema; `migrations`: the
//!   steps. `schema`: what a schema may contain. [`files`]: the database file. `guard`: protection from other copies of SQLite.
//! - [`pool`]: connections; `reader`: those that read; `write_connection`: the one that writes;
//!   `connection`: PRAGMAs. [`transaction`]: the write lock.
//! - [`records`], `embeddings`, `facets`: reading; [`filter`], [`selection`] and [`ids`]: which records; `row`: the codec.
//!   `inserts`, `removals`: writing records, with everything that depends on them.
//! - [`fts`]: full text. [`changes`]: the change feed; `watcher`: whether it moved; [`numbers`]: what it counts with. [`segments`]: the manifest of index files.
//!   [`meta`]: single values.
//! - `rebuild`: deriving everything else from the records again.
//! - [`maintenance`]: compaction, integrity, checkpoint; [`backup`]: copies. `interruptible`: Ctrl-C. `sqlite_error`: from
//!   SQLite's errors to ours.

mod backend;
pub mod backup;
mod batch;
pub mod change_log;
pub mod changes;
mod connection;
mod embeddings;
pub mod expiries;
mod facets;
pub mod files;
pub mod filter;
pub mod fts;
mod guard;
pub mod history;
pub mod identify;
pub mod ids;
mod insert_statements;
mod inserts;
mod interruptible;
pub mod journals;
mod late_vectors;
pub mod maintenance;
pub mod meta;
pub mod migrate;
mod migrations;
pub mod numbers;
pub mod pool;
mod reader;
mod rebuild;
pub mod records;
mod removals;
mod row;
mod schema;
pub mod segments;
pub mod selection;
mod snapshot;
mod sqlite_error;
#[cfg(test)]
mod tests;
pub mod transaction;
mod view;
mod watcher;
mod write_connection;

pub use backend::Sqlite;

pub use super::Progress;
