//! Checks that a file contains the schema of its version, and nothing else that SQLite would act on.
//!
//! A store may come from anywhere: a backup, a download, another user. SQLite runs what a schema contains, such as
//! triggers and expressions, as part of the statements of whoever opens the file.
//!
//! - Objects that agentmem makes must be there, defined exactly as the migrations define them. Only the tables inside the
//!   full text may be missing, because it is derived from the records.
//! - Other triggers, views and virtual tables are refused by name.
//! - Other tables are allowed, because no statement of agentmem names them. They must have no generated column and no
//!   foreign key: writes to the table that a foreign key refers to would read and write the other table too.
//! - Other indexes are allowed, because they only cost time. They must have no expression and no condition, and those
//!   on tables of agentmem must not be unique: they could refuse a record.
//! - Statistics of ANALYZE are allowed. They only influence query plans.
//!
//! What is added while a store is open does not act either, because [`super::connection`] switches off triggers and views.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::{Connection, Row};

use super::migrations::LATEST;
use crate::error::{Error, Result};

/// Type and name of an object of a schema.
type SchemaObject = (String, String);
/// The objects of a schema with their definitions. Those that SQLite makes for a table have none.
type Schema = HashMap<SchemaObject, Option<String>>;

/// Refuses a file whose schema is not that of `version`.
///
/// # Errors
/// [`Error::NotAStore`] if something was added that could act, [`Error::Corrupt`] if something of agentmem's own is
/// missing or was changed; [`Error::Backend`].
pub fn check(conn: &Connection, path: &Path, version: u32) -> Result<()> {
    let mut missing = expected(version)?.clone();
    for (object, table, definition) in objects(conn)? {
        match missing.remove(&object) {
            Some(expected) if expected == definition => {}
            Some(_) => return Err(changed(path, &object)),
            None if is_harmless(conn, &object, &table, version)? => {}
            None => return Err(foreign(path, &object)),
        }
    }
    missing.retain(|object, _| !is_derived(object));
    missing.keys().min().map_or(Ok(()), |object| Err(changed(path, object)))
}

/// What the migrations make, one file for each version: a line for each object with type, name and definition as a JSON
/// array. Reading it takes less time than running the migrations; a test compares them.
const SCHEMAS: [&str; LATEST as usize] = [
    include_str!("schemas/0001.jsonl"),
    include_str!("schemas/0002.jsonl"),
    include_str!("schemas/0003.jsonl"),
];

/// The schema that the migrations up to `version` make.
fn expected(version: u32) -> Result<&'static Schema> {
    static PARSED: [OnceLock<Schema>; LATEST as usize] = [const { OnceLock::new() }; LATEST as usize];
    let unknown = || Error::backend(rusqlite::Error::IntegralValueOutOfRange(0, version.into()));
    let at = (version as usize).wrapping_sub(1);
    let (parsed, text) = PARSED.get(at).zip(SCHEMAS.get(at)).ok_or_else(unknown)?;
    if let Some(schema) = parsed.get() {
        return Ok(schema);
    }
    let schema = text.lines().map(|line| {
        let (kind, name, definition) = serde_json::from_str(line)?;
        Ok(((kind, name), definition))
    });
    let schema = schema.collect::<serde_json::Result<Schema>>().map_err(Error::backend)?;
    Ok(parsed.get_or_init(|| schema))
}

/// All objects, with the table that each belongs to.
fn objects(conn: &Connection) -> Result<Vec<(SchemaObject, String, Option<String>)>> {
    let mut statement = conn.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    // A damaged value becomes an empty text, which is the name of no object of agentmem.
    let text =
        |row: &Row<'_>, at: usize| row.get_ref(at).map(|value| value.as_str().unwrap_or_default().to_owned());
    let rows = statement.query_map([], |row| {
        let definition = row.get_ref(3)?.as_str_or_null().unwrap_or(Some("")).map(str::to_owned);
        Ok(((text(row, 0)?, text(row, 1)?), text(row, 2)?, definition))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// True for the tables inside the full text. A store without one of them opens, so that its records can be exported.
fn is_derived((kind, name): &SchemaObject) -> bool {
    kind == "table" && name.starts_with("records_fts_")
}

/// True if an object that agentmem did not make cannot act, whatever is written or read.
fn is_harmless(conn: &Connection, (kind, name): &SchemaObject, table: &str, version: u32) -> Result<bool> {
    let none = |sql: &str| -> Result<bool> { Ok(!conn.prepare(sql)?.exists([name])?) };
    match kind.as_str() {
        "table" if name.starts_with("sqlite_stat") => Ok(true),
        "table" => Ok(none("SELECT 1 FROM pragma_table_list WHERE name = ? AND type = 'virtual'")?
            && none("SELECT 1 FROM pragma_foreign_key_list(?)")?
            && none("SELECT 1 FROM pragma_table_xinfo(?) WHERE hidden > 0")?),
        "index" => {
            let ours = expected(version)?.contains_key(&("table".to_owned(), table.to_owned()));
            let mut acts = conn.prepare(
                "SELECT 1 FROM pragma_index_list(?1) WHERE name = ?2 AND (partial OR (\"unique\" AND ?3))
                 UNION ALL SELECT 1 FROM pragma_index_xinfo(?2) WHERE cid = -2",
            )?;
            Ok(!acts.exists((table, name, ours))?)
        }
        _ => Ok(false),
    }
}

fn foreign(path: &Path, (kind, name): &SchemaObject) -> Error {
    let detail = format!(
        "it contains the {kind} {name:?}, which agentmem did not make and which could change or hide records; \
         if you trust the file, remove that with DROP {} in another program",
        kind.to_uppercase()
    );
    Error::NotAStore { path: path.into(), detail }
}

fn changed(path: &Path, (kind, name): &SchemaObject) -> Error {
    Error::Corrupt { path: path.into(), detail: format!("the {kind} {name:?} is missing or was changed") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::backend::sqlite::{filter, migrations};

    /// `cargo test --lib schema::tests -- --ignored` writes the files for [`SCHEMAS`].
    fn made(version: u32) -> String {
        let conn = Connection::open_in_memory().unwrap();
        filter::register_functions(&conn).unwrap();
        (1..=version).try_for_each(|version| migrations::apply(&conn, version)).unwrap();
        let mut objects = objects(&conn).unwrap();
        objects.sort();
        let line = |((kind, name), _, sql): &(SchemaObject, String, Option<String>)| {
            serde_json::to_string(&(kind, name, sql)).unwrap() + "\n"
        };
        objects.iter().map(line).collect()
    }

    #[test]
    fn the_schemas_are_those_of_the_migrations() {
        for (version, schema) in (1..).zip(SCHEMAS) {
            assert_eq!(made(version), schema, "version {version}");
        }
    }

    #[test]
    #[ignore = "writes into the source tree"]
    fn write_schemas() {
        for version in 1..=LATEST {
            let file = format!("src/backend/sqlite/schemas/{version:04}.jsonl");
            std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file), made(version))
                .unwrap();
        }
    }
}
