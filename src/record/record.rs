//! The rules that every stored record keeps.

use super::embedding::check_vector;
use super::name::check_name;
use super::timestamp::RANGE;
use super::{Fields, Record};
use crate::error::{Error, Result};

/// How deep lists and objects in metadata may nest: below the 127 levels that the JSON parser reads.
pub const MAX_METADATA_DEPTH: usize = 100;

impl Record {
    /// A record with this content, created now, and the default of every other field.
    pub fn new(content: impl Into<String>) -> Self {
        Fields::new(content).with_defaults()
    }

    /// Checks the rules that the types do not express, and drops repeated categories.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] with the field and the value.
    pub fn validated(mut self) -> Result<Self> {
        if self.content.contains('\0') {
            return Err(Error::InvalidRecord("the content contains a NUL character; remove it".into()));
        }
        if !(0.0..=1.0).contains(&self.importance) {
            return Err(Error::InvalidRecord(format!("importance {} is not in 0..1", self.importance)));
        }
        if self.metadata.is_deeper(MAX_METADATA_DEPTH) {
            let why = format!("the metadata nests deeper than {MAX_METADATA_DEPTH} levels");
            return Err(Error::InvalidRecord(why));
        }
        for (field, at) in [
            ("created_at", self.created_at),
            ("updated_at", self.updated_at),
            ("last_accessed", self.last_accessed),
            ("expires_at", self.expires_at.unwrap_or(0)),
        ] {
            if !RANGE.contains(&at) {
                return Err(Error::InvalidRecord(format!("{field} is not in the years 1 to 9999")));
            }
        }
        if let Some(source) = &self.source {
            check_name("source", source)?;
        }
        for category in &self.categories {
            check_name("category", category)?;
        }
        if let Some(vector) = &self.embedding {
            check_vector(vector)?;
        }
        drop_repeats(&mut self.categories);
        Ok(self)
    }
}

/// Keeps the first of equal names.
fn drop_repeats(names: &mut Vec<String>) {
    /// Comparing fewer names than this is faster than hashing them.
    const MANY: usize = 16;
    if names.len() < MANY {
        let mut at = 0;
        while at < names.len() {
            let (before, rest) = names.split_at(at);
            if before.contains(&rest[0]) {
                names.remove(at);
            } else {
                at += 1;
            }
        }
    } else {
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
    }
}
