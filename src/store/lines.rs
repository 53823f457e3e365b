//! Lines of an export, each a JSON object.
//!
//! - A record, as [`Record::to_json`] writes it.
//! - A record with its history: the same, with `history`, a list of its superseded versions, oldest first. Each is the object of a
//!   record with `superseded_at`, the moment at which the next version took its place.
//! - An entry of a journal: `journal` (the name), `number`, `key` (left out in the log), `value`, `written_at` and `expires_at`
//!   (left out for never). With `"encoding": "hex"` the value is bytes. With `"encoding": "text"` it is a text that holds JSON with
//!   NaN, Infinity or lone surrogates, which other programs do not read alike.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use super::routing::space_path;
use super::stored_json::{Surrogates, stored};
use crate::backend::snapshot::PastVersion;
use crate::error::{Error, Result};
use crate::journal::{self, Entry, MAX_VALUE_BYTES, Value};
use crate::record::{Micros, Record, timestamp};

/// What one line says.
#[derive(Debug)]
pub enum Line {
    /// A record, and its superseded versions, oldest first.
    Record(Record, Vec<PastVersion>),
    /// An entry of the journal with this name.
    Entry(String, Entry),
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`].
    pub fn parse(line: &[u8]) -> Result<Self> {
        let error = match Record::from_json_bytes(line) {
            Ok(record) => return Ok(Self::Record(record, Vec::new())),
            Err(error) => error,
        };
        match serde_json::from_slice::<RawObject>(line) {
            Ok(object) if object.contains_key("journal") => entry(object),
            Ok(object) if object.contains_key("history") => record_with_history(object),
            _ => Err(error),
        }
    }

    /// The path of the space that what the line is about belongs to.
    pub fn space(&self, depth: usize) -> String {
        match self {
            Self::Record(record, _) => space_path(record.scope.as_str(), depth),
            Self::Entry(name, _) => space_path(name, depth),
        }
    }

    /// When what the line is about expires.
    pub fn expires_at(&self) -> Option<Micros> {
        match self {
            Self::Record(record, _) => record.expires_at,
            Self::Entry(_, entry) => entry.expires_at,
        }
    }
}

/// The line of a record with its superseded versions.
pub fn record_line(record: &Record, past: &[PastVersion]) -> String {
    let mut line = record.to_json();
    if past.is_empty() {
        return line;
    }
    let old = past.iter().map(|(version, superseded_at)| {
        with_field(version.to_json(), "superseded_at", &json!(timestamp::format(*superseded_at)).to_string())
    });
    let history = format!("[{}]", old.collect::<Vec<_>>().join(","));
    line = with_field(line, "history", &history);
    line
}

/// The line of an entry of a journal.
pub fn entry_line(name: &str, entry: &Entry) -> String {
    let mut line = json!({ "journal": name, "number": entry.number }).to_string();
    if let Some(key) = &entry.key {
        line = with_field(line, "key", &json!(key).to_string());
    }
    let (encoding, value) = match &entry.value {
        Value::Bytes(bytes) => (Some("hex"), json!(hex(bytes)).to_string()),
        Value::Json(text) if is_portable(text) => (None, text.clone()),
        Value::Json(text) => (Some("text"), json!(text).to_string()),
    };
    if let Some(encoding) = encoding {
        line = with_field(line, "encoding", &json!(encoding).to_string());
    }
    line = with_field(line, "value", &value);
    for (name, at) in [("written_at", Some(entry.written_at)), ("expires_at", entry.expires_at)] {
        if let Some(at) = at {
            line = with_field(line, name, &json!(timestamp::format(at)).to_string());
        }
    }
    line
}

/// Is it JSON that every program reads as the same value? NaN and lone surrogates are not.
fn is_portable(text: &str) -> bool {
    !text.contains("\\ud") && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// A JSON object with one more field.
fn with_field(mut object: String, name: &str, json: &str) -> String {
    object.pop();
    object + ",\"" + name + "\":" + json + "}"
}

/// A JSON object whose values are not parsed.
type RawObject = BTreeMap<String, Box<RawValue>>;

fn record_with_history(mut object: RawObject) -> Result<Line> {
    let past = field::<Vec<RawObject>>(&mut object, "history")?.unwrap_or_default();
    let record = record(&object)?;
    let past = past.into_iter().map(|mut old| {
        let superseded_at = timestamp(&mut old, "superseded_at")?.ok_or_else(|| missing("superseded_at"))?;
        Ok((Record { id: record.id.clone(), ..self::record(&old)? }, superseded_at))
    });
    let past = past.collect::<Result<_>>()?;
    Ok(Line::Record(record, past))
}

fn record(fields: &RawObject) -> Result<Record> {
    Record::from_json(&serde_json::to_string(fields).map_err(invalid)?)
}

fn entry(mut object: RawObject) -> Result<Line> {
    let name: String = field(&mut object, "journal")?.ok_or_else(|| missing("journal"))?;
    journal::check_name(&name)?;
    let number = field(&mut object, "number")?.filter(|number| *number > 0);
    let number =
        number.ok_or_else(|| invalid("the number of an entry must be a whole number of 1 or more"))?;
    let key: Option<String> = field(&mut object, "key")?;
    key.as_deref().map_or(Ok(()), journal::check_key)?;
    let encoding: Option<String> = field(&mut object, "encoding")?;
    let value = object.remove("value").ok_or_else(|| missing("value"))?;
    let value = decoded(value.get(), encoding.as_deref())?;
    let bytes = value.as_bytes().0.len();
    if bytes > MAX_VALUE_BYTES {
        return Err(invalid(format!("the value takes {bytes} bytes; at most {MAX_VALUE_BYTES} are allowed")));
    }
    let written_at = timestamp(&mut object, "written_at")?.unwrap_or_else(crate::clock::now);
    let expires_at = timestamp(&mut object, "expires_at")?;
    match object.keys().next() {
        Some(unknown) => Err(invalid(format!("entries of journals have no field {unknown:?}"))),
        None => Ok(Line::Entry(name, Entry { number, key, value, written_at, expires_at })),
    }
}

fn decoded(json: &str, encoding: Option<&str>) -> Result<Value> {
    let text = || serde_json::from_str::<String>(json).map_err(invalid);
    match encoding {
        None => Ok(Value::Json(stored(json, Surrogates::Joined)?)),
        Some("text") => Ok(Value::Json(stored(&text()?, Surrogates::Apart)?)),
        Some("hex") => {
            let bytes = unhex(&text()?).ok_or_else(|| invalid("the value is not in hexadecimal digits"))?;
            Ok(Value::Bytes(bytes))
        }
        Some(other) => Err(invalid(format!("there is no encoding {other:?}; there are hex and text"))),
    }
}

/// Takes a field out of an object; `None` if it is missing or null.
fn field<T: DeserializeOwned>(object: &mut RawObject, name: &str) -> Result<Option<T>> {
    let Some(value) = object.remove(name) else { return Ok(None) };
    Option::<T>::deserialize(&mut serde_json::Deserializer::from_str(value.get()))
        .map_err(|error| invalid(format!("{name}: {error}")))
}

fn timestamp(object: &mut RawObject, name: &str) -> Result<Option<Micros>> {
    let text: Option<String> = field(object, name)?;
    let parsed = text.map(|text| {
        timestamp::parse(&text).ok_or_else(|| {
            invalid(format!("{name}: {text:?} is not an ISO 8601 date of the years 1 to 9999"))
        })
    });
    parsed.transpose()
}

fn missing(name: &str) -> Error {
    invalid(format!("{name} is missing"))
}

fn invalid(why: impl std::fmt::Display) -> Error {
    Error::InvalidRecord(why.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let digits = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
        u8::from_str_radix(digits, 16).ok()
    };
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
mod tests {
    use super::*;

    fn there_and_back(entry: &Entry) -> String {
        let line = entry_line("a \"name\"", entry);
        match Line::parse(line.as_bytes()).unwrap() {
            Line::Entry(name, read) => assert_eq!((name.as_str(), &read), ("a \"name\"", entry), "{line}"),
            Line::Record(..) => panic!("{line}"),
        }
        line
    }

    #[test]
    fn entries_there_and_back() {
        for value in [
            Value::Json("{\"a\":[1,2.5,null,\"\\ud800\",12345678901234567890123]}".into()),
            Value::Json("[NaN,-Infinity,\"NaN\"]".into()),
            Value::Bytes(b"\x00\xff".to_vec()),
        ] {
            let entry = Entry { number: 7, key: None, value, written_at: 5, expires_at: None };
            there_and_back(&entry);
            there_and_back(&Entry { key: Some(String::new()), expires_at: Some(9), ..entry });
        }
    }

    #[test]
    fn a_record_keeps_its_history() {
        let record = Record::new("new");
        let past = vec![(Record { id: record.id.clone(), ..Record::new("old") }, 7)];
        match Line::parse(record_line(&record, &past).as_bytes()).unwrap() {
            Line::Record(read, read_past) => assert_eq!((read, read_past), (record, past)),
            Line::Entry(..) => panic!("an entry"),
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (line, part) in [
            (r#"{"journal": "log"}"#, "number"),
            (r#"{"journal": 5, "number": 1, "value": 1}"#, "journal"),
            (r#"{"journal": "log", "number": 1}"#, "value is missing"),
            (r#"{"journal": "log", "number": 1, "value": 1, "encoding": "hex"}"#, "string"),
            (r#"{"journal": "log", "number": 1, "value": "0", "encoding": "hex"}"#, "hexadecimal"),
            (r#"{"journal": "log", "number": 1, "value": 1, "colour": 1}"#, "colour"),
            (r#"{"content": "x", "history": [{"content": "y"}]}"#, "superseded_at"),
            (r#"{"contents": "x"}"#, "contents"),
        ] {
            let message = Line::parse(line.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
