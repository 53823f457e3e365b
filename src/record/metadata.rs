//! The metadata of a record: a JSON object.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

/// A JSON object, its keys in the order given. It is kept as JSON text without white space, because most metadata is written,
/// read and passed on without being looked at.
#[derive(Clone, Default)]
pub struct Metadata(Option<Box<str>>);

impl Metadata {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// If the text is not a JSON object, or contains an integer beyond 64 bits, which could only be stored rounded.
    pub fn parse(json: &str) -> serde_json::Result<Self> {
        let writer = copy(json)?;
        let large_integer = writer.large_float.then(|| large_integer(json)).flatten();
        large_integer.map_or_else(
            || writer.finish(),
            |integer| {
                let why = "the metadata contains an integer beyond 64 bits; store it as text";
                Err(serde_json::Error::custom(format!("{why}: {integer}")))
            },
        )
    }

    /// Reads an object that a store wrote; for one from outside see [`Metadata::parse`].
    ///
    /// # Errors
    /// If the text is not a JSON object.
    pub fn stored(json: &str) -> serde_json::Result<Self> {
        copy(json)?.finish()
    }

    /// Whether the object has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The JSON text of the object.
    pub fn as_json(&self) -> &str {
        self.0.as_deref().unwrap_or("{}")
    }

    /// The object.
    pub fn to_map(&self) -> Map<String, Value> {
        // The text was checked when it was made.
        self.0.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Whether lists and objects nest deeper than `limit`. An object without lists and objects in it has depth 1.
    pub fn is_deeper(&self, limit: usize) -> bool {
        // Each level has two brackets.
        self.as_json().len() > 2 * limit && self.depth() > limit
    }

    fn depth(&self) -> usize {
        let (mut depth, mut deepest) = (0usize, 0);
        let mut bytes = self.as_json().bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => skip_text(&mut bytes),
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        deepest
    }
}

fn copy(json: &str) -> serde_json::Result<Writer> {
    let mut parser = serde_json::Deserializer::from_str(json);
    let mut writer = Writer::with_room(json.len());
    parser.deserialize_map(ObjectCopier(&mut writer))?;
    parser.end()?;
    Ok(writer)
}

/// Advances past the closing quote.
fn skip_text(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return,
            _ => {}
        }
    }
}

impl From<&Map<String, Value>> for Metadata {
    fn from(map: &Map<String, Value>) -> Self {
        // Cannot fail: the keys are text and the numbers finite.
        let json = (!map.is_empty()).then(|| serde_json::to_string(map).unwrap_or_default());
        Self(json.map(String::into_boxed_str))
    }
}

/// Equal if the keys and values are, in any order.
impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.to_map() == other.to_map()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.as_json()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// Reads an object that a store wrote; for one from outside see [`Metadata::parse`].
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut writer = Writer::new();
        deserializer.deserialize_map(ObjectCopier(&mut writer))?;
        writer.finish().map_err(D::Error::custom)
    }
}

/// The first integer in a JSON text that does not fit into 64 bits.
fn large_integer(json: &str) -> Option<&str> {
    let mut rest = json;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            let mut bytes = text.bytes();
            skip_text(&mut bytes);
            rest = &text[text.len() - bytes.len()..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c)).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let is_integer = !number.contains(['.', 'e', 'E']);
        if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = after;
    }
    None
}

/// Writes an object part by part: [`Writer::open`], then each [`Writer::key`] with its value, then [`Writer::close`].
pub(crate) struct Writer {
    json: Vec<u8>,
    /// Whether an object may have the same key twice.
    repeats: bool,
    /// Whether a number was so large that it may have been an integer beyond 64 bits.
    large_float: bool,
}

impl Writer {
    /// A writer that has written nothing.
    pub fn new() -> Self {
        Self::with_room(64)
    }

    /// A writer that has room for so many bytes before it allocates more.
    fn with_room(bytes: usize) -> Self {
        Self { json: Vec::with_capacity(bytes), repeats: false, large_float: false }
    }

    /// Opens an object, `{`, or a list, `[`.
    pub fn open(&mut self, bracket: u8) {
        self.json.push(bracket);
    }

    /// Closes it with `}` or `]`.
    pub fn close(&mut self, bracket: u8) {
        self.json.push(bracket);
    }

    /// Call before each element of a list.
    pub fn element(&mut self) {
        if !matches!(self.json.last(), Some(b'{' | b'[')) {
            self.json.push(b',');
        }
    }

    /// Call before each value of an object.
    pub fn key(&mut self, key: &str) -> serde_json::Result<()> {
        self.element();
        self.scalar(&key)?;
        self.json.push(b':');
        Ok(())
    }

    /// Says that the same key may have been written twice.
    #[cfg(feature = "python")]
    pub fn may_repeat_a_key(&mut self) {
        self.repeats = true;
    }

    /// Writes a value that is neither an object nor a list.
    pub fn scalar(&mut self, value: &impl Serialize) -> serde_json::Result<()> {
        serde_json::to_writer(&mut self.json, value)
    }

