//! Makes the tables of a store, and brings them to the newest schema. Only `agentmem migrate` does that: an open store needs
//! no right to change tables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::address::Address;
use super::client::Client;
use super::database::connect;
use super::postgres_error::{Explained, postgres_error};
use super::query::query;
use super::schema::{LATEST, Schema, found};
use crate::backend::migration::{Plan, Status};
use crate::error::{Error, Result};

/// The name and the statements of each migration; the first makes version 1.
const MIGRATIONS: [(&str, &str); LATEST as usize] =
    [("0001_store", include_str!("../../../migrations/postgres/0001_store.sql"))];

/// What stands in the statements where a table may be partitioned.
const PARTITION: &str = "/* partition */";

/// How many partitions a table has, unless the user says so.
const PARTITIONS: u32 = 64;
/// The most partitions that a table can have.
const MOST_PARTITIONS: u32 = 1024;
/// The most parts of a scope that name a space.
const MOST_DEPTH: u32 = 16;

/// How often a migration is tried while others make the same tables.
const ATTEMPTS: usize = 5;

/// How long a statement of a migration may wait.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The state of a schema. Only reads.
///
/// # Errors
/// [`Error::InvalidFilter`] for a URL that cannot be read; [`Error::SchemaTooNew`]; [`Error::Busy`], [`Error::Io`].
pub fn status(url: &Path) -> Result<Status> {
    let address = Address::parse(url, TIMEOUT)?;
    let name = PathBuf::from(&address.shown);
    let mut client = connect(&address, TIMEOUT)?;
    let schema = found(&mut client, &name).explained(&name, TIMEOUT)?;
    Ok(to_status(&schema))
}

/// Applies the migrations that a store lacks, in one transaction. Returns the state before. A second migration at the same time
/// waits for the first and finds nothing to do.
///
/// # Errors
/// [`Error::InvalidFilter`] for a plan that is impossible, or that the store does not fit; otherwise as [`status`].
pub fn migrate(url: &Path, plan: Plan) -> Result<Status> {
    let address = Address::parse(url, TIMEOUT)?;
    let name = PathBuf::from(&address.shown);
    check(plan)?;
    let mut client = connect(&address, TIMEOUT)?;
    let mut migrated = apply(&mut client, &name, plan);
    for _ in 1..ATTEMPTS {
        if !migrated.as_ref().is_err_and(is_made_already) {
            break;
        }
        client.batch_execute("ROLLBACK").map_err(Error::from).explained(&name, TIMEOUT)?;
        migrated = apply(&mut client, &name, plan);
    }
    migrated.explained(&name, TIMEOUT)
}

/// True if a table exists that was not there before. Two first migrations make the first table at the same time: one waits, and
/// fails when the other commits.
fn is_made_already(error: &Error) -> bool {
    let made = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    postgres_error(error).and_then(tokio_postgres::Error::code).is_some_and(|code| made.contains(code))
}

fn check(plan: Plan) -> Result<()> {
    let Plan { space_depth, partitions } = plan;
    if space_depth.is_some_and(|depth| depth > MOST_DEPTH) {
        return Err(Error::InvalidFilter(format!("the depth of spaces must be 0 to {MOST_DEPTH}")));
    }
    if partitions.is_some_and(|count| count > MOST_PARTITIONS) {
        return Err(Error::InvalidFilter(format!("partitions must be 0 to {MOST_PARTITIONS}")));
    }
    Ok(())
}

fn apply(client: &mut Client, name: &Path, plan: Plan) -> Result<Status> {
    client.batch_execute(
        "BEGIN;
         CREATE TABLE IF NOT EXISTS agentmem_meta (key text NOT NULL PRIMARY KEY, value text NOT NULL);
         LOCK TABLE agentmem_meta IN ACCESS EXCLUSIVE MODE",
    )?;
    let encoding = query(client, "SELECT current_setting('server_encoding')", &[])?;
    let encoding: &str = encoding.first().map_or(Ok(""), |row| row.try_get(0))?;
    if encoding != "UTF8" {
        let detail = format!("the encoding of the database is {encoding}; agentmem needs UTF8");
        return Err(Error::NotAStore { path: name.into(), detail });
    }
    let before = found(client, name)?;
    let is_new = before.version == 0;
    let wanted = Schema {
        version: LATEST,
        store: if is_new { format!("{:016x}", crate::random::number()) } else { before.store.clone() },
        space_depth: plan.space_depth.unwrap_or(if is_new { 1 } else { before.space_depth }),
        partitions: plan.partitions.unwrap_or(if is_new { PARTITIONS } else { before.partitions }),
    };
    if !is_new && (wanted.space_depth, wanted.partitions) != (before.space_depth, before.partitions) {
        client.batch_execute("ROLLBACK")?;
        return Err(Error::InvalidFilter(format!(
            "the store has space depth {} and {} partitions, which cannot change; export it and import it into a new store",
            before.space_depth, before.partitions
        )));
    }
    for (_, statements) in &MIGRATIONS[before.version as usize..] {
        client.batch_execute(&partitioned(statements, wanted.partitions))?;
    }
    let values = [
        ("version", LATEST.to_string()),
        ("store", wanted.store),
        ("space_depth", wanted.space_depth.to_string()),
        ("partitions", wanted.partitions.to_string()),
    ];
    for (key, value) in &values {
        let sql = "INSERT INTO agentmem_meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2";
        query(client, sql, &[key, value])?;
    }
    client.batch_execute("COMMIT")?;
    Ok(to_status(&before))
}

/// Statements that make tables with so many partitions.
fn partitioned(statements: &str, partitions: u32) -> String {
    if partitions == 0 {
        return statements.replace(PARTITION, "");
    }
    let mut sql = statements.replace(PARTITION, "PARTITION BY HASH (space)");
    let tables = statements.split("CREATE TABLE ").skip(1).filter(|text| text.contains(PARTITION));
    for table in tables.filter_map(|text| text.split_whitespace().next()) {
        // Each write updates a row of it: there is room for the next version of the row on its page.
        let settings = if table == "agentmem_spaces" { " WITH (fillfactor = 50)" } else { "" };
        for number in 0..partitions {
            sql += &format!(
                "\nCREATE TABLE {table}_{number} PARTITION OF {table} \
                 FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number}){settings};"
            );
        }
    }
    sql
}

fn to_status(schema: &Schema) -> Status {
    let all = (1..).zip(MIGRATIONS).map(|(version, (name, _))| (version, name));
    Status { current: schema.version, latest: LATEST, pending: all.skip(schema.version as usize).collect() }
}
