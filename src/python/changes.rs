//! The change feed: pages of changes, and the cursor between them.

use pyo3::prelude::*;

use super::conversion::{ConversionError, Named};
use super::record::PyRecord;
use super::values;
use crate::backend::change_log::{Cursor, LogPage, LoggedChange};

/// Kind, version and record of each change, the cursor behind them, and whether none is missing.
pub type ChangesPage<'py> = (Vec<(&'static str, i64, Option<Bound<'py, PyRecord>>)>, String, bool);

/// A page of changes as Python's.
pub fn page(py: Python<'_>, page: LogPage) -> PyResult<ChangesPage<'_>> {
    let LogPage { items, cursor: Cursor { version, deletion, within }, complete } = page;
    let item = |change| match change {
        LoggedChange::Write(record) => {
            let version = record.version.unwrap_or(0);
            Ok(("write", version, Some(Bound::new(py, PyRecord(*record))?)))
        }
        LoggedChange::Delete(version) => Ok(("delete", version, None)),
    };
    let items = items.into_iter().map(item).collect::<PyResult<_>>()?;
    Ok((items, format!("{version}.{deletion}.{within}"), complete))
}

/// The position that a text of [`page`] names.
pub fn cursor(value: &Bound<'_, PyAny>) -> PyResult<Cursor> {
    let cursor = values::text(value).ok().and_then(|text| parse(&text));
    cursor.ok_or_else(|| ConversionError::needed("a cursor of changes()", value)).in_filter("after")
}

fn parse(text: &str) -> Option<Cursor> {
    let numbers: Vec<i64> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match numbers[..] {
        [version, deletion, within] if version >= 0 && deletion >= 0 && within >= 0 => {
            Some(Cursor { version, deletion, within })
        }
        _ => None,
    }
}
