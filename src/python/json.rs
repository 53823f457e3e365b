//! JSON as Python values, and back.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde_json::{Map, Number, Value};

use super::conversion::{Argument, ConversionError};
use super::errors::describe;
use super::values::{borrowed_text, each};
use crate::record::{BIG_NUMBER, MAX_METADATA_DEPTH, Metadata, MetadataWriter};

/// A JSON object, from a mapping whose keys are text.
pub fn object(value: &Bound<'_, PyAny>) -> Argument<Metadata> {
    object_of(value, Numbers::OfJson)
}

/// The JSON object of a condition. Its numbers may be infinite and of any size.
pub fn condition(value: &Bound<'_, PyAny>) -> Argument<Metadata> {
    object_of(value, Numbers::All)
}

/// Which numbers an object may contain.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Numbers {
    /// Finite floats, and integers of 64 bits.
    OfJson,
    /// Others too: an object with the key [`BIG_NUMBER`] stands for each.
    All,
}

fn object_of(value: &Bound<'_, PyAny>, numbers: Numbers) -> Argument<Metadata> {
    let dict = mapping(value)?.ok_or_else(|| ConversionError::needed("a dict", value))?;
    let mut writer = MetadataWriter::new();
    write_object(&mut writer, &dict, MAX_METADATA_DEPTH, numbers)?;
    Ok(writer.finish()?)
}

/// A value as a dict, if it is a mapping.
fn mapping<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    if let Ok(dict) = value.cast::<PyDict>() {
        return Ok(Some(dict.clone()));
    }
    let Ok(mapping) = value.cast::<PyMapping>() else { return Ok(None) };
    let dict = PyDict::new(value.py());
    dict.update(mapping)?;
    Ok(Some(dict))
}

fn write(
    writer: &mut MetadataWriter,
    value: &Bound<'_, PyAny>,
    depth: usize,
    numbers: Numbers,
) -> Argument<()> {
    if value.is_instance_of::<PyString>() {
        writer.scalar(&borrowed_text(value)?)?;
    } else if value.is_none() {
        writer.scalar(&())?;
    } else if let Ok(flag) = value.cast::<PyBool>() {
        writer.scalar(&flag.is_true())?;
    } else if numbers == Numbers::All
        && let Some(big) = big_number(value)?
    {
        writer.scalar(&serde_json::json!({ BIG_NUMBER: big }))?;
    } else if value.is_instance_of::<PyInt>() {
        writer.scalar(&integer(value)?)?;
    } else if value.is_instance_of::<PyFloat>() {
        let number = Number::from_f64(value.extract()?);
        let unknown = || ConversionError::wrong(format!("is {value}, which JSON cannot express"));
        writer.scalar(&number.ok_or_else(unknown)?)?;
    } else if depth == 0 {
        return Err(ConversionError::wrong(format!("nests deeper than {MAX_METADATA_DEPTH} levels")));
    } else if let Some(dict) = mapping(value)? {
        write_object(writer, &dict, depth - 1, numbers)?;
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        writer.open(b'[');
        each(value, "a list", |element| {
            writer.element();
            write(writer, element, depth - 1, numbers)
        })?;
        writer.close(b']');
    } else {
        return Err(ConversionError::needed("text, a number, True, False, None, a list or a dict", value));
    }
    Ok(())
}

fn integer(value: &Bound<'_, PyAny>) -> Argument<Number> {
    if let Ok(number) = value.extract::<i64>() {
        return Ok(number.into());
    }
    value.extract::<u64>().map(Number::from).map_err(|_| {
        ConversionError::wrong(format!("is beyond 64 bits; store it as text: {}", describe(value)))
    })
}

/// A number that JSON cannot express: the nearest float as text, and the sign of what is left. `None` for all other values.
fn big_number(value: &Bound<'_, PyAny>) -> Argument<Option<(String, i64)>> {
    if value.is_instance_of::<PyFloat>() {
        let float: f64 = value.extract()?;
        if float.is_nan() {
            return Err(ConversionError::wrong("is nan, which compares with no number"));
        }
        return Ok((!float.is_finite()).then(|| (float.to_string(), 0)));
    }
    if !value.is_instance_of::<PyInt>() || integer(value).is_ok() {
        return Ok(None);
    }
    // An integer that no float reaches compares as infinity does.
    let infinite = if value.lt(0)? { f64::NEG_INFINITY } else { f64::INFINITY };
    let float = value.extract().unwrap_or(infinite);
    let rest = if value.gt(float)? { 1 } else { -i64::from(value.lt(float)?) };
    Ok(Some((float.to_string(), rest)))
}

fn write_object(
    writer: &mut MetadataWriter,
    dict: &Bound<'_, PyDict>,
    depth: usize,
    numbers: Numbers,
) -> Argument<()> {
    writer.open(b'{');
    for (key, value) in dict.iter() {
        if !key.is_instance_of::<PyString>() {
            return Err(ConversionError::wrong(format!("has the key {}; keys must be text", describe(&key))));
        }
        if !key.is_exact_instance_of::<PyString>() {
            writer.may_repeat_a_key();
        }
        let key = borrowed_text(&key)?;
        writer.key(&key)?;
        write(writer, &value, depth, numbers).map_err(|error| error.under(format_args!("{key:?}")))?;
    }
    writer.close(b'}');
    Ok(())
}

/// A JSON value as a Python value.
pub fn from_json<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (_, Some(number)) => number.into_pyobject(py)?.into_any(),
            _ => number.as_f64().into_pyobject(py)?.into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(elements) => {
            let elements: Vec<_> =
                elements.iter().map(|element| from_json(py, element)).collect::<PyResult<_>>()?;
            PyList::new(py, elements)?.into_any()
        }
        Value::Object(map) => from_object(py, map)?.into_any(),
    })
}

/// A JSON object as a new dict.
pub fn from_object<'py>(py: Python<'py>, map: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in map {
        dict.set_item(key, from_json(py, value)?)?;
    }
    Ok(dict)
}
