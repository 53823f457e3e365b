//! Checksums of what is stored. They show that a disk or another program has changed a row.

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::journal::{Entry, Number};
use crate::record::{Micros, Seq};

/// Bytes of a record's kind of id, privacy and numbers.
const ROOM_FOR_NUMBERS: usize = 2 + 3 * size_of::<u64>();

/// An id as it is stored.
#[derive(Debug, Clone, Copy)]
pub enum StoredId<'a> {
    /// As text.
    Text(&'a [u8]),
    /// The 16 bytes of a UUID.
    Uuid(&'a [u8]),
    /// Neither: the row is damaged.
    Unreadable,
}

/// The columns of a row that never change, as they are stored. `last_accessed` changes and is left out.
pub struct StoredFields<'a> {
    /// Text or 16 bytes.
    pub id: StoredId<'a>,
    /// The path.
    pub scope: &'a str,
    /// As in the record.
    pub created_at: Micros,
    /// `None` if equal to `created_at`.
    pub updated_at: Option<Micros>,
    /// `None` for 0.5.
    pub importance: Option<f64>,
    /// As in the record.
    pub source: Option<&'a str>,
    /// As in the record.
    pub private: bool,
    /// JSON; `None` for none.
    pub categories: Option<&'a str>,
    /// JSON; `None` for an empty object.
    pub metadata: Option<&'a str>,
    /// As in the record.
    pub content: &'a str,
    /// 32-bit floats, little-endian.
    pub vector: Option<&'a [u8]>,
}

impl StoredFields<'_> {
    /// XXH3 over all fields, each with its length before it, folded to 32 bits.
    pub fn checksum(&self) -> i32 {
        let (kind, id) = match self.id {
            StoredId::Text(text) => (0, text),
            StoredId::Uuid(bytes) => (1, bytes),
            StoredId::Unreadable => (2, &[][..]),
        };
        let texts = [self.source, self.categories, self.metadata].map(|text| text.map(str::as_bytes));
        let always = [id, self.scope.as_bytes(), self.content.as_bytes()].map(Some);
        let parts = || always.into_iter().chain(texts).chain([self.vector]);
        // To hash all at once is quicker than part by part.
        let length = |bytes: Option<&[u8]>| size_of::<u64>() + bytes.map_or(0, <[u8]>::len);
        let mut all = Vec::with_capacity(ROOM_FOR_NUMBERS + parts().map(length).sum::<usize>());
        all.extend_from_slice(&[kind, u8::from(self.private)]);
        for bytes in parts() {
            all.extend_from_slice(&bytes.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
            all.extend_from_slice(bytes.unwrap_or_default());
        }
        let updated_at = self.updated_at.unwrap_or(self.created_at);
        // SQLite stores -0.0 as 0.
        let importance = self.importance.unwrap_or(0.5) + 0.0;
        for number in [self.created_at as u64, updated_at as u64, importance.to_bits()] {
            all.extend_from_slice(&number.to_le_bytes());
        }
        let hash = xxh3_64(&all);
        (hash ^ hash >> 32) as i32
    }
}

/// The checksum of an expiry: XXH3 over both numbers.
pub fn expiry(seq: Seq, at: Micros) -> i64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seq.to_le_bytes());
    bytes[8..].copy_from_slice(&at.to_le_bytes());
    xxh3_64(&bytes).cast_signed()
}

/// The checksum of what a superseded version has besides [`StoredFields`]: the lower half of XXH3 over all three.
pub fn past(version: Option<Seq>, superseded_at: Micros, last_accessed: Option<Micros>) -> u32 {
    let numbers = [version.unwrap_or(0), superseded_at, last_accessed.unwrap_or(Micros::MIN)];
    xxh3_64(&numbers.map(i64::to_le_bytes).concat()) as u32
}

/// The checksum of an entry: XXH3 over the journal's name and all columns, each with its length before it.
pub fn entry(name: &str, entry: &Entry) -> i64 {
    let mut hash = Xxh3Default::new();
    let (value, is_json) = entry.value.as_bytes();
    for part in [Some(name.as_bytes()), entry.key.as_deref().map(str::as_bytes), Some(value)] {
        hash.update(&part.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
        hash.update(part.unwrap_or_default());
    }
    let expires_at = entry.expires_at.unwrap_or(Micros::MAX);
    for number in [i64::from(is_json), entry.number, entry.written_at, expires_at] {
        hash.update(&number.to_le_bytes());
    }
    hash.digest().cast_signed()
}

/// What is said of a record that does not fit its checksum.
pub fn damaged_record(id: &str) -> String {
    format!("record {id:?} does not fit its checksum; delete it, or restore a backup")
}

/// What is said of a superseded version of a record that does not fit its checksum.
pub fn damaged_version(id: &str) -> String {
    format!("a superseded version of record {id:?} does not fit its checksum")
}

/// What is said of an entry of a journal that does not fit its checksum.
pub fn damaged_entry(number: Number, journal: &str) -> String {
    format!(
        "entry {number} of journal {journal:?} does not fit its checksum; \
         read(skip_damaged=True) skips it, delete(numbers=[{number}]) removes it"
    )
}
