//! Scopes: the hierarchy that records live in.

use std::fmt;

use super::name::{MAX_NAME_BYTES, abbreviate};
use crate::error::{Error, Result};

/// A path in the hierarchy, such as `/crew/research`. It starts with a slash, does not end with one (except the root `/`), and
/// has no empty, `.` or `..` part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(String);

impl Scope {
    /// The scope that contains all others.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Normalizes a path as CrewAI does: removes surrounding white space, adds a missing first slash, and drops repeated and
    /// final slashes. The empty text is the root. Parsing a normalized path changes nothing.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] for `.` and `..` parts, NUL, and more than [`MAX_NAME_BYTES`].
    pub fn parse(text: &str) -> Result<Self> {
        let mut path = String::with_capacity(text.len() + 1);
        let inner = text.trim_start().trim_end_matches(|c: char| c == '/' || c.is_whitespace());
        for part in inner.split('/').filter(|part| !part.is_empty()) {
            if part == "." || part == ".." {
                return Err(Error::InvalidRecord(format!(
                    "the scope {text:?} has the part {part:?}; write the full path"
                )));
            }
            path.push('/');
            path.push_str(part);
        }
        if path.contains('\0') || path.len() > MAX_NAME_BYTES {
            return Err(Error::InvalidRecord(format!(
                "the scope {:?} contains NUL or has more than {MAX_NAME_BYTES} bytes",
                abbreviate(text)
            )));
        }
        Ok(if path.is_empty() { Self::root() } else { Self(path) })
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this scope or below it: `/a` contains `/a` and `/a/b`, never `/ab`.
    pub fn contains(&self, other: &Scope) -> bool {
        self.0 == "/"
            || other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::root()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
