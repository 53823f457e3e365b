//! Where in the metadata a condition looks: a top-level key, or a JSON pointer.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// A key of a condition. One that starts with `/` is a JSON pointer (RFC 6901); any other is a top-level key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    /// The unescaped parts of a pointer; empty for a top-level key.
    parts: Vec<String>,
}

impl Pointer {
    /// Reads a key as users write it.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] for a pointer with `~` before anything but 0 and 1.
    pub fn parse(text: &str) -> Result<Self> {
        let parts = match text.strip_prefix('/') {
            Some(rest) => rest.split('/').map(|part| unescape(part, text)).collect::<Result<_>>()?,
            None => Vec::new(),
        };
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The text that [`Pointer::parse`] reads.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value that it points to.
    pub fn find<'v>(&self, metadata: &'v Map<String, Value>) -> Option<&'v Value> {
        let Some((first, rest)) = self.parts.split_first() else { return metadata.get(&self.text) };
        rest.iter().try_fold(metadata.get(first)?, |value, part| match value {
            Value::Object(object) => object.get(part),
            Value::Array(items) => items.get(index(part)?),
            _ => None,
        })
    }
}

fn unescape(part: &str, whole: &str) -> Result<String> {
    let mut unescaped = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        unescaped.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => {
                    let why =
                        format!("{whole:?} is not a JSON pointer: write ~0 for \"~\", and ~1 for \"/\"");
                    return Err(Error::InvalidFilter(why));
                }
            },
            c => c,
        });
    }
    Ok(unescaped)
}

/// An index of a list: digits without a leading zero.
fn index(part: &str) -> Option<usize> {
    let canonical = part == "0" || !part.starts_with('0');
    (canonical && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok()).flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 6901, section 5, and what is like them.
    #[test]
    fn pointers_find_what_the_standard_says() {
        let metadata = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
            "x": {"y": [{"z": 9}]}
        });
        let metadata = metadata.as_object().unwrap();
        for (pointer, found) in [
            ("/foo", Some(json!(["bar", "baz"]))),
            ("/foo/0", Some(json!("bar"))),
            ("/", Some(json!(0))),
            ("/a~1b", Some(json!(1))),
            ("/m~0n", Some(json!(8))),
            ("/x/y/0/z", Some(json!(9))),
            ("a/b", Some(json!(1))),
            ("foo", Some(json!(["bar", "baz"]))),
            ("/foo/-", None),
            ("/foo/00", None),
            ("/foo/2", None),
            ("/foo/0/0", None),
            ("/foo/99999999999999999999999", None),
            ("/none/0", None),
        ] {
            assert_eq!(Pointer::parse(pointer).unwrap().find(metadata), found.as_ref(), "{pointer}");
        }
    }

    #[test]
    fn bad_escapes_are_refused() {
        for bad in ["/~", "/a~2", "/a~/b"] {
            assert!(matches!(Pointer::parse(bad), Err(Error::InvalidFilter(_))), "{bad}");
        }
        assert!(Pointer::parse("~").is_ok(), "a top-level key is as it is");
    }
}
