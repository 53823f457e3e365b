//! What the schema of a database says of itself.

use std::collections::HashMap;
use std::path::Path;

use super::client::Client;
use super::postgres_error::unreadable;
use super::query::query;
use crate::error::{Error, Result};

/// The newest schema version.
pub const LATEST: u32 = 1;

/// What a schema says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Its version; 0 if there are no tables.
    pub version: u32,
    /// The random name of the store.
    pub store: String,
    /// How many parts of a scope name a space.
    pub space_depth: u32,
    /// How many partitions each table has; 0 for tables without.
    pub partitions: u32,
}

/// The schema that there is; version 0 if there is none.
///
/// # Errors
/// [`Error::SchemaTooNew`]; what the server says.
pub fn found(client: &mut Client, name: &Path) -> Result<Schema> {
    let known = query(client, "SELECT to_regclass('agentmem_meta') IS NOT NULL", &[])?;
    if !known.first().map_or(Ok(false), |row| row.try_get(0))? {
        return Ok(Schema::default());
    }
    let rows = query(client, "SELECT key, value FROM agentmem_meta", &[])?;
    let values = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let values = values.collect::<Result<HashMap<String, String>>>()?;
    if values.is_empty() {
        return Ok(Schema::default());
    }
    let number = |key: &str| {
        let value = values.get(key).and_then(|value| value.parse().ok());
        value.ok_or_else(|| unreadable(format!("agentmem_meta has no number under {key:?}")))
    };
    let version = number("version")?;
    if version > LATEST {
        return Err(Error::SchemaTooNew { path: name.into(), found: version, supported: LATEST });
    }
    Ok(Schema {
        version,
        store: values.get("store").cloned().unwrap_or_default(),
        space_depth: number("space_depth")?,
        partitions: number("partitions")?,
    })
}

/// The schema of a store that is opened.
///
/// # Errors
/// [`Error::NotAStore`] if there is none; [`Error::SchemaTooNew`]; [`Error::SchemaTooOld`].
pub fn read(client: &mut Client, name: &Path) -> Result<Schema> {
    let schema = found(client, name)?;
    match schema.version {
        0 => Err(Error::NotAStore {
            path: name.into(),
            detail: format!("it has no tables of agentmem; `agentmem migrate {}` makes them", name.display()),
        }),
        LATEST => Ok(schema),
        found => Err(Error::SchemaTooOld { path: name.into(), found, latest: LATEST }),
    }
}
