//! The backend for PostgreSQL. SQL for PostgreSQL is only here, and in migrations/postgres/.
//!
//! A database holds spaces: the first parts of a scope name one. A space is as much as an SQLite file holds, `space` is its
//! backend. The head row of a space orders its writes, and has its statistics and its position in the change feed. So
//! every search reads the head row, and nothing has to notify anybody.
//!
//! - `address`: where a database is; `tls`. `database`: its connections. [`migrate`]: its schema.
//! - `query`: statements. `filter`: which records; `row`: the codec; `head`: the head row.
//! - `snapshot`: reading; `feed`: the change feed. `writer`: executes jobs; `batch`: writes of one transaction. `journals`.
//! - `segments`: index files in the database. `rebuild`: counting again. `postgres_error`: from PostgreSQL's errors to ours.

mod address;
mod batch;
mod database;
mod feed;
mod filter;
mod head;
mod journals;
pub mod migrate;
mod postgres_error;
mod query;
mod rebuild;
mod row;
mod segments;
mod snapshot;
mod space;
mod spaces;
mod tls;
mod writer;

pub use spaces::Databases;
