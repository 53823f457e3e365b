//! Timestamps as Python's datetimes, and back.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDict, PyString, PyTzInfo};

use super::conversion::{Argument, ConversionError, unless_raised};
use super::values::text;
use crate::record::{Micros, timestamp};

/// A timestamp: a datetime, which is UTC if it is naive, or ISO 8601 text.
pub fn micros(value: &Bound<'_, PyAny>) -> Argument<Micros> {
    let needed = || ConversionError::needed("a datetime or ISO 8601 text of the years 1 to 9999", value);
    if value.is_instance_of::<PyString>() {
        return timestamp::parse(&text(value)?).ok_or_else(needed);
    }
    if !value.is_instance_of::<PyDateTime>() {
        return Err(needed());
    }
    since_epoch(value).map_err(|error| unless_raised(value.py(), error, needed))
}

fn since_epoch(value: &Bound<'_, PyAny>) -> PyResult<Micros> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let utc = PyTzInfo::utc(py)?;
    let epoch = EPOCH.get_or_try_init(py, || {
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(|epoch| epoch.into_any().unbind())
    })?;
    let in_utc = value.getattr(intern!(py, "tzinfo"))?.is(utc);
    let aware = if !in_utc && value.call_method0(intern!(py, "utcoffset"))?.is_none() {
        let tzinfo = PyDict::new(py);
        tzinfo.set_item("tzinfo", utc)?;
        value.call_method("replace", (), Some(&tzinfo))?
    } else {
        value.clone()
    };
    let since = aware.sub(epoch)?;
    let part = |name| since.getattr(name)?.extract::<i64>();
    let seconds = part(intern!(py, "days"))? * 86_400 + part(intern!(py, "seconds"))?;
    Ok(seconds * 1_000_000 + part(intern!(py, "microseconds"))?)
}

/// An aware datetime in UTC.
pub fn datetime(py: Python<'_>, at: Micros) -> PyResult<Bound<'_, PyDateTime>> {
    let civil = timestamp::civil(at);
    let utc = PyTzInfo::utc(py)?;
    PyDateTime::new(
        py,
        civil.year().into(),
        civil.month() as u8,
        civil.day() as u8,
        civil.hour() as u8,
        civil.minute() as u8,
        civil.second() as u8,
        (civil.subsec_nanosecond() / 1000) as u32,
        Some(&utc),
    )
}
