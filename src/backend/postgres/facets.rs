//! Counts, categories and scopes.

use std::collections::HashMap;

use super::filter::{Reach, Rest, boxed, conditions};
use super::head::Head;
use super::postgres_error::unreadable;
use super::query::Sql;
use super::row::bad_json;
use super::view::View;
use crate::backend::facets::{FoundScopes, by_frequency};
use crate::backend::snapshot::{ScopeInfo, Totals};
use crate::error::Result;
use crate::record::{Filter, Scope, Scopes, Viewer};

impl View<'_> {
    pub(super) fn read_count(&self, sql: &Sql<'_>) -> Result<u64> {
        let rows = self.run(sql)?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(count.max(0) as u64)
    }

    pub(super) fn count_passing(&self, filter: &Filter) -> Result<u64> {
        let rest = Rest::of(filter);
        if !rest.is_nothing() {
            let mut count = 0;
            self.live("categories, metadata", filter).each(self, |row| {
                count += u64::from(rest.passes(row, 0, 1)?);
                Ok(true)
            })?;
            return Ok(count);
        }
        if filter.narrows() {
            return self.read_count(&self.live("count(*)", filter));
        }
        let mut count = self.read_totals()?.records;
        if let Some(hidden) = self.hidden_rows("count(*)", &filter.viewer) {
            count = count.saturating_sub(self.read_count(&hidden)?);
        }
        if self.some_expired() {
            let mut due = Sql::new("SELECT count(*) FROM agentmem_records");
            conditions(&mut due, self.reach, filter);
            due.push(" AND expires_at <= ?", [boxed(self.now)]);
            count = count.saturating_sub(self.read_count(&due)?);
        }
        Ok(count)
    }

    pub(super) fn read_totals(&self) -> Result<Totals> {
        if self.reach != Reach::All {
            return Ok(self.head.totals());
        }
        let sql = "SELECT coalesce(sum(records), 0)::bigint, coalesce(sum(wordless), 0)::bigint,
                          coalesce(sum(terms), 0)::bigint FROM agentmem_spaces";
        let rows = self.query(sql, &[])?;
        let row = rows.first().ok_or_else(|| unreadable("a sum has no row"))?;
        let (records, wordless, terms) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Head { records, wordless, terms, ..Head::default() }.totals())
    }

    pub(super) fn read_categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>> {
        let rest = Rest::of(filter);
        let mut lists: HashMap<String, u64> = HashMap::new();
        if rest.is_nothing() {
            let mut sql = self.live("categories, count(*)", filter);
            sql.push(" AND categories IS NOT NULL GROUP BY categories", []);
            for row in self.run(&sql)? {
                lists.insert(row.try_get(0)?, row.try_get::<_, i64>(1)?.max(0) as u64);
            }
        } else {
            let mut sql = self.live("categories, metadata", filter);
            sql.push(" AND categories IS NOT NULL", []);
            sql.each(self, |row| {
                if rest.passes(row, 0, 1)? {
                    *lists.entry(row.try_get(0)?).or_default() += 1;
                }
                Ok(true)
            })?;
        }
        by_frequency(lists).map_err(|error| bad_json(&error))
    }

    pub(super) fn read_scopes(&self, wanted: &Scopes, viewer: &Viewer) -> Result<Vec<Scope>> {
        let filter = Filter { viewer: viewer.clone(), ..Filter::default() };
        let mut sql = self.live("DISTINCT scope", &filter);
        // Of "/": all but itself, "/" < scope < "0".
        let prefix = if wanted.parent == Scope::root() { "" } else { wanted.parent.as_str() };
        let itself = if wanted.recursive { wanted.parent.as_str() } else { "" };
        let behind = wanted.after.as_deref().unwrap_or("");
        let range = [boxed(itself), boxed(format!("{prefix}/")), boxed(format!("{prefix}0")), boxed(behind)];
        sql.push(" AND (scope = ? OR scope > ? AND scope < ?) AND scope > ? ORDER BY scope", range);
        let mut found = FoundScopes::new(wanted);
        sql.each(self, |row| {
            found.take(row.try_get(0)?)?;
            Ok(found.wants_more())
        })?;
        Ok(found.into_scopes())
    }

    pub(super) fn read_scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
        let filter = Filter { scope: Some(scope.clone()), viewer: viewer.clone(), ..Filter::default() };
        let rows = self.run(&self.live("count(*), min(created_at), max(created_at)", &filter))?;
        let row = rows.first().ok_or_else(|| unreadable("a count has no row"))?;
        Ok(ScopeInfo {
            scope: scope.clone(),
            records: row.try_get::<_, i64>(0)?.max(0) as u64,
            categories: self.read_categories(&filter)?,
            oldest: row.try_get(1)?,
            newest: row.try_get(2)?,
            children: self.read_scopes(&Scopes::children(scope), viewer)?,
        })
    }
}
