//! Values as every backend stores them.

use crate::error::{Error, Result};
use crate::record::Record;

/// The categories as JSON; `None` for none.
///
/// # Errors
/// [`Error::InvalidRecord`] if they cannot be written as JSON.
pub fn categories(record: &Record) -> Result<Option<String>> {
    let json = (!record.categories.is_empty()).then(|| serde_json::to_string(&record.categories));
    json.transpose().map_err(|error| Error::InvalidRecord(format!("it cannot be written as JSON: {error}")))
}

/// The metadata as JSON; `None` for an empty object.
pub fn metadata(record: &Record) -> Option<&str> {
    (!record.metadata.is_empty()).then(|| record.metadata.as_json())
}

/// A vector as bytes: 32-bit floats, little-endian.
pub fn vector(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The vector of such bytes; `None` if their number is no multiple of 4.
pub fn decode_vector(bytes: &[u8]) -> Option<Vec<f32>> {
    let (floats, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
}

/// A limit, or an offset, as SQL takes it.
pub fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
