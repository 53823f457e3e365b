//! `Record`: the value class.

use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PyDict, PyString, PyTuple, PyType};

use super::conversion::Named;
use super::errors::describe;
use super::fields;
use super::json::from_object;
use super::timestamp::datetime;
use super::values::{borrowed_text, text};
use crate::error::Error;
use crate::record::{Fields, Record};

/// One stored memory. Immutable, compares by value, hashes by id, pickles.
///
/// Only the content is required. Timestamps may be datetimes, which are UTC if they are naive, or ISO 8601 text.
/// Raises InvalidRecordError for anything that cannot be stored.
#[pyclass(frozen, name = "Record", module = "agentmem")]
pub struct PyRecord(pub Record);

#[pymethods]
impl PyRecord {
    #[new]
    #[pyo3(
        signature = (content, *, id=None, scope=None, metadata=None, categories=None, importance=None, source=None,
                     private=None, created_at=None, updated_at=None, last_accessed=None, expires_at=None,
                     embedding=None),
        text_signature = "(content, *, id=None, scope='/', metadata=None, categories=(), importance=0.5, source=None, \
                          private=False, created_at=None, updated_at=None, last_accessed=None, expires_at=None, \
                          embedding=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "the fields of a record, by keyword")]
    fn new(
        content: &Bound<'_, PyAny>,
        id: Option<&Bound<'_, PyAny>>,
        scope: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        categories: Option<&Bound<'_, PyAny>>,
        importance: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        private: Option<&Bound<'_, PyAny>>,
        created_at: Option<&Bound<'_, PyAny>>,
        updated_at: Option<&Bound<'_, PyAny>>,
        last_accessed: Option<&Bound<'_, PyAny>>,
        expires_at: Option<&Bound<'_, PyAny>>,
        embedding: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut given = Fields::default();
        for (name, value) in [
            ("content", Some(content)),
            ("id", id),
            ("scope", scope),
            ("metadata", metadata),
            ("categories", categories),
            ("importance", importance),
            ("source", source),
            ("private", private),
            ("created_at", created_at),
            ("updated_at", updated_at),
            ("last_accessed", last_accessed),
            ("expires_at", expires_at),
            ("embedding", embedding),
        ] {
            if let Some(value) = value {
                fields::set(&mut given, name, value)?;
            }
        }
        Ok(Self(given.into_record()?))
    }

    /// The id, by default a UUIDv7 as text.
    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, &self.0.id.text())
    }

    /// The text that is remembered and searched.
    #[getter]
    fn content(&self) -> &str {
        &self.0.content
    }

    /// Where the record belongs, such as "/crew/research".
    #[getter]
    fn scope(&self) -> &str {
        self.0.scope.as_str()
    }

    /// Labels, in the order given.
    #[getter]
    fn categories<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.categories)
    }

    /// JSON of any content. Each access makes a new dict, so that changing it does not change the record.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        from_object(py, &self.0.metadata.to_map())
    }

    /// How important the record is, in 0..1.
    #[getter]
    fn importance(&self) -> f64 {
        self.0.importance
    }

    /// Who wrote the record.
    #[getter]
    fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// Whether only its own source sees the record.
    #[getter]
    fn private(&self) -> bool {
        self.0.private
    }

    /// When the record came to be: aware, in UTC.
    #[getter]
    fn created_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.0.created_at)
    }

    /// When the record last changed: aware, in UTC.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.0.updated_at)
    }

    /// When the record was last touched: aware, in UTC.
    #[getter]
    fn last_accessed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.0.last_accessed)
    }

    /// When it expires, aware, in UTC; None for never.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.0.expires_at.map(|at| datetime(py, at)).transpose()
    }

    /// The version, which rises with every write in the whole store; None if the record was not read from a store.
    #[getter]
    fn version(&self) -> Option<i64> {
        self.0.version
    }

    /// The vector of an embedder, if there is one: numbers of single precision.
    #[getter]
    fn embedding<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.0.embedding.as_ref().map(|vector| PyTuple::new(py, vector)).transpose()
    }

    /// All fields by name, which `Record.from_dict` takes back.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fields::to_dict(py, &self.0)
    }

    /// A record of these fields, without a version. Raises InvalidRecordError for a name that is no field.
    #[staticmethod]
    fn from_dict(fields: &Bound<'_, PyAny>) -> PyResult<Self> {
        let dict = fields.cast::<PyDict>().map_err(|_| not_a_record(fields))?.copy()?;
        if dict.contains("version")? {
            dict.del_item("version")?;
        }
        Ok(Self(from_dict(&dict)?))
    }

    /// One line of JSON; `Record.from_json` reads it back to an equal record.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// A record from a JSON object. Missing fields get their defaults.
    #[staticmethod]
    fn from_json(json: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(match json.cast::<PyBytes>() {
            Ok(bytes) => Record::from_json_bytes(bytes.as_bytes())?,
            Err(_) => Record::from_json(&borrowed_text(json).in_record("json")?)?,
        }))
    }

    /// A copy with these fields changed.
    #[pyo3(signature = (**changes))]
    fn replace(&self, changes: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Ok(Self(filled(self.0.clone().into(), changes)?))
    }

    fn __richcmp__(&self, other: &Self, op: CompareOp, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match op {
            CompareOp::Eq => (self.0 == other.0).into_pyobject(py)?.to_owned().into_any().unbind(),
            CompareOp::Ne => (self.0 != other.0).into_pyobject(py)?.to_owned().into_any().unbind(),
            _ => py.NotImplemented(),
        })
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.id(py).hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut content: String = self.0.content.chars().take(60).collect();
        if content.len() < self.0.content.len() {
            content.push('…');
        }
        let repr = |text: &str| PyString::new(py, text).repr().map(|repr| repr.to_string());
        Ok(format!("Record({}, id={}, scope={})", repr(&content)?, self.id(py).repr()?, repr(self.scope())?))
    }

    fn __copy__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __deepcopy__<'py>(this: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        this
    }

    #[allow(clippy::type_complexity, reason = "what pickle asks for")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String, Option<i64>))> {
        Ok((PyType::new::<Self>(py).getattr("_of_version")?, (self.to_json(), self.0.version)))
    }

    /// What pickle makes a record of.
    #[staticmethod]
    fn _of_version(json: &str, version: Option<i64>) -> PyResult<Self> {
        Ok(Self(Record { version, ..Record::from_json(json)? }))
    }
}

/// The record that text, a dict of fields or a Record stands for.
pub fn record_of(item: &Bound<'_, PyAny>) -> PyResult<Record> {
    if let Ok(record) = item.cast::<PyRecord>() {
        Ok(record.get().0.clone())
    } else if item.is_instance_of::<PyString>() {
        Ok(Fields::new(text(item).in_record("content")?).into_record()?)
    } else if let Ok(dict) = item.cast::<PyDict>() {
        from_dict(dict)
    } else {
        Err(not_a_record(item))
    }
}

fn from_dict(dict: &Bound<'_, PyDict>) -> PyResult<Record> {
    if !dict.contains("content")? {
        return Err(Error::InvalidRecord(format!("no content is given: {}", describe(dict))).into());
    }
    filled(Fields::default(), Some(dict))
}

fn filled(mut given: Fields, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Record> {
    for (name, value) in fields.into_iter().flatten() {
        fields::set(&mut given, &text(&name).in_record("a field's name")?, &value)?;
    }
    Ok(given.into_record()?)
}

fn not_a_record(item: &Bound<'_, PyAny>) -> PyErr {
    Error::InvalidRecord(format!("a record is text, a dict or a Record, not {}", describe(item))).into()
}
