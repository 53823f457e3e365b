//! Journals: values that are kept exactly and in order, and are never searched.
//!
//! A journal is a name with two parts. Its log holds entries without a key, in the order of their numbers. Its map holds one
//! entry for each key.

use crate::error::{Error, Result};
use crate::record::Micros;

/// The number of an entry. Numbers grow in the whole store and are never used twice.
pub type Number = i64;

/// Longest name and longest key, in bytes of UTF-8.
pub const MAX_BYTES: usize = 1024;

/// How deep the lists and dicts of a value may nest.
pub const MAX_DEPTH: usize = 500;

/// Largest value, in bytes as it is stored.
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// What an entry holds. The core does not look inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON as Python writes it: `NaN`, `Infinity` and lone surrogates as escapes may occur.
    Json(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

impl Value {
    /// The stored bytes, and whether they are JSON.
    pub fn as_bytes(&self) -> (&[u8], bool) {
        match self {
            Self::Json(text) => (text.as_bytes(), true),
            Self::Bytes(bytes) => (bytes, false),
        }
    }
}

/// One entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub number: Number,
    /// Its key in the map; `None` in the log.
    pub key: Option<String>,
    /// Its value.
    pub value: Value,
    /// When it was written.
    pub written_at: Micros,
    /// When it expires.
    pub expires_at: Option<Micros>,
}

/// A change of one journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds values to the log.
    Extend {
        /// The values, in order.
        values: Vec<Value>,
        /// When they expire.
        expires_at: Option<Micros>,
        /// The number that the newest entry of the log must have; 0 for an empty log.
        if_last: Option<Number>,
    },
    /// Puts a value under a key of the map, in place of the one that is there.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: Value,
        /// When it expires.
        expires_at: Option<Micros>,
        /// The number that the key's entry must have; 0 for no entry.
        if_number: Option<Number>,
    },
    /// Removes the newest entry of the log and returns it.
    Pop,
    /// Removes the entries of the log that are neither among the newest `keep` nor written at a moment or later.
    Prune {
        /// How many of the newest entries stay; `None` spares none.
        keep: Option<usize>,
        /// Entries written at this moment or later stay; `None` spares none.
        before: Option<Micros>,
    },
    /// Removes entries by key from the map, and by number from log and map.
    Delete {
        /// Keys of the map.
        keys: Vec<String>,
        /// Numbers of entries.
        numbers: Vec<Number>,
    },
    /// Removes all entries.
    Clear {
        /// The number that the newest entry of the log must have; 0 for an empty log.
        if_last: Option<Number>,
    },
    /// Writes entries of an export, which keep their numbers. One whose number or key is there already is passed over.
    Restore(Vec<Entry>),
}

/// What a [`Change`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// The numbers of the entries that were written, in order.
    Written(Vec<Number>),
    /// The entry that was popped, if there was one.
    Popped(Option<Entry>),
    /// How many unexpired entries were removed.
    Removed(u64),
}

/// Which entries of a log are read, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The newest ones: at most so many.
    Last(usize),
    /// Those with a higher number: at most so many.
    After(Number, usize),
}

/// Which keys of a map are read, in the order of code points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Keys that begin with this text.
    pub prefix: String,
    /// Keys behind this one in the order that is read.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// From the last key to the first.
    pub reverse: bool,
}

/// Checks the name of a journal.
///
/// # Errors
/// [`Error::InvalidRecord`] for an empty name, NUL, and more than [`MAX_BYTES`].
pub fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::InvalidRecord("the name of a journal is empty".into()));
    }
    check_text("the name of a journal", name)
}

/// Checks a key of a map.
///
/// # Errors
/// [`Error::InvalidRecord`] for NUL, and more than [`MAX_BYTES`].
pub fn check_key(key: &str) -> Result<()> {
    check_text("a key", key)
}

fn check_text(what: &str, text: &str) -> Result<()> {
    let shown: String = text.chars().take(60).collect();
    if text.contains('\0') {
        return Err(Error::InvalidRecord(format!("{what} holds a NUL character: {shown:?}")));
    }
    if text.len() > MAX_BYTES {
        let length = text.len();
        return Err(Error::InvalidRecord(format!(
            "{what} has {length} bytes, at most {MAX_BYTES} are allowed: {shown:?}…"
        )));
    }
    Ok(())
}

/// The first text behind all that begin with `prefix`, in the order of code points; `None` if there is none.
pub fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // No character lies between U+D7FF and U+E000.
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_character() {
        assert_eq!(end_of_prefix("a/").as_deref(), Some("a0"));
        assert_eq!(end_of_prefix("a\u{D7FF}").as_deref(), Some("a\u{E000}"));
        assert_eq!(end_of_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(end_of_prefix("\u{10FFFF}"), None);
        assert_eq!(end_of_prefix(""), None);
    }

    #[test]
    fn names_are_text_of_1_to_1024_bytes() {
        for (name, fits) in [("a", true), (&"x".repeat(1024), true), (" a/../b ", true)] {
            assert_eq!(check_name(name).is_ok(), fits, "{name}");
        }
        for name in ["", "a\0b", &"x".repeat(1025), &"é".repeat(513)] {
            assert!(matches!(check_name(name), Err(Error::InvalidRecord(_))), "{name}");
        }
        assert!(check_key("").is_ok());
    }
}
