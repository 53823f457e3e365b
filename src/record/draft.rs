//! A record as its writer gives it, and as JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Metadata, Micros, Record, RecordId, Scope, moment, now};
use crate::error::{Error, Result};

/// A record with parts left out; see [`Draft::finish`] for what they become.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What is remembered.
    pub content: String,
    /// A fresh UUIDv7 unless given.
    #[serde(default, deserialize_with = "read_id")]
    pub id: Option<RecordId>,
    /// The root unless given.
    #[serde(default, deserialize_with = "read_scope")]
    pub scope: Option<Scope>,
    /// None unless given.
    #[serde(default)]
    pub categories: Option<Vec<String>>,
    /// Empty unless given.
    #[serde(default)]
    pub metadata: Option<Metadata>,
    /// 0.5 unless given.
    #[serde(default)]
    pub importance: Option<f64>,
    /// None unless given.
    #[serde(default)]
    pub source: Option<String>,
    /// Public unless given.
    #[serde(default)]
    pub private: Option<bool>,
    /// Now unless given.
    #[serde(default, deserialize_with = "read_moment")]
    pub created_at: Option<Micros>,
    /// As `created_at` unless given.
    #[serde(default, deserialize_with = "read_moment")]
    pub updated_at: Option<Micros>,
    /// As `created_at` unless given.
    #[serde(default, deserialize_with = "read_moment")]
    pub last_accessed: Option<Micros>,
    /// None unless given.
    #[serde(default)]
    pub embedding: Option<Vec<f32>>,
}

impl Draft {
    /// A draft of this content and nothing else.
    pub fn new(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    /// The record, with defaults for what was left out.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`], naming the field and the value.
    pub fn finish(self) -> Result<Record> {
        let created_at = self.created_at.unwrap_or_else(now);
        Record {
            id: self.id.unwrap_or_default(),
            content: self.content,
            scope: self.scope.unwrap_or_default(),
            categories: self.categories.unwrap_or_default(),
            metadata: self.metadata.unwrap_or_default(),
            importance: self.importance.unwrap_or(0.5),
            source: self.source,
            private: self.private.unwrap_or_default(),
            created_at,
            updated_at: self.updated_at.unwrap_or(created_at),
            last_accessed: self.last_accessed.unwrap_or(created_at),
            embedding: self.embedding,
        }
        .validated()
    }
}

impl From<Record> for Draft {
    fn from(record: Record) -> Self {
        Self {
            content: record.content,
            id: Some(record.id),
            scope: Some(record.scope),
            categories: Some(record.categories),
            metadata: Some(record.metadata),
            importance: Some(record.importance),
            source: record.source,
            private: Some(record.private),
            created_at: Some(record.created_at),
            updated_at: Some(record.updated_at),
            last_accessed: Some(record.last_accessed),
            embedding: record.embedding,
        }
    }
}

impl Record {
    /// Reads one JSON object with the fields of a record; all but `content` may be left out or null.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] for what is no JSON, no record, or has a field that records have not.
    pub fn from_json(json: &str) -> Result<Self> {
        if !json.trim_ascii_start().starts_with('{') {
            return Err(no_record("it is no object"));
        }
        serde_json::from_str::<Draft>(json).map_err(no_record)?.finish()
    }

    /// As [`Record::from_json`], of bytes that should be UTF-8.
    ///
    /// # Errors
    /// As [`Record::from_json`].
    pub fn from_json_bytes(json: &[u8]) -> Result<Self> {
        // Checked as text once, and not again with each string in it.
        Self::from_json(std::str::from_utf8(json).map_err(no_record)?)
    }

    /// Writes one line of JSON, without the line's end, that [`Record::from_json`] reads back to an equal record.
    pub fn to_json(&self) -> String {
        // Serialising fails only for maps with keys that are no text, and for writers that fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            id: Cow<'a, str>,
            content: &'a str,
            scope: &'a str,
            categories: &'a [String],
            metadata: &'a Metadata,
            importance: f64,
            source: Option<&'a str>,
            private: bool,
            created_at: String,
            updated_at: String,
            last_accessed: String,
            embedding: Option<&'a [f32]>,
        }
        Fields {
            id: self.id.text(),
            content: &self.content,
            scope: self.scope.as_str(),
            categories: &self.categories,
            metadata: &self.metadata,
            importance: self.importance,
            source: self.source.as_deref(),
            private: self.private,
            created_at: moment::format(self.created_at),
            updated_at: moment::format(self.updated_at),
            last_accessed: moment::format(self.last_accessed),
            embedding: self.embedding.as_deref(),
        }
        .serialize(serializer)
    }
}

fn no_record(why: impl fmt::Display) -> Error {
    Error::InvalidRecord(format!("the JSON is no record: {why}"))
}

fn read_id<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<RecordId>, D::Error> {
    deserializer.deserialize_option(Read("an id as text", RecordId::parse))
}

fn read_scope<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Scope>, D::Error> {
    deserializer.deserialize_option(Read("a scope as text", Scope::parse))
}

fn read_moment<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Micros>, D::Error> {
    deserializer.deserialize_option(Read("a date as text", |text| {
        let wrong = || Error::InvalidRecord(format!("{text:?} is no ISO 8601 date of the years 1 to 9999"));
        moment::parse(text).ok_or_else(wrong)
    }))
}

/// What is expected, and how it is read from a text where that stands, without a copy.
struct Read<T>(&'static str, fn(&str) -> Result<T>);

impl<'de, T> Visitor<'de> for Read<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_none<E>(self) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        self.1(text).map(Some).map_err(|error| match error {
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
        assert!(message.contains("no record") && message.contains("utf-8"), "{message}");
    }

    #[test]
    fn says_what_is_wrong() {
        for (json, part) in [
            ("", "no record"),
            ("[]", "no record"),
            ("{}", "content"),
            (r#"{"content": "x", "sope": "/"}"#, "sope"),
            (r#"{"content": "x", "created_at": "soon"}"#, "soon"),
            (r#"{"content": "x", "created_at": 5}"#, "a date as text"),
            (r#"{"content": "x", "content": "y"}"#, "duplicate"),
            (r#"{"content": "\ud800"}"#, "no record"),
            (r#"{"content": "x", "importance": 2}"#, "importance"),
        ] {
            let message = Record::from_json(json).unwrap_err().to_string();
            assert!(message.contains(part), "{json}: {message}");
        }
    }
}
