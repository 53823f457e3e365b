//! The state of a file's schema.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::detach::detached;
use super::values;
use crate::store::migrate;

/// The current and the latest schema version of a file, and the migrations between them. Only reads.
#[pyfunction]
pub fn migration_status<'py>(py: Python<'py>, path: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let path = values::path(path)?;
    let status = detached(py, || migrate::status(&path))?;
    let dict = PyDict::new(py);
    dict.set_item("current", status.current)?;
    dict.set_item("latest", status.latest)?;
    dict.set_item("pending", status.pending)?;
    Ok(dict)
}
