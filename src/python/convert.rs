//! Python values in, Rust values out, and back. What cannot be taken is refused with the value in the message.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyBytes, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple, PyTzInfo,
};
use serde_json::{Map, Number, Value};

use super::errors::{describe, is_ordinary};
use crate::error::Error;
use crate::record::timestamp;
use crate::record::{Condition, Filter, Metadata, MetadataWriter, Micros, RecordId, Scope};

/// How deep metadata and conditions may nest: below the limit of JSON parsers.
const MAX_DEPTH: usize = 100;

/// Why a value was not taken.
pub enum ConversionError {
    /// It is not what is needed: where in the value, and why.
    Wrong(String, String),
    /// Looking at it raised an exception.
    Raised(PyErr),
}

/// A value that was taken, or refused.
pub type Conversion<T> = Result<T, ConversionError>;

impl From<PyErr> for ConversionError {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<Error> for ConversionError {
    fn from(error: Error) -> Self {
        Self::Raised(error.into())
    }
}

impl From<serde_json::Error> for ConversionError {
    fn from(error: serde_json::Error) -> Self {
        Self::wrong(error.to_string())
    }
}

impl ConversionError {
    fn wrong(why: impl Into<String>) -> Self {
        Self::Wrong(String::new(), why.into())
    }

    fn needed(what: &str, found: &Bound<'_, PyAny>) -> Self {
        Self::wrong(format!("must be {what}, not {}", describe(found)))
    }

    fn under(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Wrong(path, why) => Self::Wrong(format!("[{place}]{path}"), why),
            raised @ Self::Raised(_) => raised,
        }
    }

    fn into_pyerr(self, name: &str, kind: impl FnOnce(String) -> PyErr) -> PyErr {
        match self {
            Self::Wrong(path, why) => kind(format!("{name}{path} {why}")),
            Self::Raised(error) => error,
        }
    }
}

/// Says which argument was refused, as the exception of its side.
pub trait Named<T> {
    /// It was to become part of a record.
    fn in_record(self, name: &str) -> PyResult<T>;
    /// It was to select records.
    fn in_filter(self, name: &str) -> PyResult<T>;
    /// It is a setting of the store.
    fn in_options(self, name: &str) -> PyResult<T>;
}

impl<T> Named<T> for Conversion<T> {
    fn in_record(self, name: &str) -> PyResult<T> {
        self.map_err(|error| error.into_pyerr(name, |why| Error::InvalidRecord(why).into()))
    }

    fn in_filter(self, name: &str) -> PyResult<T> {
        self.map_err(|error| error.into_pyerr(name, |why| Error::InvalidFilter(why).into()))
    }

    fn in_options(self, name: &str) -> PyResult<T> {
        self.map_err(|error| error.into_pyerr(name, PyValueError::new_err))
    }
}

/// Text that can be stored: no lone surrogates.
pub fn text(value: &Bound<'_, PyAny>) -> Conversion<String> {
    borrowed_text(value).map(Cow::into_owned)
}

/// As [`text`], where no copy is needed.
pub fn borrowed_text<'a>(value: &'a Bound<'_, PyAny>) -> Conversion<Cow<'a, str>> {
    let text = value.cast::<PyString>().map_err(|_| ConversionError::needed("text", value))?;
    match text.to_cow() {
        Ok(text) => Ok(text),
        Err(_) => Err(ConversionError::wrong(format!(
            "holds a lone surrogate, which is no character: {}",
            describe(value)
        ))),
    }
}

/// Text to search for: a lone surrogate finds nothing, but is no error.
pub fn lossy_text(value: &Bound<'_, PyAny>) -> Conversion<String> {
    let text = value.cast::<PyString>().map_err(|_| ConversionError::needed("text", value))?;
    Ok(text.to_string_lossy().into_owned())
}

/// A number; truth values and text are none.
pub fn number(value: &Bound<'_, PyAny>) -> Conversion<f64> {
    let needed = || ConversionError::needed("a number", value);
    if value.is_instance_of::<PyBool>() {
        return Err(needed());
    }
    value.extract().map_err(|error| unless_raised(value.py(), error, needed))
}

/// True or false, nothing like it.
pub fn flag(value: &Bound<'_, PyAny>) -> Conversion<bool> {
    value
        .cast::<PyBool>()
        .map(|flag| flag.is_true())
        .map_err(|_| ConversionError::needed("True or False", value))
}

