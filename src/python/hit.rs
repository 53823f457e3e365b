//! `Hit`: a record that a search found.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use serde_json::{Map, Value};

use super::record::PyRecord;
use crate::record::Hit;

/// A record that a search found, with its relevance. Immutable, compares by value, pickles.
#[pyclass(frozen, name = "Hit", module = "agentmem")]
pub struct PyHit {
    /// The record.
    #[pyo3(get)]
    record: Py<PyRecord>,
    /// Relevance, in 0..1.
    #[pyo3(get)]
    score: f64,
    explain: Vec<(Cow<'static, str>, f64)>,
    /// The start and the end of the passage that decided, in characters of the content: `content[start:end]`. None if the
    /// text was ranked as a whole, as all short ones are.
    #[pyo3(get)]
    passage: Option<(usize, usize)>,
}

impl PyHit {
    /// A hit of the core as a Python object.
    pub fn new(py: Python<'_>, hit: Hit) -> PyResult<Self> {
        let explain = hit.explain.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let record = Py::new(py, PyRecord(hit.record))?;
        Ok(Self { record, score: hit.score, explain, passage: hit.passage })
    }

    fn is_equal(&self, other: &Self) -> bool {
        self.record.get().0 == other.record.get().0
            && self.score == other.score
            && self.explain == other.explain
            && self.passage == other.passage
    }
}

#[pymethods]
impl PyHit {
    #[new]
    #[pyo3(signature = (record, score, explain=None, passage=None))]
    fn from_parts(
        record: Py<PyRecord>,
        score: f64,
        explain: Option<&Bound<'_, PyDict>>,
        passage: Option<(usize, usize)>,
    ) -> PyResult<Self> {
        let explain = explain
            .into_iter()
            .flatten()
            .map(|(name, value)| Ok((name.extract::<String>()?.into(), value.extract()?)))
            .collect::<PyResult<_>>()?;
        Ok(Self { record, score, explain, passage })
    }

    /// The numbers behind the score, by name. Each access makes a new dict.
    #[getter]
    fn explain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in &self.explain {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    /// Record, score and explanation by name, and the passage if there is one.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("record", self.record.bind(py).call_method0("to_dict")?)?;
        dict.set_item("score", self.score)?;
        dict.set_item("explain", self.explain(py)?)?;
        if let Some(passage) = self.passage {
            dict.set_item("passage", passage)?;
        }
        Ok(dict)
    }

    /// One line of JSON: record, score and explanation by name, and the passage if there is one. A number that JSON cannot express is null.
    fn to_json(&self) -> String {
        let explain: Map<String, Value> =
            self.explain.iter().map(|(name, value)| (name.to_string(), (*value).into())).collect();
        let (record, score) = (self.record.get().0.to_json(), Value::from(self.score));
        let passage =
            self.passage.map(|(start, end)| format!(r#","passage":[{start},{end}]"#)).unwrap_or_default();
        format!(r#"{{"record":{record},"score":{score},"explain":{}{passage}}}"#, Value::from(explain))
    }

    fn __richcmp__(&self, other: &Self, op: CompareOp, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match op {
            CompareOp::Eq => self.is_equal(other).into_pyobject(py)?.to_owned().into_any().unbind(),
            CompareOp::Ne => (!self.is_equal(other)).into_pyobject(py)?.to_owned().into_any().unbind(),
            _ => py.NotImplemented(),
        })
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.record.get().0.id, self.score.to_bits()).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Hit(score={:.3}, record={})", self.score, self.record.bind(py).repr()?))
    }

    fn __copy__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __deepcopy__<'py>(this: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        this
    }

    #[allow(clippy::type_complexity, reason = "what pickle asks for")]
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyType>, (Py<PyRecord>, f64, Bound<'py, PyDict>, Option<(usize, usize)>))> {
        let parts = (self.record.clone_ref(py), self.score, self.explain(py)?, self.passage);
        Ok((PyType::new::<Self>(py), parts))
    }
}
