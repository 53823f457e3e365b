//! The part of a filter that is tested on the JSON of a row: categories and conditions on metadata.

use std::borrow::Cow;

use memchr::memmem::Finder;
use serde_json::Map;

use crate::record::Condition;

/// A condition on metadata, and texts that show without parsing that it does not hold.
pub struct MetadataTest {
    condition: Condition,
    /// Texts that metadata must contain. Looking for them takes a tenth of the time of parsing the JSON.
    literals: Vec<Finder<'static>>,
}

impl MetadataTest {
    /// A test of `condition`.
    pub fn new(condition: Condition) -> Self {
        let literals = condition.literals().into_iter().map(|text| Finder::new(text).into_owned()).collect();
        Self { condition, literals }
    }

    /// Whether the condition holds for this metadata; `None` stands for an empty object.
    ///
    /// # Errors
    /// For what is not JSON.
    pub fn holds(&self, metadata: Option<&[u8]>) -> serde_json::Result<bool> {
        match metadata {
            None => Ok(self.condition.holds(&Map::new())),
            Some(json) if self.literals.iter().any(|literal| literal.find(json).is_none()) => Ok(false),
            Some(json) => Ok(self.condition.holds(&serde_json::from_slice(json)?)),
        }
    }
}

/// Whether a JSON list of categories has any of those that are wanted.
///
/// # Errors
/// For what is not JSON.
pub fn has_any(categories: &str, wanted: &[String]) -> serde_json::Result<bool> {
    let found: Vec<Cow<'_, str>> = serde_json::from_str(categories)?;
    Ok(found.iter().any(|one| wanted.iter().any(|other| other == one)))
}
