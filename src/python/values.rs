//! Simple Python values as Rust values.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFrozenSet, PySet, PyString};

use super::conversion::{Argument, ConversionError, unless_raised};
use super::errors::describe;
use crate::error::Error;

/// Text that can be stored: it has no lone surrogates.
pub fn text(value: &Bound<'_, PyAny>) -> Argument<String> {
    borrowed_text(value).map(Cow::into_owned)
}

/// Like [`text`], without a copy where possible.
pub fn borrowed_text<'a>(value: &'a Bound<'_, PyAny>) -> Argument<Cow<'a, str>> {
    let text = value.cast::<PyString>().map_err(|_| ConversionError::needed("text", value))?;
    match text.to_cow() {
        Ok(text) => Ok(text),
        Err(_) => Err(ConversionError::wrong(format!(
            "contains a lone surrogate, which is not a character: {}",
            describe(value)
        ))),
    }
}

/// Text to search for. A lone surrogate finds nothing, but is not an error.
pub fn lossy_text(value: &Bound<'_, PyAny>) -> Argument<String> {
    let text = value.cast::<PyString>().map_err(|_| ConversionError::needed("text", value))?;
    Ok(text.to_string_lossy().into_owned())
}

/// A number. True, False and text are not numbers.
pub fn number(value: &Bound<'_, PyAny>) -> Argument<f64> {
    let needed = || ConversionError::needed("a number", value);
    if value.is_instance_of::<PyBool>() {
        return Err(needed());
    }
    value.extract().map_err(|error| unless_raised(value.py(), error, needed))
}

/// True or False, and nothing that is merely truthy.
pub fn flag(value: &Bound<'_, PyAny>) -> Argument<bool> {
    value
        .cast::<PyBool>()
        .map(|flag| flag.is_true())
        .map_err(|_| ConversionError::needed("True or False", value))
}

/// A count. One that is too large for the machine means no limit.
pub fn count(value: &Bound<'_, PyAny>) -> Argument<usize> {
    let needed = || ConversionError::needed("a whole number of 0 or more", value);
    if value.is_instance_of::<PyBool>() {
        return Err(needed());
    }
    let index = value.call_method0("__index__").map_err(|error| unless_raised(value.py(), error, needed))?;
    if index.lt(0)? {
        return Err(needed());
    }
    Ok(index.extract().unwrap_or(usize::MAX))
}

/// Several names; a single text is one name.
pub fn names(value: &Bound<'_, PyAny>) -> Argument<Vec<String>> {
    if value.is_instance_of::<PyString>() {
        return Ok(vec![text(value)?]);
    }
    each(value, "a list of text", text)
}

/// A vector: an iterable of numbers in a definite order, such as a list or a numpy array.
pub fn vector(value: &Bound<'_, PyAny>) -> Argument<Vec<f32>> {
    let unordered = value.is_instance_of::<PySet>() || value.is_instance_of::<PyFrozenSet>();
    if unordered || value.is_instance_of::<PyString>() {
        return Err(ConversionError::needed("a list of numbers", value));
    }
    if value.hasattr("astype")? && value.hasattr("tobytes")? && value.getattr("ndim")?.eq(1)? {
        return array(value);
    }
    each(value, "a list of numbers", |element| Ok(number(element)? as f32))
}

fn array(value: &Bound<'_, PyAny>) -> Argument<Vec<f32>> {
    let floats = value.call_method1("astype", ("<f4",)).map_err(|error| {
        unless_raised(value.py(), error, || ConversionError::needed("a list of numbers", value))
    })?;
    let bytes = floats.call_method0("tobytes")?;
    let bytes =
        bytes.cast::<PyBytes>().map_err(|_| ConversionError::needed("a list of numbers", value))?.as_bytes();
    Ok(bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
}

/// Converts each element of an iterable; `what` says what is needed, as in "a list of text".
pub fn each<T>(
    value: &Bound<'_, PyAny>,
    what: &str,
    mut convert: impl FnMut(&Bound<'_, PyAny>) -> Argument<T>,
) -> Argument<Vec<T>> {
    if value.is_instance_of::<PyDict>() || value.is_instance_of::<PyBytes>() {
        return Err(ConversionError::needed(what, value));
    }
    let elements = value
        .try_iter()
        .map_err(|error| unless_raised(value.py(), error, || ConversionError::needed(what, value)))?;
    // Collecting would ask Python for the length, which takes as long as converting a short list.
    let mut converted = Vec::new();
    for (place, element) in elements.enumerate() {
        converted.push(convert(&element?).map_err(|error| error.under(place))?);
    }
    Ok(converted)
}

/// A duration in seconds.
pub fn seconds(value: &Bound<'_, PyAny>) -> Argument<Duration> {
    /// More seconds than this mean for ever, and are more than SQLite can count.
    const MOST: f64 = 1e6;
    let seconds = number(value)?;
    Duration::try_from_secs_f64(if seconds > MOST { MOST } else { seconds })
        .map_err(|_| ConversionError::needed("a number of seconds, 0 or more", value))
}

/// The path of a file.
pub fn path(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let path: PathBuf = value.extract().map_err(|error: PyErr| {
        if !error.is_instance_of::<PyUnicodeEncodeError>(value.py()) {
            return error;
        }
        let why =
            io::Error::new(io::ErrorKind::InvalidInput, "it contains characters that file names cannot have");
        Error::io(describe(value), why).into()
    })?;
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().contains(&0) {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "a path must not be empty or contain NUL");
        return Err(Error::io(path, why).into());
    }
    Ok(path)
}
