//! Arguments: values that Python passes, and the errors of those that cannot be converted.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::errors::{describe, is_ordinary};
use crate::error::Error;

/// Why a value cannot be converted.
pub enum ConversionError {
    /// It is not what is needed: the place inside the value, and the reason.
    Wrong(String, String),
    /// Reading it raised an exception.
    Raised(PyErr),
}

/// The value of an argument, if it can be converted.
pub type Argument<T> = Result<T, ConversionError>;

impl From<PyErr> for ConversionError {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<Error> for ConversionError {
    fn from(error: Error) -> Self {
        Self::Raised(error.into())
    }
}

impl From<serde_json::Error> for ConversionError {
    fn from(error: serde_json::Error) -> Self {
        Self::wrong(error.to_string())
    }
}

impl ConversionError {
    /// The value is wrong for this reason, which follows the argument's name in the message.
    pub fn wrong(why: impl Into<String>) -> Self {
        Self::Wrong(String::new(), why.into())
    }

    /// The value is not what is needed.
    pub fn needed(what: &str, found: &Bound<'_, PyAny>) -> Self {
        Self::wrong(format!("must be {what}, not {}", describe(found)))
    }

    /// The error is about the element at `place` of a list or object.
    pub fn under(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Wrong(path, why) => Self::Wrong(format!("[{place}]{path}"), why),
            raised @ Self::Raised(_) => raised,
        }
    }

    /// The exception, with the argument's name in its message.
    fn into_pyerr(self, name: &str, kind: impl FnOnce(String) -> PyErr) -> PyErr {
        match self {
            Self::Wrong(path, why) => kind(format!("{name}{path} {why}")),
            Self::Raised(error) => error,
        }
    }
}

/// Turns a conversion error into an exception that names the argument.
pub trait Named<T> {
    /// The argument is part of a record: InvalidRecordError.
    fn in_record(self, name: &str) -> PyResult<T>;
    /// The argument selects records or limits a read: InvalidFilterError.
    fn in_filter(self, name: &str) -> PyResult<T>;
    /// The argument is a setting of the store: ValueError.
    fn in_options(self, name: &str) -> PyResult<T>;
}

impl<T> Named<T> for Argument<T> {
    fn in_record(self, name: &str) -> PyResult<T> {
        self.map_err(|error| error.into_pyerr(name, |why| Error::InvalidRecord(why).into()))
    }

    fn in_filter(self, name: &str) -> PyResult<T> {
        self.map_err(|error| error.into_pyerr(name, |why| Error::InvalidFilter(why).into()))
    }

    fn in_options(self, name: &str) -> PyResult<T> {
        self.map_err(|error| error.into_pyerr(name, PyValueError::new_err))
    }
}

/// The conversion error that stands for an exception, unless that is one that must reach the caller, such as Ctrl-C.
pub fn unless_raised(
    py: Python<'_>,
    error: PyErr,
    conversion_error: impl FnOnce() -> ConversionError,
) -> ConversionError {
    if is_ordinary(py, &error) { conversion_error() } else { ConversionError::Raised(error) }
}
