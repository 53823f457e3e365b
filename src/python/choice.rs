//! Arguments that name one of several choices.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::errors::describe;
use crate::error::Error;

/// The one of several choices that an argument names.
pub fn choice<T: Copy>(name: &str, value: &Bound<'_, PyAny>, choices: &[(&str, T)]) -> PyResult<T> {
    let given = value.extract::<String>().ok();
    let found = choices.iter().find(|(choice, _)| given.as_deref() == Some(*choice));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(choice, _)| format!("{choice:?}")).collect();
        PyValueError::new_err(format!("{name} must be one of {}, not {}", names.join(", "), describe(value)))
    })
}

/// Like [`choice`], for an argument of a read or a write: a wrong one is an invalid filter.
pub fn choice_of_read<T: Copy>(name: &str, value: &Bound<'_, PyAny>, choices: &[(&str, T)]) -> PyResult<T> {
    let filter_error = |error: PyErr| Error::InvalidFilter(error.value(value.py()).to_string()).into();
    choice(name, value, choices).map_err(filter_error)
}
