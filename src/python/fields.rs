//! The fields of a record as Python values.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::conversion::{Argument, Named};
use super::json::{from_object, object};
use super::timestamp::{datetime, micros};
use super::values::{borrowed_text, flag, names, number, text, vector};
use crate::error::Error;
use crate::record::{Fields, Metadata, Micros, Record, RecordId, Scope, record_fields};

/// The type of a field, and how its values are converted from Python and to it.
pub trait PyField: Sized {
    /// Takes a value that Python gives.
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self>;
    /// Makes a new Python value, as in `to_dict`.
    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>;
}

impl PyField for RecordId {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        Ok(Self::parse(&borrowed_text(value)?)?)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyString::new(py, &self.text()).into_any())
    }
}

impl PyField for Scope {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        Ok(Self::parse(&borrowed_text(value)?)?)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyString::new(py, self.as_str()).into_any())
    }
}

impl PyField for String {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        text(value)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyString::new(py, self).into_any())
    }
}

/// Categories.
impl PyField for Vec<String> {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        names(value)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self)?.into_any())
    }
}

impl PyField for Metadata {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        object(value)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(from_object(py, &self.to_map())?.into_any())
    }
}

impl PyField for f64 {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        number(value)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.into_pyobject(py)?.into_any())
    }
}

impl PyField for bool {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        flag(value)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.into_pyobject(py)?.to_owned().into_any())
    }
}

/// Every number of microseconds in a record is a timestamp.
impl PyField for Micros {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        micros(value)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(datetime(py, *self)?.into_any())
    }
}

/// An embedding.
impl PyField for Vec<f32> {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        vector(value)
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self)?.into_any())
    }
}

impl<T: PyField> PyField for Option<T> {
    fn from_python(value: &Bound<'_, PyAny>) -> Argument<Self> {
        if value.is_none() { Ok(None) } else { T::from_python(value).map(Some) }
    }

    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_ref().map_or_else(|| Ok(py.None().into_bound(py)), |value| value.to_python(py))
    }
}

macro_rules! define {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        /// Sets a field of a new record; `None` stands for the default, which the content has not.
        pub fn set(fields: &mut Fields, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
            if name == "content" {
                return set_update(fields, name, value);
            }
            match name {
                $(stringify!($name) => fields.$name = Option::<$type>::from_python(value).in_record(name)?,)*
                _ => return Err(unknown_field(name)),
            }
            Ok(())
        }

        /// Sets a field of an update; `None` removes the value of a field that may have none.
        fn set_update(fields: &mut Fields, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
            match name {
                $(stringify!($name) => fields.$name = Some(<$type>::from_python(value).in_record(name)?),)*
                _ => return Err(unknown_field(name)),
            }
            Ok(())
        }

        /// All fields of a record by name.
        pub fn to_dict<'py>(py: Python<'py>, record: &Record) -> PyResult<Bound<'py, PyDict>> {
            let dict = PyDict::new(py);
            $(dict.set_item(intern!(py, stringify!($name)), record.$name.to_python(py)?)?;)*
            dict.set_item(intern!(py, "version"), record.version)?;
            Ok(dict)
        }
    };
}

record_fields!(define);

/// The fields that an update sets.
pub fn update(given: Option<&Bound<'_, PyDict>>) -> PyResult<Fields> {
    let mut fields = Fields::default();
    for (name, value) in given.into_iter().flatten() {
        set_update(&mut fields, &text(&name).in_record("a field's name")?, &value)?;
    }
    Ok(fields)
}

fn unknown_field(name: &str) -> PyErr {
    let known = Record::FIELDS.join(", ");
    Error::InvalidRecord(format!("records have no field {name:?}; the fields are {known}")).into()
}
