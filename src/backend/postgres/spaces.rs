//! [`Spaces`] of a database.

use std::path::Path;
use std::sync::Arc;

use tokio_postgres::Row;

use super::database::Database;
use super::filter::{Reach, boxed, texts, unexpired, within};
use super::group_commit::GroupCommit;
use super::query::Sql;
use super::schema;
use super::space::Space;
use super::view::View;
use crate::backend::encoding;
use crate::backend::settings::Settings;
use crate::backend::{Backend, Progress, Snapshot, Spaces};
use crate::clock;
use crate::error::{Error, Result};
use crate::record::{RecordId, Scope};

/// All spaces of a database.
#[derive(Debug)]
pub struct Databases {
    database: Arc<Database>,
    adds: Arc<GroupCommit>,
}

impl Databases {
    /// Connects to a database that has the tables of a store.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open(settings: &Settings) -> Result<Self> {
        Ok(Self { database: Arc::new(Database::open(settings)?), adds: Arc::default() })
    }

    fn read_bytes(&self) -> Result<u64> {
        let view = View::new(&self.database, Reach::All)?;
        let sql = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
                   WHERE relkind = 'r' AND relnamespace = (SELECT relnamespace FROM pg_class
                                                           WHERE oid = 'agentmem_meta'::regclass)
                         AND relname LIKE 'agentmem\\_%'";
        let rows = Sql::new(sql).rows(&view)?;
        let bytes: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(bytes.max(0) as u64)
    }

    fn read<T>(&self, sql: &Sql<'_>, value: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
        let view = View::new(&self.database, Reach::All)?;
        let read = || sql.rows(&view)?.iter().map(&value).collect();
        view.explained(read())
    }

    fn read_texts(&self, sql: &Sql<'_>) -> Result<Vec<String>> {
        self.read(sql, |row| Ok(row.try_get(0)?))
    }
}

impl Spaces for Databases {
    fn name(&self) -> &Path {
        self.database.name()
    }

    fn depth(&self) -> usize {
        self.database.schema().space_depth as usize
    }

    fn space(&self, path: &str) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(Space::new(Arc::clone(&self.database), Arc::clone(&self.adds), path)))
    }

    fn snapshot(&self, space: Option<&str>) -> Result<Box<dyn Snapshot + '_>> {
        let view = match space {
            Some(path) => View::of_space(&self.database, path),
            None => View::new(&self.database, Reach::All),
        };
        Ok(Box::new(view?))
    }

    fn paths(&self, scope: &Scope, limit: usize) -> Result<Vec<String>> {
        let mut sql = Sql::new("SELECT path FROM agentmem_spaces WHERE true");
        within(&mut sql, "path", scope);
        sql.push(" ORDER BY path LIMIT ?", [boxed(encoding::limit(limit))]);
        self.read_texts(&sql)
    }

    fn places_of(&self, ids: &[RecordId], scope: Option<&Scope>) -> Result<Vec<(RecordId, String)>> {
        let mut sql = Sql::new("SELECT id, path FROM agentmem_records JOIN agentmem_spaces USING (space)");
        sql.push(" WHERE id = ANY(?)", [boxed(texts(ids))]);
        unexpired(&mut sql, clock::now());
        if let Some(scope) = scope {
            within(&mut sql, "path", scope);
        }
        sql.push(" ORDER BY path", []);
        self.read(&sql, |row| Ok((RecordId::for_lookup(row.try_get(0)?), row.try_get(1)?)))
    }

    fn schema_version(&self) -> u32 {
        schema::LATEST
    }

    fn connections(&self) -> (u32, u32) {
        self.database.connections()
    }

    fn bytes(&self) -> u64 {
        self.read_bytes().unwrap_or_else(|error| {
            log::warn!("the size of {:?} cannot be read: {error}", self.name());
            0
        })
    }

    fn backup(&self, _: &Path, _: &mut Progress<'_>) -> Result<()> {
        let why = "backup() copies files; a database is backed up with pg_dump or by its host, and export() writes JSON lines";
        Err(Error::InvalidFilter(why.into()))
    }
}
