//! Who asks.

/// Who asks: decides which private records are visible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Sees the private records of this source.
    pub source: Option<String>,
    /// Sees all private records.
    pub include_private: bool,
}

impl Viewer {
    /// A viewer who sees everything.
    pub fn all() -> Self {
        Self { source: None, include_private: true }
    }

    /// Whether this viewer may see a record with this source and privacy.
    pub fn sees(&self, source: Option<&str>, private: bool) -> bool {
        !private || self.include_private || (source.is_some() && source == self.source.as_deref())
    }
}
