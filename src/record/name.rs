//! Names: ids, sources and categories, and the length that they share with scopes.

use crate::error::{Error, Result};

/// The longest id, scope, source or category, in bytes.
pub const MAX_NAME_BYTES: usize = 1024;

/// Checks a name; `what` says what it names, as in "source".
///
/// # Errors
/// [`Error::InvalidRecord`] if the name is empty, contains NUL, or has more than [`MAX_NAME_BYTES`].
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    let why = if name.is_empty() {
        "is empty".into()
    } else if name.contains('\0') {
        format!("{:?} contains a NUL character; remove it", abbreviate(name))
    } else if name.len() > MAX_NAME_BYTES {
        format!("{:?}… has {} bytes; at most {MAX_NAME_BYTES} are allowed", abbreviate(name), name.len())
    } else {
        return Ok(());
    };
    Err(Error::InvalidRecord(format!("the {what} {why}")))
}

/// The start of a text, for messages.
pub(super) fn abbreviate(text: &str) -> String {
    text.chars().take(60).collect()
}
