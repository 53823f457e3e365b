//! Values of journals: from Python objects to what is stored, and back to equal objects.
//!
//! The text is JSON as Python's `json` reads it: `NaN`, `Infinity`, integers of any size. All characters stand as they are but
//! for those that JSON escapes, and lone surrogates, which UTF-8 cannot hold: each is `\udXXX`, and none is joined with the next.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use super::conversion::{Argument, ConversionError};
use crate::journal::{MAX_DEPTH, MAX_VALUE_BYTES, Value};

/// Python converts no more digits at once between text and integers: its limit is 4,300 unless set otherwise, 640 at the least.
const DIGITS: usize = 640;
/// An integer of fewer bits has fewer than [`DIGITS`] digits.
const BITS: usize = 2_000;

/// What is stored for an object.
///
/// # Errors
/// For types other than bytes, dict with text as keys, list, str, int, float, bool and None, for deeper nesting than
/// [`MAX_DEPTH`], and for more than [`MAX_VALUE_BYTES`].
pub fn encode(object: &Bound<'_, PyAny>) -> Argument<Value> {
    let value = match object.cast::<PyBytes>() {
        Ok(bytes) => Value::Bytes(bytes.as_bytes().to_vec()),
        Err(_) => {
            let mut out = Vec::with_capacity(256);
            write(object, &mut out, 0)?;
            Value::Json(String::from_utf8(out).map_err(|error| ConversionError::wrong(error.to_string()))?)
        }
    };
    check_size(value.as_bytes().0.len())?;
    Ok(value)
}

fn check_size(bytes: usize) -> Argument<()> {
    if bytes <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(ConversionError::wrong(format!("takes {bytes} bytes; at most {MAX_VALUE_BYTES} are allowed")))
}

fn write(object: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> Argument<()> {
    check_size(out.len())?;
    if let Ok(text) = object.cast::<PyString>() {
        write_text(text, out)
    } else if object.is_none() {
        out.extend_from_slice(b"null");
        Ok(())
    } else if let Ok(flag) = object.cast::<PyBool>() {
        out.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
        Ok(())
    } else if let Ok(number) = object.cast::<PyInt>() {
        write_integer(number, out)
    } else if let Ok(number) = object.cast::<PyFloat>() {
        write_float(number.value(), out);
        Ok(())
    } else if let Ok(list) = object.cast::<PyList>() {
        write_list(list, out, deeper(depth)?)
    } else if let Ok(dict) = object.cast::<PyDict>() {
        write_dict(dict, out, deeper(depth)?)
    } else {
        Err(ConversionError::needed("bytes, or made of dict, list, str, int, float, bool and None", object))
    }
}

fn deeper(depth: usize) -> Argument<usize> {
    if depth < MAX_DEPTH {
        return Ok(depth + 1);
    }
    Err(ConversionError::wrong(format!("nests deeper than {MAX_DEPTH} levels, or contains itself")))
}

fn write_list(list: &Bound<'_, PyList>, out: &mut Vec<u8>, depth: usize) -> Argument<()> {
    out.push(b'[');
    for (place, item) in list.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(&item, out, depth).map_err(|error| error.under(place))?;
    }
    out.push(b']');
    Ok(())
}

fn write_dict(dict: &Bound<'_, PyDict>, out: &mut Vec<u8>, depth: usize) -> Argument<()> {
    out.push(b'{');
    for (place, (key, item)) in dict.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let key =
            key.cast::<PyString>().map_err(|_| ConversionError::needed("a dict with text as keys", &key))?;
        write_text(key, out)?;
        out.push(b':');
        write(&item, out, depth).map_err(|error| error.under(format!("{:?}", key.to_string_lossy())))?;
    }
    out.push(b'}');
    Ok(())
}

fn write_text(text: &Bound<'_, PyString>, out: &mut Vec<u8>) -> Argument<()> {
    if let Ok(text) = text.to_cow() {
        return Ok(serde_json::to_writer(out, &text)?);
    }
    // As UTF-8 it would have the surrogates as sequences of three bytes, which begin with ED A0 to ED BF.
    let py = text.py();
    let bytes = text.call_method1(intern!(py, "encode"), ("utf-8", "surrogatepass"))?;
    let bytes = bytes.cast::<PyBytes>().map_err(PyErr::from)?;
    out.push(b'"');
    let mut rest = bytes.as_bytes();
    while !rest.is_empty() {
        let valid = std::str::from_utf8(rest).map_or_else(|error| error.valid_up_to(), str::len);
        let (text, behind) = rest.split_at(valid);
        let quoted = serde_json::to_vec(&String::from_utf8_lossy(text))?;
        out.extend_from_slice(&quoted[1..quoted.len() - 1]);
        let Some((&[lead, middle, last], behind)) = behind.split_first_chunk() else { break };
        let code = u32::from(lead & 0xF) << 12 | u32::from(middle & 0x3F) << 6 | u32::from(last & 0x3F);
        out.extend_from_slice(format!("\\u{code:04x}").as_bytes());
        rest = behind;
    }
    out.push(b'"');
    Ok(())
}

