//! Translates a [`Filter`] to SQL. Every value is a bound parameter.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Params, params_from_iter};

use super::{expiries, fts, ids};
use crate::backend::row_filter::{MetadataTest, has_any};
use crate::error::Result;
use crate::record::{Condition, Filter, Micros, Scope, Viewer};

/// The first two of a scope and the scopes below it.
const FIRST_TWO: &str = "SELECT id FROM scopes WHERE path = ? OR (path >= ? AND path < ?) LIMIT 2";
const IN_SUBTREE: &str = "scope IN (SELECT id FROM scopes WHERE path = ? OR (path >= ? AND path < ?))";
const IN_ONE_SCOPE: &str = "scope = ?";

/// A condition for the WHERE clause of a query on `records`, with its parameters in order.
#[derive(Debug, Clone, Default)]
pub struct Where {
    terms: Vec<&'static str>,
    values: Vec<Value>,
    avoided: &'static [&'static str],
}

impl Where {
    /// The condition of `filter`, including its viewer, on records that have not expired at `now`. Reads the numbers of
    /// the filter's ids.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn new(conn: &Connection, filter: &Filter, now: Micros) -> Result<Self> {
        let mut clause = Self::expired_too(conn, filter)?;
        if expiries::any_due(conn, Micros::MIN, now)? {
            clause.and(expiries::UNEXPIRED, [now]);
        }
        Ok(clause)
    }

    /// As [`Where::new`], but records that have expired pass too.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn expired_too(conn: &Connection, filter: &Filter) -> Result<Self> {
        let mut clause = Self::regardless_of_viewer(conn, filter)?;
        clause.visible_to(&filter.viewer);
        Ok(clause)
    }

    /// As [`Where::expired_too`] without the viewer: SQLite then answers from the indexes on scope and date alone.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn regardless_of_viewer(conn: &Connection, filter: &Filter) -> Result<Self> {
        let mut clause = Self::default();
        if let Some(ids) = &filter.ids {
            let seqs = ids::seqs_of_ids(conn, ids)?;
            clause.and(
                "records.seq IN (SELECT value FROM json_each(?))",
                [serde_json::json!(seqs).to_string()],
            );
        }
        if let Some(scope) = &filter.scope {
            clause.within(conn, scope)?;
        }
        if let Some(since) = filter.since {
            clause.and("created_at >= ?", [since]);
        }
        if let Some(until) = filter.until {
            clause.and("created_at < ?", [until]);
        }
        if !filter.categories.is_empty() {
            let wanted = serde_json::json!(filter.categories).to_string();
            clause.and("categories IS NOT NULL AND any_of(categories, ?)", [wanted]);
        }
        if let Some(condition) = &filter.condition {
            clause.and("holds(metadata, ?)", [condition.to_json().to_string()]);
        }
        Ok(clause)
    }

    /// Adds a condition.
    pub fn and<V: Into<Value>>(&mut self, term: &'static str, values: impl IntoIterator<Item = V>) {
        self.terms.push(term);
        self.bind(values);
    }

    /// Keeps SQLite from using the indexes on these columns. Without statistics, it would prefer them even where they
    /// match most records.
    #[must_use]
    pub fn avoiding(self, columns: &'static [&'static str]) -> Self {
        Self { avoided: columns, ..self }
    }

    /// Adds another's conditions.
    pub fn extend(&mut self, other: Self) {
        self.terms.extend(other.terms);
        self.values.extend(other.values);
    }

    /// Adds parameters for what follows the WHERE clause.
    pub fn bind<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) {
        self.values.extend(values.into_iter().map(Into::into));
    }

    fn within(&mut self, conn: &Connection, scope: &Scope) -> Result<()> {
        if *scope == Scope::root() {
            return Ok(());
        }
        // A path starts with "/a/" if "/a/" <= path < "/a0", because "0" is the character after "/".
        let path = scope.as_str();
        let range = [path.to_owned(), format!("{path}/"), format!("{path}0")];
        let mut statement = conn.prepare_cached(FIRST_TWO)?;
        let ids = statement.query_map(params_from_iter(&range), |row| row.get(0))?;
        match ids.collect::<rusqlite::Result<Vec<i64>>>()?[..] {
            [id] => self.and(IN_ONE_SCOPE, [id]),
            _ => self.and(IN_SUBTREE, range),
        }
        Ok(())
    }

    /// True if only one scope is at or below that of the filter.
    #[must_use]
    pub fn is_in_one_scope(&self) -> bool {
        self.terms.contains(&IN_ONE_SCOPE)
    }

    /// True if it is about scopes at all: that of the filter is not the root.
    #[must_use]
    pub fn is_in_scopes(&self) -> bool {
        self.is_in_one_scope() || self.terms.contains(&IN_SUBTREE)
    }

    fn visible_to(&mut self, viewer: &Viewer) {
        match (&viewer.source, viewer.include_private) {
            (_, true) => {}
            (Some(source), false) => self.and("(private IS NULL OR source = ?)", [source.clone()]),
            (None, false) => self.and::<Value>("private IS NULL", []),
        }
    }

    /// The records that `viewer` may not see; `None` when all are visible.
    #[must_use]
    pub fn hidden_from(viewer: &Viewer) -> Option<Self> {
        let mut clause = Self::default();
        match (&viewer.source, viewer.include_private) {
            (_, true) => return None,
            (Some(source), false) => {
                clause.and("private IS NOT NULL AND source IS NOT ?", [source.clone()]);
            }
            (None, false) => clause.and::<Value>("private IS NOT NULL", []),
        }
        Some(clause)
    }

    /// `WHERE ...`, or nothing.
    #[must_use]
    pub fn sql(&self) -> String {
        let mut sql = String::new();
        for term in &self.terms {
            sql += if sql.is_empty() { " WHERE " } else { " AND " };
            // A unary plus hides the column from the query planner.
            if self.avoided.iter().any(|column| term.starts_with(column)) {
                sql += "+";
            }
            sql += term;
        }
        sql
    }

    /// The condition as an expression. NULL means that it does not hold.
    #[must_use]
    pub fn condition(&self) -> String {
        if self.terms.is_empty() { "TRUE".to_owned() } else { self.terms.join(" AND ") }
    }

    /// The parameters of [`Where::sql`] and [`Where::condition`].
    pub fn params(&self) -> impl Params + '_ {
        params_from_iter(self.values.iter())
    }
}

