//! The backend for PostgreSQL. SQL for PostgreSQL is only here, and in migrations/postgres/.
//!
//! A database holds spaces: the first parts of a scope name one. A space is as much as an SQLite file holds, `space` is its
//! backend. The head row of a space orders its writes, and has its statistics and its position in the change feed. So
//! every search reads the head row, and nothing has to notify anybody.
//!
//! - `address`: where a database is, by its URL, the environment, `service_file` and `password_file`; `tls`. `client`: a connection; `database`: a pool of them. `schema`: what tables it has;
//!   [`migrate`]: makes them.
//! - `query`: statements. `filter`: which records; `row`: the codec; `head`: the head row.
//! - `snapshot`: reading in a `view`; `feed`: the change feed of the index; `change_log`: that of users.
//! - `batch`: writes of one transaction, `writer`: as jobs ask for them; `single_trip`: adding without reading first,
//!   `trip`: what can be added so, `group_commit`: to several spaces at once.
//! - `records`, `inserts`, `removals`, `embeddings`, `expiries`, `history`, `facets`, `journals`: one concept each.
//! - `segments`: index files in the database. `rebuild`: counting again. `postgres_error`: from PostgreSQL's errors to ours.

mod address;
mod batch;
mod change_log;
mod client;
mod database;
mod embeddings;
mod expiries;
mod facets;
mod feed;
mod filter;
mod group_commit;
mod head;
mod history;
mod inserts;
mod journals;
pub mod migrate;
mod password_file;
mod postgres_error;
mod query;
mod rebuild;
mod records;
mod removals;
mod row;
mod schema;
mod segments;
mod service_file;
mod single_trip;
mod snapshot;
mod space;
mod spaces;
mod tls;
mod trip;
mod view;
mod writer;

pub use spaces::Databases;
