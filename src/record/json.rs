//! Records as JSON: one object with the fields of the table in `fields.rs`.

use std::fmt;

use super::{Fields, Record};
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