/// Gives a connection the SQL functions `holds(metadata, condition)` and `any_of(categories, wanted)`. Both parse
/// their second argument once per statement.
pub fn register_functions(conn: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function("holds", 2, flags, holds)?;
    conn.create_scalar_function("any_of", 2, flags, any_of)?;
    fts::register_function(conn)?;
    expiries::register_function(conn)
}

fn holds(context: &Context<'_>) -> rusqlite::Result<bool> {
    let test = context.get_or_create_aux(1, |text| -> Result<MetadataTest, BoxedError> {
        Ok(MetadataTest::new(Condition::parse_again(&serde_json::from_str(text.as_str()?)?)?))
    })?;
    let metadata = match context.get_raw(0) {
        ValueRef::Null => None,
        metadata => Some(metadata.as_bytes().map_err(user_error)?),
    };
    test.holds(metadata).map_err(user_error)
}

fn any_of(context: &Context<'_>) -> rusqlite::Result<bool> {
    let wanted = context.get_or_create_aux(1, |text| -> Result<Vec<String>, BoxedError> {
        Ok(serde_json::from_str(text.as_str()?)?)
    })?;
    has_any(context.get_raw(0).as_str().map_err(user_error)?, &wanted).map_err(user_error)
}

fn user_error(error: impl Into<BoxedError>) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(error.into())
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;