fn write_float(number: f64, out: &mut Vec<u8>) {
    let text = match number {
        number if number.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        // The shortest text that reads back as the same number.
        number => format!("{number:?}"),
    };
    out.extend_from_slice(text.as_bytes());
}

fn write_integer(number: &Bound<'_, PyInt>, out: &mut Vec<u8>) -> Argument<()> {
    if let Ok(small) = number.extract::<i64>() {
        out.extend_from_slice(small.to_string().as_bytes());
        return Ok(());
    }
    let py = number.py();
    let bits: usize = number.call_method0(intern!(py, "bit_length"))?.extract()?;
    check_size(bits / 4)?;
    // An exact int, also of a subclass.
    let mut rest = py.get_type::<PyInt>().call_method1(intern!(py, "__abs__"), (number,))?;
    let mut groups = Vec::new();
    let power = power_of_ten(py, DIGITS)?;
    while bits >= BITS && rest.gt(&power)? {
        let (quotient, group): (Bound<'_, PyAny>, Bound<'_, PyAny>) = rest.divmod(&power)?.extract()?;
        groups.push(format!("{:0>DIGITS$}", group.str()?.to_cow()?));
        rest = quotient;
    }
    if number.lt(0)? {
        out.push(b'-');
    }
    out.extend_from_slice(rest.str()?.to_cow()?.as_bytes());
    groups.iter().rev().for_each(|group| out.extend_from_slice(group.as_bytes()));
    Ok(())
}

fn power_of_ten(py: Python<'_>, digits: usize) -> PyResult<Bound<'_, PyAny>> {
    PyInt::new(py, 10).pow(digits, py.None())
}

/// The object that was stored, as a new one.
///
/// # Errors
/// What Python's `json` raises for a text that [`encode`] did not write.
pub fn decode<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let text = match value {
        Value::Bytes(bytes) => return Ok(PyBytes::new(py, bytes).into_any()),
        Value::Json(text) => with_surrogates(py, text)?,
    };
    let scanned = match scanner(py, false)?.call1((&text, 0)) {
        // Python converts no text of so many digits.
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyValueError>(py) => {
            scanner(py, true)?.call1((&text, 0))?
        }
        other => other?,
    };
    scanned.get_item(0)
}

/// The text with each escaped surrogate as a character of its own: Python's `json` joins pairs of escapes.
fn with_surrogates<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    if memchr::memmem::find(text.as_bytes(), b"\\ud").is_none() {
        return Ok(PyString::new(py, text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        if let [b'\\', b'u', b'd', hex @ ..] = rest
            && let Some(code) = hex.get(..3).and_then(|hex| std::str::from_utf8(hex).ok())
            && let Ok(code) = u16::from_str_radix(code, 16)
        {
            let code = 0xD000 | code;
            bytes.extend([
                0xE0 | (code >> 12) as u8,
                0x80 | (code >> 6 & 0x3F) as u8,
                0x80 | (code & 0x3F) as u8,
            ]);
            rest = &rest[6..];
        } else if let [b'\\', escaped, behind @ ..] = rest {
            bytes.extend([b'\\', *escaped]);
            rest = behind;
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    PyString::from_encoded_object(&PyBytes::new(py, &bytes), Some(c"utf-8"), Some(c"surrogatepass"))
}

/// What `json.loads` calls, without its checks of the argument.
fn scanner(py: Python<'_>, long_integers: bool) -> PyResult<&Bound<'_, PyAny>> {
    static SCANNERS: [PyOnceLock<Py<PyAny>>; 2] = [PyOnceLock::new(), PyOnceLock::new()];
    let scanner = SCANNERS[usize::from(long_integers)].get_or_try_init(py, || {
        let keywords = PyDict::new(py);
        if long_integers {
            keywords.set_item("parse_int", pyo3::wrap_pyfunction!(parse_integer, py)?)?;
        }
        let decoder = py.import("json.decoder")?.getattr("JSONDecoder")?.call((), Some(&keywords))?;
        Ok::<_, PyErr>(decoder.getattr("scan_once")?.unbind())
    })?;
    Ok(scanner.bind(py))
}

/// An integer of any number of digits.
#[pyfunction]
fn parse_integer<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let digits = text.trim_start_matches('-').as_bytes();
    let power = power_of_ten(py, DIGITS)?;
    let mut number = PyInt::new(py, 0).into_any();
    // The first group is the one that may be shorter.
    let first = digits.len() % DIGITS;
    for group in std::iter::once(&digits[..first]).chain(digits[first..].chunks(DIGITS)) {
        if !group.is_empty() {
            let group = py.get_type::<PyInt>().call1((PyBytes::new(py, group),))?;
            number = number.mul(&power)?.add(group)?;
        }
    }
    if text.starts_with('-') { number.neg() } else { Ok(number) }
}
