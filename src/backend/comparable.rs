//! Which vectors can be compared with those in a store.

use crate::error::{Error, Result};

/// Checks the length of a vector. `known` is that of the vectors in the store; `None` while it has none.
///
/// # Errors
/// [`Error::DimensionMismatch`].
pub fn check_dimension(known: Option<usize>, found: usize) -> Result<()> {
    match known {
        Some(expected) if expected != found => Err(Error::DimensionMismatch { expected, found }),
        _ => Ok(()),
    }
}

/// Checks the embedder of a vector. `known` is that of the vectors in the store; `None` while it has none, and if it has no name.
///
/// # Errors
/// [`Error::EmbedderMismatch`].
pub fn check_embedder(known: Option<&str>, found: &str) -> Result<()> {
    match known {
        Some(expected) if expected != found => {
            Err(Error::EmbedderMismatch { expected: expected.to_owned(), found: found.to_owned() })
        }
        _ => Ok(()),
    }
}
