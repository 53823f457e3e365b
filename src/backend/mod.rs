//! Where a store is kept.
//!
//! - [`sqlite`]: an SQLite file. The only place with SQL.

pub mod sqlite;
