//! Filters: which records a call is about, and who asks.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::conversion::Named;
use super::json::condition;
use super::timestamp::micros;
use super::values::{borrowed_text, count, flag, names, text};
use crate::error::Error;
use crate::record::{Condition, Filter, RecordId, Scope, Viewer};

/// The filters that all reads share. `None` means that a filter is not given.
pub fn extract(filters: Option<&Bound<'_, PyDict>>) -> PyResult<Filter> {
    let mut filter = Filter::default();
    for (name, value) in filters.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        match text(&name).in_filter("a filter's name")?.as_str() {
            "ids" => filter.ids = Some(ids(&value)?),
            "scope" => filter.scope = Some(scope(&value)?),
            "categories" => filter.categories = names(&value).in_filter("categories")?,
            "where" => {
                filter.condition =
                    Some(Condition::parse(&condition(&value).in_filter("where")?.to_map().into())?)
            }
            "since" => filter.since = Some(micros(&value).in_filter("since")?),
            "until" => filter.until = Some(micros(&value).in_filter("until")?),
            "source" => filter.viewer.source = Some(text(&value).in_filter("source")?),
            "include_private" => filter.viewer.include_private = flag(&value).in_filter("include_private")?,
            other => {
                return Err(PyTypeError::new_err(format!(
                    "there is no filter {other:?}; the filters are ids, scope, categories, where, since, until, source and \
                     include_private"
                )));
            }
        }
    }
    Ok(filter)
}

/// Who asks.
pub fn viewer(source: Option<&Bound<'_, PyAny>>, include_private: &Bound<'_, PyAny>) -> PyResult<Viewer> {
    Ok(Viewer {
        source: source.map(|source| text(source).in_filter("source")).transpose()?,
        include_private: flag(include_private).in_filter("include_private")?,
    })
}

/// A version that a write or a read names.
pub fn version(version: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Option<i64>> {
    let number =
        |version: &Bound<'_, PyAny>| Ok(i64::try_from(count(version).in_filter(name)?).unwrap_or(i64::MAX));
    version.map(number).transpose()
}

/// Ids of records to look up; a single text is one id.
pub fn ids(value: &Bound<'_, PyAny>) -> PyResult<Vec<RecordId>> {
    Ok(names(value).in_filter("ids")?.iter().map(|id| RecordId::for_lookup(id)).collect())
}

/// The id of a record to look up.
pub fn id(value: &Bound<'_, PyAny>) -> PyResult<RecordId> {
    Ok(RecordId::for_lookup(&borrowed_text(value).in_filter("id")?))
}

/// A scope to read.
pub fn scope(value: &Bound<'_, PyAny>) -> PyResult<Scope> {
    let parsed = Scope::parse(&borrowed_text(value).in_filter("scope")?);
    Ok(parsed.map_err(|error| match error {
        Error::InvalidRecord(why) => Error::InvalidFilter(why),
        other => other,
    })?)
}

/// A scope to read, if one is given.
pub fn scope_if_any(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Scope>> {
    value.map(scope).transpose()
}

/// A scope to delete. The root must be written as "/": the other ways to write it, such as an empty text, more likely come
/// from a variable that was never set.
pub fn scope_to_delete(value: &Bound<'_, PyAny>) -> PyResult<Scope> {
    let found = scope(value)?;
    if found == Scope::root() && !borrowed_text(value).is_ok_and(|text| text == "/") {
        let why = "the scope is empty; name the one to delete, or \"/\" for everything";
        return Err(Error::InvalidFilter(why.into()).into());
    }
    Ok(found)
}
