//! How the values of a record's fields are read from JSON and written to it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Metadata, Micros, RecordId, Scope, timestamp};
use crate::error::{Error, Result};

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
