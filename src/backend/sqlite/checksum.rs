//! The checksum of a record. It shows that a disk or another program has changed the row.

use rusqlite::types::ValueRef;
use xxhash_rust::xxh3::Xxh3Default;

use crate::record::Micros;

/// The columns of a row that never change, as they are stored. `last_accessed` changes and is left out.
pub(super) struct StoredFields<'a> {
    /// Text or 16 bytes.
    pub id: ValueRef<'a>,
    pub scope: &'a str,
    pub created_at: Micros,
    pub updated_at: Option<Micros>,
    pub importance: Option<f64>,
    pub source: Option<&'a str>,
    pub private: bool,
    pub categories: Option<&'a str>,
    pub metadata: Option<&'a str>,
    pub content: &'a str,
    pub vector: Option<&'a [u8]>,
}

impl StoredFields<'_> {
    /// XXH3 over all fields, each with its length before it, folded to 32 bits.
    pub fn checksum(&self) -> i32 {
        let mut hash = Xxh3Default::new();
        let (kind, id) = match self.id {
            ValueRef::Text(text) => (0, text),
            ValueRef::Blob(bytes) => (1, bytes),
            _ => (2, &[][..]),
        };
        hash.update(&[kind, u8::from(self.private)]);
        let texts = [self.source, self.categories, self.metadata].map(|text| text.map(str::as_bytes));
        let always = [id, self.scope.as_bytes(), self.content.as_bytes()].map(Some);
        for bytes in always.into_iter().chain(texts).chain([self.vector]) {
            hash.update(&bytes.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
            hash.update(bytes.unwrap_or_default());
        }
        let updated_at = self.updated_at.unwrap_or(self.created_at);
        // SQLite stores -0.0 as 0.
        let importance = self.importance.unwrap_or(0.5) + 0.0;
        for number in [self.created_at as u64, updated_at as u64, importance.to_bits()] {
            hash.update(&number.to_le_bytes());
        }
        let hash = hash.digest();
        (hash ^ hash >> 32) as i32
    }
}
