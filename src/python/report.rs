//! Reports: what a store says about itself, as dicts.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::timestamp::datetime;
use crate::store::{Imported, Report, ScopeInfo, Stats};

/// What is in a scope.
pub fn scope_info<'py>(py: Python<'py>, info: ScopeInfo) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("scope", info.scope.as_str())?;
    dict.set_item("records", info.records)?;
    dict.set_item("categories", counts(py, info.categories)?)?;
    dict.set_item("oldest", info.oldest.map(|at| datetime(py, at)).transpose()?)?;
    dict.set_item("newest", info.newest.map(|at| datetime(py, at)).transpose()?)?;
    dict.set_item("children", info.children.iter().map(|scope| scope.as_str()).collect::<Vec<_>>())?;
    Ok(dict)
}

/// What a store is made of.
pub fn stats<'py>(py: Python<'py>, stats: Stats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("path", stats.path.as_os_str())?;
    dict.set_item("records", stats.records)?;
    dict.set_item("terms", stats.terms)?;
    dict.set_item("journals", stats.journals)?;
    dict.set_item("entries", stats.entries)?;
    dict.set_item("schema_version", stats.schema_version)?;
    dict.set_item("disk_bytes", stats.disk_bytes)?;
    dict.set_item("index_disk_bytes", stats.index_disk_bytes)?;
    dict.set_item("memory_bytes", stats.memory_bytes)?;
    dict.set_item("mapped_bytes", stats.mapped_bytes)?;
    dict.set_item("segments", stats.segments)?;
    dict.set_item("memtable_records", stats.memtable_records)?;
    dict.set_item("connections", stats.connections.0)?;
    dict.set_item("idle_connections", stats.connections.1)?;
    dict.set_item("pool_size", stats.pool_size)?;
    dict.set_item("slow_searches", stats.slow_searches)?;
    dict.set_item("lock_waits", stats.lock_waits)?;
    dict.set_item("lock_wait_seconds", stats.lock_waited.as_secs_f64())?;
    dict.set_item("catch_ups", stats.catch_ups)?;
    dict.set_item("caught_up", stats.caught_up)?;
    dict.set_item("index_reloads", stats.reloads)?;
    dict.set_item("index_invalidated", stats.invalidated)?;
    Ok(dict)
}

/// What `verify` found.
pub fn verified<'py>(py: Python<'py>, report: Report) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ok", report.is_ok())?;
    dict.set_item("records", report.records)?;
    dict.set_item("problems", report.problems)?;
    Ok(dict)
}

/// What an import did.
pub fn imported<'py>(py: Python<'py>, imported: Imported) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("written", imported.written)?;
    dict.set_item("skipped", imported.skipped)?;
    Ok(dict)
}

/// Names with their counts, in order.
pub fn counts(py: Python<'_>, counts: Vec<(String, u64)>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, count) in counts {
        dict.set_item(name, count)?;
    }
    Ok(dict)
}
