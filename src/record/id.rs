//! The id of a record.

use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

use super::name::check_name;
use crate::error::Result;

/// The id that users know a record by: any text without NUL, by default a new UUIDv7.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordId(Kind);

/// A UUID in its canonical form is kept as a number, which is smaller and faster than text. Most ids are UUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Uuid(Uuid),
    Text(Box<str>),
}

impl RecordId {
    /// A new UUIDv7.
    pub fn new() -> Self {
        crate::random::uuid_v7().into()
    }

    /// Any text, or a UUID, as an id.
    ///
    /// # Errors
    /// [`crate::Error::InvalidRecord`] if the text is empty, contains NUL, or has more than [`super::MAX_NAME_BYTES`].
    pub fn parse(text: &str) -> Result<Self> {
        check_name("id", text)?;
        Ok(Self::for_lookup(text))
    }

    /// An id to look up. A text that is not a valid id is found nowhere.
    pub fn for_lookup(text: &str) -> Self {
        canonical_uuid(text).map_or_else(|| Self(Kind::Text(text.into())), Self::from)
    }

    /// The id as text.
    pub fn text(&self) -> Cow<'_, str> {
        self.uuid().map_or_else(Cow::Borrowed, |uuid| Cow::Owned(uuid.to_string()))
    }

    /// The UUID, if the id is one in its canonical form.
    ///
    /// # Errors
    /// The id as text, if it is not.
    pub fn uuid(&self) -> std::result::Result<&Uuid, &str> {
        match &self.0 {
            Kind::Uuid(uuid) => Ok(uuid),
            Kind::Text(text) => Err(text),
        }
    }
}

impl Default for RecordId {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Uuid> for RecordId {
    fn from(uuid: Uuid) -> Self {
        Self(Kind::Uuid(uuid))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uuid() {
            Ok(uuid) => uuid.fmt(f),
            Err(text) => f.write_str(text),
        }
    }
}

/// A UUID only if it is written as we write UUIDs: 36 characters, in lower case.
fn canonical_uuid(text: &str) -> Option<Uuid> {
    const LENGTH: usize = 36;
    let canonical = text.len() == LENGTH && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    canonical.then(|| Uuid::try_parse(text).ok()).flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_given() {
        let fresh = RecordId::new();
        assert_eq!(RecordId::parse(&fresh.text()).unwrap(), fresh);
        for (text, is_uuid) in [
            ("01a1ff5f-88fa-7161-8a57-7ad97bfe563e", true),
            ("00000000-0000-0000-0000-000000000000", true),
            ("01A1FF5F-88FA-7161-8A57-7AD97BFE563E", false),
            ("01a1ff5f88fa71618a577ad97bfe563e", false),
            ("{01a1ff5f-88fa-7161-8a57-7ad97bfe563e}", false),
            ("01a1ff5f-88fa-7161-8a57-7ad97bfe563g", false),
            ("a note of exactly thirty-six letters", false),
            ("épée", false),
        ] {
            let id = RecordId::parse(text).unwrap();
            assert_eq!(
                (id.text().as_ref(), id.to_string().as_str(), id.uuid().is_ok()),
                (text, text, is_uuid)
            );
        }
        assert!(RecordId::parse("").is_err() && RecordId::parse("a\0b").is_err());
    }
}