/// A count; one that is too large for the machine is as good as no limit.
pub fn count(value: &Bound<'_, PyAny>) -> Conversion<usize> {
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

/// Several names; a lone text is one.
pub fn names(value: &Bound<'_, PyAny>) -> Conversion<Vec<String>> {
    if value.is_instance_of::<PyString>() {
        return Ok(vec![text(value)?]);
    }
    each(value, "a list of text", text)
}

/// Ids of records to look for; a lone text is one.
pub fn ids(value: &Bound<'_, PyAny>) -> PyResult<Vec<RecordId>> {
    Ok(names(value).in_filter("ids")?.iter().map(|id| RecordId::for_lookup(id)).collect())
}

/// The id of a record to look for.
pub fn id(value: &Bound<'_, PyAny>) -> PyResult<RecordId> {
    Ok(RecordId::for_lookup(&borrowed_text(value).in_filter("id")?))
}

/// A scope to look into.
pub fn scope(value: &Bound<'_, PyAny>) -> PyResult<Scope> {
    let parsed = Scope::parse(&borrowed_text(value).in_filter("scope")?);
    // The same rule, broken on the other side.
    Ok(parsed.map_err(|error| match error {
        Error::InvalidRecord(why) => Error::InvalidFilter(why),
        other => other,
    })?)
}

/// A scope to empty. What stands for the root elsewhere, such as an empty text, is here more likely made of a variable
/// that was never set.
pub fn scope_to_empty(value: &Bound<'_, PyAny>) -> PyResult<Scope> {
    let found = scope(value)?;
    if found == Scope::root() && !borrowed_text(value).is_ok_and(|text| text == "/") {
        let why = "the scope is empty; name the one to delete, or \"/\" for everything";
        return Err(Error::InvalidFilter(why.into()).into());
    }
    Ok(found)
}

/// A vector: any sequence of numbers, arrays of numpy and the like among them.
pub fn vector(value: &Bound<'_, PyAny>) -> Conversion<Vec<f32>> {
    if value.is_instance_of::<PyString>() {
        return Err(ConversionError::needed("a list of numbers", value));
    }
    if value.hasattr("astype")? && value.hasattr("tobytes")? && value.getattr("ndim")?.eq(1)? {
        return array(value);
    }
    each(value, "a list of numbers", |element| Ok(number(element)? as f32))
}

fn array(value: &Bound<'_, PyAny>) -> Conversion<Vec<f32>> {
    let floats = value.call_method1("astype", ("<f4",)).map_err(|error| {
        unless_raised(value.py(), error, || ConversionError::needed("a list of numbers", value))
    })?;
    let bytes = floats.call_method0("tobytes")?;
    let bytes =
        bytes.cast::<PyBytes>().map_err(|_| ConversionError::needed("a list of numbers", value))?.as_bytes();
    Ok(bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
}

fn each<T>(
    value: &Bound<'_, PyAny>,
    what: &str,
    mut take: impl FnMut(&Bound<'_, PyAny>) -> Conversion<T>,
) -> Conversion<Vec<T>> {
    if value.is_instance_of::<PyDict>() || value.is_instance_of::<PyBytes>() {
        return Err(ConversionError::needed(what, value));
    }
    let elements = value
        .try_iter()
        .map_err(|error| unless_raised(value.py(), error, || ConversionError::needed(what, value)))?;
    // Not collected: that would ask Python for the length, which costs as much as the elements of a short list.
    let mut taken = Vec::new();
    for (place, element) in elements.enumerate() {
        taken.push(take(&element?).map_err(|error| error.under(place))?);
    }
    Ok(taken)
}

/// An instant: a datetime, naive ones being UTC, or ISO 8601 text.
pub fn timestamp(value: &Bound<'_, PyAny>) -> Conversion<Micros> {
    let needed = || ConversionError::needed("a datetime or ISO 8601 text of the years 1 to 9999", value);
    if value.is_instance_of::<PyString>() {
        return timestamp::parse(&text(value)?).ok_or_else(needed);
    }
    if !value.is_instance_of::<PyDateTime>() {
        return Err(needed());
    }
    since_epoch(value).map_err(|error| unless_raised(value.py(), error, needed))
}

fn since_epoch(value: &Bound<'_, PyAny>) -> PyResult<Micros> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let utc = PyTzInfo::utc(py)?;
    let epoch = EPOCH.get_or_try_init(py, || {
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(|epoch| epoch.into_any().unbind())
    })?;
    let in_utc = value.getattr(intern!(py, "tzinfo"))?.is(utc);
    let aware = if !in_utc && value.call_method0(intern!(py, "utcoffset"))?.is_none() {
        let tzinfo = PyDict::new(py);
        tzinfo.set_item("tzinfo", utc)?;
        value.call_method("replace", (), Some(&tzinfo))?
    } else {
        value.clone()
    };
    let since = aware.sub(epoch)?;
    let part = |name| since.getattr(name)?.extract::<i64>();
    let seconds = part(intern!(py, "days"))? * 86_400 + part(intern!(py, "seconds"))?;
    Ok(seconds * 1_000_000 + part(intern!(py, "microseconds"))?)
}

/// An aware datetime in UTC.
pub fn datetime(py: Python<'_>, at: Micros) -> PyResult<Bound<'_, PyDateTime>> {
    let civil = timestamp::civil(at);
    let utc = PyTzInfo::utc(py)?;
    PyDateTime::new(
        py,
        civil.year().into(),
        civil.month() as u8,
        civil.day() as u8,
        civil.hour() as u8,
        civil.minute() as u8,
        civil.second() as u8,
        (civil.subsec_nanosecond() / 1000) as u32,
        Some(&utc),
    )
}

/// JSON's object, from a mapping with text as keys.
pub fn object(value: &Bound<'_, PyAny>) -> Conversion<Metadata> {
    let dict = mapping(value)?.ok_or_else(|| ConversionError::needed("a dict", value))?;
    let mut writer = MetadataWriter::new();
    write_object(&mut writer, &dict, MAX_DEPTH)?;
    Ok(writer.finish()?)
}

/// A mapping as a dict, if it is one.
fn mapping<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    if let Ok(dict) = value.cast::<PyDict>() {
        return Ok(Some(dict.clone()));
    }
    let Ok(mapping) = value.cast::<PyMapping>() else { return Ok(None) };
    let dict = PyDict::new(value.py());
    dict.update(mapping)?;
    Ok(Some(dict))
}

fn write(writer: &mut MetadataWriter, value: &Bound<'_, PyAny>, depth: usize) -> Conversion<()> {
    if value.is_instance_of::<PyString>() {
        writer.scalar(&borrowed_text(value)?)?;
    } else if value.is_none() {
        writer.scalar(&())?;
    } else if let Ok(flag) = value.cast::<PyBool>() {
        writer.scalar(&flag.is_true())?;
    } else if value.is_instance_of::<PyInt>() {
        writer.scalar(&integer(value)?)?;
    } else if value.is_instance_of::<PyFloat>() {
        let number = Number::from_f64(value.extract()?);
        let unknown = || ConversionError::wrong(format!("is {value}, which JSON does not know"));
        writer.scalar(&number.ok_or_else(unknown)?)?;
    } else if depth == 0 {
        return Err(ConversionError::wrong(format!("nests deeper than {MAX_DEPTH} levels")));
    } else if let Some(dict) = mapping(value)? {
        write_object(writer, &dict, depth - 1)?;
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        writer.open(b'[');
        each(value, "a list", |element| {
            writer.element();
            write(writer, element, depth - 1)
        })?;
        writer.close(b']');
    } else {
        return Err(ConversionError::needed("text, a number, True, False, None, a list or a dict", value));
    }
    Ok(())
}

fn integer(value: &Bound<'_, PyAny>) -> Conversion<Number> {
    if let Ok(number) = value.extract::<i64>() {
        return Ok(number.into());
    }
    value.extract::<u64>().map(Number::from).map_err(|_| {
        ConversionError::wrong(format!("is beyond 64 bits; store it as text: {}", describe(value)))
    })
}

fn write_object(writer: &mut MetadataWriter, dict: &Bound<'_, PyDict>, depth: usize) -> Conversion<()> {
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
        write(writer, &value, depth).map_err(|error| error.under(format_args!("{key:?}")))?;
    }
    writer.close(b'}');
    Ok(())
}

/// A JSON value as Python's.
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

/// The filters that all reads share; `None` is as if left out.
pub fn filter(filters: Option<&Bound<'_, PyDict>>) -> PyResult<Filter> {
    let mut filter = Filter::default();
    for (name, value) in filters.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        match text(&name).in_filter("a filter's name")?.as_str() {
            "ids" => filter.ids = Some(ids(&value)?),
            "scope" => filter.scope = Some(scope(&value)?),
            "categories" => filter.categories = names(&value).in_filter("categories")?,
            "where" => {
                filter.condition =
                    Some(Condition::parse(&object(&value).in_filter("where")?.to_map().into())?)
            }
            "since" => filter.since = Some(timestamp(&value).in_filter("since")?),
            "until" => filter.until = Some(timestamp(&value).in_filter("until")?),
            "source" => filter.viewer.source = Some(text(&value).in_filter("source")?),
            "include_private" => filter.viewer.include_private = flag(&value).in_filter("include_private")?,
            other => {
                return Err(PyTypeError::new_err(format!(
                    "there is no filter {other:?}; there are scope, categories, where, since, until, source and \
                     include_private"
                )));
            }
        }
    }
    Ok(filter)
}

/// A file's name.
pub fn path(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let path: PathBuf = value.extract().map_err(|error: PyErr| {
        if !error.is_instance_of::<PyUnicodeEncodeError>(value.py()) {
            return error;
        }
        let why = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it holds what file names cannot");
        Error::io(describe(value), why).into()
    })?;
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().contains(&0) {
        let why =
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "a path is not empty and holds no NUL");
        return Err(Error::io(path, why).into());
    }
    Ok(path)
}

/// A time to wait.
pub fn seconds(value: &Bound<'_, PyAny>) -> Conversion<Duration> {
    /// More than this is for ever, and more than SQLite can count.
    const MOST: f64 = 1e6;
    let seconds = number(value)?;
    Duration::try_from_secs_f64(if seconds > MOST { MOST } else { seconds })
        .map_err(|_| ConversionError::needed("a number of seconds, 0 or more", value))
}

fn unless_raised(
    py: Python<'_>,
    error: PyErr,
    conversion_error: impl FnOnce() -> ConversionError,
) -> ConversionError {
    if is_ordinary(py, &error) { conversion_error() } else { ConversionError::Raised(error) }
}
