//! The state of a store's schema.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::detach::detached;
use super::values;
use crate::store::migration::{self, Plan, Status};

/// The current and the latest schema version of a store, and the migrations between them. Only reads.
#[pyfunction]
pub fn migration_status<'py>(py: Python<'py>, path: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let path = values::path(path)?;
    to_dict(py, detached(py, || migration::status(&path))?)
}

/// Makes or changes the tables of a store in a database; returns the state before.
#[pyfunction]
#[pyo3(signature = (path, space_depth, partitions))]
pub fn migrate<'py>(
    py: Python<'py>,
    path: &Bound<'py, PyAny>,
    space_depth: Option<u32>,
    partitions: Option<u32>,
) -> PyResult<Bound<'py, PyDict>> {
    let path = values::path(path)?;
    to_dict(py, detached(py, || migration::migrate(&path, Plan { space_depth, partitions }))?)
}

fn to_dict(py: Python<'_>, status: Status) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("current", status.current)?;
    dict.set_item("latest", status.latest)?;
    dict.set_item("pending", status.pending)?;
    Ok(dict)
}
