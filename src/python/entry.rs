//! `Entry`: one entry of a journal.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyType};

use super::conversion::Named;
use super::timestamp;
use super::value;
use crate::journal::Entry;
use crate::record::Micros;

/// One entry of a journal. Immutable, compares by value, pickles.
#[pyclass(frozen, name = "Entry", module = "agentmem")]
pub struct PyEntry {
    /// The number: numbers rise in the whole store.
    #[pyo3(get)]
    number: i64,
    /// The key in the map; None in the log.
    #[pyo3(get)]
    key: Option<String>,
    /// The value.
    #[pyo3(get)]
    value: Py<PyAny>,
    written_at: Micros,
    expires_at: Option<Micros>,
}

impl PyEntry {
    /// The core's entry as Python's.
    pub fn new(py: Python<'_>, entry: Entry) -> PyResult<Self> {
        let Entry { number, key, value, written_at, expires_at } = entry;
        Ok(Self { number, key, value: value::decode(py, &value)?.unbind(), written_at, expires_at })
    }

    fn is_equal(&self, other: &Self, py: Python<'_>) -> PyResult<bool> {
        let parts = |entry: &Self| (entry.number, entry.key.clone(), entry.written_at, entry.expires_at);
        Ok(parts(self) == parts(other) && self.value.bind(py).eq(&other.value)?)
    }
}

#[pymethods]
impl PyEntry {
    #[new]
    #[pyo3(signature = (number, key, value, written_at, expires_at=None))]
    fn from_parts(
        number: i64,
        key: Option<String>,
        value: Py<PyAny>,
        written_at: &Bound<'_, PyAny>,
        expires_at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let written_at = timestamp::micros(written_at).in_record("written_at")?;
        let expires_at = expires_at.map(|at| timestamp::micros(at).in_record("expires_at")).transpose()?;
        Ok(Self { number, key, value, written_at, expires_at })
    }

    /// When it was written, aware, in UTC.
    #[getter]
    fn written_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        timestamp::datetime(py, self.written_at)
    }

    /// When it expires, aware, in UTC; None for never.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.expires_at.map(|at| timestamp::datetime(py, at)).transpose()
    }

    fn __richcmp__(&self, other: &Self, op: CompareOp, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match op {
            CompareOp::Eq => self.is_equal(other, py)?.into_pyobject(py)?.to_owned().into_any().unbind(),
            CompareOp::Ne => (!self.is_equal(other, py)?).into_pyobject(py)?.to_owned().into_any().unbind(),
            _ => py.NotImplemented(),
        })
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.number, self.written_at).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut value: String = self.value.bind(py).repr()?.to_string_lossy().chars().take(61).collect();
        if value.chars().count() > 60 {
            value.pop();
            value.push('…');
        }
        let key = self.key.as_ref().map_or_else(|| "None".to_owned(), |key| format!("{key:?}"));
        Ok(format!("Entry(number={}, key={key}, value={value})", self.number))
    }

    fn __copy__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    #[allow(clippy::type_complexity, reason = "what pickle asks for")]
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(
        Bound<'py, PyType>,
        (i64, Option<String>, Py<PyAny>, Bound<'py, PyDateTime>, Option<Bound<'py, PyDateTime>>),
    )> {
        let (written_at, expires_at) = (self.written_at(py)?, self.expires_at(py)?);
        Ok((
            PyType::new::<Self>(py),
            (self.number, self.key.clone(), self.value.clone_ref(py), written_at, expires_at),
        ))
    }
}
