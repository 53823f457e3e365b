//! The migrations, and the schema version that each leads to.

use rusqlite::Connection;

use crate::error::Result;

/// One migration. Its name is that of its file in `migrations/`; its place in the list is the version that it leads to.
pub struct Migration {
    /// Its name.
    pub name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($name:literal),*) => {
        &[$( Migration { name: $name, sql: include_str!(concat!("../../../migrations/", $name, ".sql")) } ),*]
    };
}

/// All migrations, in order.
pub const MIGRATIONS: &[Migration] = migrations!["0001_records", "0002_change_feed", "0003_life_of_a_memory"];

/// The newest schema version.
pub const LATEST: u32 = MIGRATIONS.len() as u32;

/// Migrates a schema of the version before to this one.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn apply(conn: &Connection, version: u32) -> Result<()> {
    if let Some(step) = MIGRATIONS.get(version as usize - 1) {
        log::info!("migrating the schema: {}", step.name);
        conn.execute_batch(step.sql)?;
        conn.pragma_update(None, "user_version", version)?;
    }
    Ok(())
}