    /// The object. If a key was written twice, the last value counts.
    pub fn finish(self) -> serde_json::Result<Metadata> {
        if self.repeats {
            return Ok(Metadata::from(&serde_json::from_slice(&self.json)?));
        }
        let json = String::from_utf8(self.json).map_err(serde_json::Error::custom)?;
        Ok(Metadata((json.len() > "{}".len()).then(|| json.into_boxed_str())))
    }
}

/// Copies an object, and refuses anything else.
struct ObjectCopier<'w>(&'w mut Writer);

impl<'de> Visitor<'de> for ObjectCopier<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        ValueCopier(self.0).visit_map(map)
    }
}

/// Copies any JSON value.
struct ValueCopier<'w>(&'w mut Writer);

impl<'de> DeserializeSeed<'de> for ValueCopier<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueCopier<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.0.scalar(&()).map_err(E::custom)
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<(), E> {
        self.0.scalar(&flag).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.0.scalar(&number).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.0.scalar(&number).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        // The parser makes a float of an integer that it cannot represent.
        self.0.large_float |= number.abs() >= i64::MAX as f64;
        self.0.scalar(&number).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.scalar(&text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.open(b'[');
        while list.next_element_seed(ElementCopier(self.0))?.is_some() {}
        self.0.close(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(writer) = self;
        let mut keys = Vec::new();
        writer.open(b'{');
        while let Some(key) = map.next_key_seed(KeyCopier(writer))? {
            keys.push(key);
            map.next_value_seed(ValueCopier(writer))?;
        }
        keys.sort_unstable();
        writer.repeats |= keys.windows(2).any(|pair| pair[0] == pair[1]);
        writer.close(b'}');
        Ok(())
    }
}

/// Copies an element of a list.
struct ElementCopier<'w>(&'w mut Writer);

impl<'de> DeserializeSeed<'de> for ElementCopier<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.element();
        ValueCopier(self.0).deserialize(deserializer)
    }
}

/// Copies a key and returns its hash.
struct KeyCopier<'w>(&'w mut Writer);

impl<'de> DeserializeSeed<'de> for KeyCopier<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyCopier<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<u64, E> {
        self.0.key(key).map_err(E::custom)?;
        Ok(xxh3_64(key.as_bytes()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(json: &str) -> Metadata {
        serde_json::from_str(json).unwrap()
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn depth(value: &Value) -> usize {
        let inner = match value {
            Value::Array(list) => list.iter().map(depth).max(),
            Value::Object(map) => map.values().map(depth).max(),
            _ => return 0,
        };
        1 + inner.unwrap_or_default()
    }

    proptest! {
        #[test]
        fn is_what_a_parser_makes_of_it(value in any_json(), spaced in any::<bool>()) {
            let object = json!({"value": value, "}\"{": 1});
            let text = if spaced { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let metadata = read(&text.unwrap());
            prop_assert_eq!(metadata.as_json(), object.to_string());
            prop_assert_eq!(Value::Object(metadata.to_map()), object.clone());
            let deep = depth(&object);
            prop_assert!(metadata.is_deeper(deep - 1) && !metadata.is_deeper(deep));
            prop_assert_eq!(serde_json::to_string(&metadata).unwrap(), object.to_string());
            prop_assert_eq!(Metadata::from(object.as_object().unwrap()), metadata);
        }
    }

    #[test]
    fn the_last_value_of_a_repeated_key_counts() {
        assert_eq!(read(r#"{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}"#).as_json(), r#"{"a":4,"b":{"c":3}}"#);
    }

    #[test]
    fn equal_in_any_order() {
        assert_eq!(read(r#"{"a": 1, "b": 2}"#), read(r#"{"b": 2, "a": 1}"#));
        assert_ne!(read(r#"{"a": 1}"#), read(r#"{"a": 1.5}"#));
        assert_eq!(read(" { } "), Metadata::default());
        assert!(read("{}").is_empty() && !read(r#"{"": null}"#).is_empty());
    }

    #[test]
    fn an_integer_beyond_64_bits_is_refused_and_a_float_is_not() {
        for (json, refused) in [
            (r#"{"a": 18446744073709551615, "b": -9223372036854775808}"#, false),
            (r#"{"a": [{"b": 18446744073709551616}]}"#, true),
            (r#"{"a": -9223372036854775809}"#, true),
            (r#"{"a": 1e30, "b": 18446744073709551616.0, "c": "\" 18446744073709551616 "}"#, false),
        ] {
            assert_eq!(Metadata::parse(json).is_err(), refused, "{json}");
        }
    }

    #[test]
    fn only_objects() {
        for json in ["[]", "null", "1", "\"{}\"", "{", "{1: 2}", r#"{"a": "\ud800"}"#, r#"{"a": 1e999}"#] {
            assert!(serde_json::from_str::<Metadata>(json).is_err(), "{json}");
            assert!(Metadata::parse(json).is_err(), "{json}");
        }
    }
}
