//! Records as JSON: one object with the fields of the table in `fields.rs`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Fields, Metadata, Micros, Record, RecordId, Scope, timestamp};
use crate::error::{Error, Result};

impl Record {
    /// Reads one JSON object with the fields of a record. Every field but `content` may be missing or null.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] if the text is not JSON or not a record, or has an unknown field.
    pub fn from_json(json: &str) -> Result<Self> {
        if !json.trim_ascii_start().starts_with('{') {
            return Err(not_a_record("it is not an object"));
        }
        serde_json::from_str::<Fields>(json).map_err(not_a_record)?.into_record()
    }

    /// Like [`Record::from_json`], for bytes that should be UTF-8.
    ///
    /// # Errors
    /// Like [`Record::from_json`].
    pub fn from_json_bytes(json: &[u8]) -> Result<Self> {
        // Checking the whole text once is faster than checking each string in it.
        Self::from_json(std::str::from_utf8(json).map_err(not_a_record)?)
    }

    /// One line of JSON, without the line end, that [`Record::from_json`] reads back to an equal record.
    pub fn to_json(&self) -> String {
        // Serializing can fail only for maps whose keys are not text, and for writers that fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn not_a_record(why: impl fmt::Display) -> Error {
    Error::InvalidRecord(format!("the JSON is not a record: {why}"))
}

/// The type of a field, and how its values are read from JSON and written to it.
pub(super) trait JsonField: Sized {
    /// Whether a missing value is left out, and not written as null.
    const OMITTED: bool = false;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error>;
    fn write<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>;

    /// Whether the value is missing, and left out.
    fn is_omitted(&self) -> bool {
        false
    }
}

/// Types that serde reads and writes as records need it.
macro_rules! json_field_by_serde {
    ($($type:ty),*) => {
        $(impl JsonField for $type {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }

            fn write<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }
        })*
    };
}

json_field_by_serde!(String, f64, bool, Vec<String>, Vec<f32>);

impl JsonField for RecordId {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_str(TextParser("an id as text", Self::parse))
    }

    fn write<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl JsonField for Scope {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_str(TextParser("a scope as text", Self::parse))
    }

    fn write<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Every number of microseconds in a record is a timestamp.
impl JsonField for Micros {
    // The one timestamp that may be missing is the expiry, which older versions do not know.
    const OMITTED: bool = true;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_str(TextParser("a date as text", |text| {
            let wrong =
                || Error::InvalidRecord(format!("{text:?} is not an ISO 8601 date of the years 1 to 9999"));
            timestamp::parse(text).ok_or_else(wrong)
        }))
    }

    fn write<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&timestamp::format(*self))
    }
}

impl JsonField for Metadata {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Self::parse(<&RawValue>::deserialize(deserializer)?.get()).map_err(D::Error::custom)
    }

    fn write<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl<T: JsonField> JsonField for Option<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        read(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(serializer),
            None => serializer.serialize_none(),
        }
    }

    fn is_omitted(&self) -> bool {
        T::OMITTED && self.is_none()
    }
}

/// Reads a field that may be null, which counts as not given.
pub(super) fn read<'de, D: Deserializer<'de>, T: JsonField>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    deserializer.deserialize_option(Optional(PhantomData))
}

/// Serializes a field.
pub(super) struct Json<'a, T>(pub &'a T);

impl<T: JsonField> Serialize for Json<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

struct Optional<T>(PhantomData<T>);

impl<'de, T: JsonField> Visitor<'de> for Optional<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Self::Value, D::Error> {
        T::read(deserializer).map(Some)
    }
}

/// Parses a text without copying it first. Holds what is expected, and the parser.
struct TextParser<T>(&'static str, fn(&str) -> Result<T>);

impl<T> Visitor<'_> for TextParser<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        self.1(text).map_err(|error| match error {
            Error::InvalidRecord(why) => E::custom(why),
            other => E::custom(other),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn json_there_and_back() {
        let mut record = Record::new("a \"quoted\" line\nand 日本語 \u{1F680}");
        record.metadata =
            serde_json::from_str(r#"{"deep": [1, -2.5, 0.1, {"x": null}, 18446744073709551615]}"#).unwrap();
        record.embedding = Some(vec![0.1, -1e-30, 3.402_823_5e38]);
        record.created_at = -1;
        let json = record.to_json();
        assert!(!json.contains('\n'));
        assert_eq!(Record::from_json(&json).unwrap(), record);
    }

    #[test]
    fn left_out_is_default() {
        let record =
            Record::from_json(r#"{"content": "x", "created_at": "2024-01-01", "scope": "a//b/"}"#).unwrap();
        assert_eq!(record.scope.as_str(), "/a/b");
        assert_eq!((record.updated_at, record.last_accessed), (record.created_at, record.created_at));
        assert_eq!(record.importance, 0.5);
    }

    #[test]
    fn null_is_left_out_and_bytes_must_be_text() {
        let record = Record::from_json(r#"{"content": "x", "id": "a", "created_at": "2024-01-01"}"#).unwrap();
        let nulls =
            r#"{"content": "x", "id": "a", "created_at": "2024-01-01", "updated_at": null, "scope": null}"#;
        assert_eq!(Record::from_json(nulls).unwrap(), record);
        let message = Record::from_json_bytes(b"{\"content\": \"\xff\"}").unwrap_err().to_string();
        assert!(message.contains("not a record") && message.contains("utf-8"), "{message}");
    }

    #[test]
    fn says_what_is_wrong() {
        for (json, part) in [
            ("", "not a record"),
            ("[]", "not a record"),
            ("{}", "content"),
            (r#"{"content": "x", "sope": "/"}"#, "sope"),
            (r#"{"content": "x", "created_at": "soon"}"#, "soon"),
            (r#"{"content": "x", "created_at": 5}"#, "a date as text"),
            (r#"{"content": "x", "content": "y"}"#, "duplicate"),
            (r#"{"content": "\ud800"}"#, "not a record"),
            (r#"{"content": "x", "metadata": {"n": [18446744073709551616]}}"#, "18446744073709551616"),
            (r#"{"content": "x", "metadata": {"n": -9223372036854775809}}"#, "-9223372036854775809"),
            (r#"{"content": "x", "importance": 2}"#, "importance"),
        ] {
            let message = Record::from_json(json).unwrap_err().to_string();
            assert!(message.contains(part), "{json}: {message}");
        }
    }
}
