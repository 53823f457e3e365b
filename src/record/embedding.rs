//! Rules for vectors.

use crate::error::{Error, Result};

/// Checks that a vector can be stored or searched with.
///
/// # Errors
/// [`Error::InvalidRecord`] if the vector is empty or contains NaN or infinity.
pub fn check_vector(vector: &[f32]) -> Result<()> {
    if vector.is_empty() {
        return Err(Error::InvalidRecord("the embedding is empty".into()));
    }
    match vector.iter().position(|x| !x.is_finite()) {
        Some(place) => Err(Error::InvalidRecord(format!(
            "the embedding has {} at [{place}]; every number must be finite in single precision",
            vector[place]
        ))),
        None => Ok(()),
    }
}
