//! Translates a [`Filter`] to SQL, where that can be done exactly. Every value is a parameter. What SQL would say differently,
//! categories and conditions on metadata, is tested on the rows by [`Rest`].

use tokio_postgres::Row;

use super::query::{Param, Sql};
use super::row::bad_json;
use crate::backend::row_filter::{MetadataTest, has_any};
use crate::error::Result;
use crate::record::{Filter, Micros, RecordId, Scope, Viewer};

/// The records of one space, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those of this space.
    Space(i64),
    /// Those of all spaces.
    All,
}

impl Reach {
    /// Adds ` WHERE` and the condition on the space.
    pub fn apply(self, sql: &mut Sql<'_>) {
        match self {
            Self::Space(space) => sql.push(" WHERE space = ?", [boxed(space)]),
            Self::All => sql.push(" WHERE true", []),
        }
    }
}

/// A parameter on the heap.
pub fn boxed<'a>(param: impl Param + 'a) -> Box<dyn Param + 'a> {
    Box::new(param)
}

/// Adds the conditions that SQL tests, viewer and space included, from ` WHERE` on.
pub fn conditions<'a>(sql: &mut Sql<'a>, reach: Reach, filter: &'a Filter) {
    reach.apply(sql);
    if let Some(ids) = &filter.ids {
        sql.push(" AND id = ANY(?)", [boxed(texts(ids))]);
    }
    if let Some(scope) = &filter.scope {
        within(sql, "scope", scope);
    }
    if let Some(since) = filter.since {
        sql.push(" AND created_at >= ?", [boxed(since)]);
    }
    if let Some(until) = filter.until {
        sql.push(" AND created_at < ?", [boxed(until)]);
    }
    visible_to(sql, &filter.viewer);
}

/// The ids as texts. No record has an id with NUL, which PostgreSQL cannot take.
pub fn texts(ids: &[RecordId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).filter(|id| !id.contains('\0')).collect()
}

/// Adds the condition that the path in a column is a scope or below it.
pub fn within<'a>(sql: &mut Sql<'a>, column: &str, scope: &'a Scope) {
    if *scope == Scope::root() {
        return;
    }
    // A path starts with "/a/" if "/a/" <= path < "/a0", because "0" is the character after "/".
    let path = scope.as_str();
    let range = [boxed(path), boxed(format!("{path}/")), boxed(format!("{path}0"))];
    sql.push(&format!(" AND ({column} = ? OR {column} >= ? AND {column} < ?)"), range);
}

/// Adds the condition that the viewer sees the record.
pub fn visible_to<'a>(sql: &mut Sql<'a>, viewer: &'a Viewer) {
    match (viewer.source.as_deref(), viewer.include_private) {
        (_, true) => {}
        (Some(source), false) if !source.contains('\0') => {
            sql.push(" AND (NOT private OR source = ?)", [boxed(source)]);
        }
        _ => sql.push(" AND NOT private", []),
    }
}

/// Adds the condition that the record has not expired.
pub fn unexpired(sql: &mut Sql<'_>, now: Micros) {
    sql.push(" AND (expires_at IS NULL OR expires_at > ?)", [boxed(now)]);
}

/// What is left to test of a filter, on the JSON of a row: categories and conditions on metadata.
pub struct Rest<'f> {
    categories: &'f [String],
    metadata: Option<MetadataTest>,
}

impl<'f> Rest<'f> {
    /// What SQL does not test.
    pub fn of(filter: &'f Filter) -> Self {
        Self { categories: &filter.categories, metadata: filter.condition.clone().map(MetadataTest::new) }
    }

    /// True if there is nothing to test.
    pub fn is_nothing(&self) -> bool {
        self.categories.is_empty() && self.metadata.is_none()
    }

    /// True if a record passes whose categories and metadata are in these columns.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] for a row that agentmem did not write.
    pub fn passes(&self, row: &Row, categories: usize, metadata: usize) -> Result<bool> {
        if !self.categories.is_empty() {
            let Some(found) = row.try_get(categories)? else { return Ok(false) };
            if !has_any(found, self.categories).map_err(|error| bad_json(&error))? {
                return Ok(false);
            }
        }
        let Some(test) = &self.metadata else { return Ok(true) };
        let found: Option<&str> = row.try_get(metadata)?;
        test.holds(found.map(str::as_bytes)).map_err(|error| bad_json(&error))
    }
}
