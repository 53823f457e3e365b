//! The codec of a record: encodes it to the columns of `agentmem_records` and `agentmem_past`, and decodes it.

use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::postgres_error::unreadable;
use crate::backend::checksum::{self, StoredFields, StoredId};
use crate::backend::encoding;
use crate::backend::snapshot::PastVersion;
use crate::error::{Error, Result};
use crate::record::{Micros, Record, RecordId, Scope, Seq};

/// The columns of [`record`].
pub const COLUMNS: &str = "seq, id, scope, created_at, updated_at, last_accessed, importance, source, private, categories, \
                           metadata, content, vector, checksum, expires_at";

/// The columns of [`past`]. The upper half of the checksum is that of the record, the lower half that of the other columns.
pub const PAST_COLUMNS: &str = "version, id, scope, created_at, updated_at, last_accessed, importance, source, private, \
                                categories, metadata, content, vector, (checksum >> 32)::integer, NULL::bigint, \
                                superseded_at, checksum & 4294967295";

/// The stored values of a record that are not in it as they are stored.
pub struct Encoded<'a> {
    record: &'a Record,
    /// The id as text.
    pub id: String,
    /// JSON; `None` for none.
    pub categories: Option<String>,
    /// 32-bit floats, little-endian.
    pub vector: Option<Vec<u8>>,
}

impl<'a> Encoded<'a> {
    /// # Errors
    /// [`Error::InvalidRecord`] if the categories cannot be written as JSON.
    pub fn new(record: &'a Record) -> Result<Self> {
        let categories = encoding::categories(record)?;
        let vector = record.embedding.as_deref().map(encoding::vector);
        Ok(Self { record, id: record.id.to_string(), categories, vector })
    }

    /// JSON; `None` for none.
    pub fn metadata(&self) -> Option<&'a str> {
        encoding::metadata(self.record)
    }

    /// The checksum of the columns that never change.
    pub fn checksum(&self) -> i32 {
        let record = self.record;
        let fields = StoredFields {
            id: StoredId::Text(self.id.as_bytes()),
            scope: record.scope.as_str(),
            created_at: record.created_at,
            updated_at: Some(record.updated_at),
            importance: Some(record.importance),
            source: record.source.as_deref(),
            private: record.private,
            categories: self.categories.as_deref(),
            metadata: self.metadata(),
            content: &record.content,
            vector: self.vector.as_deref(),
        };
        fields.checksum()
    }

    /// The checksum of a superseded version.
    pub fn past_checksum(&self, superseded_at: Micros) -> i64 {
        let rest = checksum::past(self.record.version, superseded_at, Some(self.record.last_accessed));
        i64::from(self.checksum()) << 32 | i64::from(rest)
    }
}

/// A vector from a column; `None` if it has none, or if that is damaged.
pub fn vector(row: &Row, column: usize) -> Option<Vec<f32>> {
    let bytes: &[u8] = row.try_get::<_, Option<&[u8]>>(column).ok()??;
    encoding::decode_vector(bytes)
}

/// The content in a column.
pub fn content(row: &Row, column: usize) -> String {
    row.try_get(column).unwrap_or_default()
}

/// The record in a row of [`COLUMNS`], if it fits its checksum.
///
/// # Errors
/// [`Error::Backend`] if not.
pub fn record(row: &Row) -> Result<(Seq, Record)> {
    let id: String = row.try_get(1)?;
    let found = if is_as_written(row)? { decode(row).ok() } else { None };
    let record = found.ok_or_else(|| unreadable(checksum::damaged_record(&id)))?;
    Ok((row.try_get(0)?, record))
}

/// The version in a row of [`PAST_COLUMNS`], if it fits its checksum.
///
/// # Errors
/// [`Error::Backend`] if not.
pub fn past(row: &Row) -> Result<PastVersion> {
    let (_, record) = record(row)?;
    let superseded_at: Micros = row.try_get(15)?;
    let rest = checksum::past(record.version, superseded_at, Some(record.last_accessed));
    if row.try_get::<_, i64>(16)? != i64::from(rest) {
        return Err(unreadable(checksum::damaged_version(&record.id.text())));
    }
    Ok((record, superseded_at))
}

/// The error for a column that holds no JSON of ours.
pub fn bad_json(error: &serde_json::Error) -> Error {
    unreadable(error.to_string())
}

fn is_as_written(row: &Row) -> Result<bool> {
    let fields = StoredFields {
        id: StoredId::Text(row.try_get::<_, &str>(1)?.as_bytes()),
        scope: row.try_get(2)?,
        created_at: row.try_get(3)?,
        updated_at: Some(row.try_get(4)?),
        importance: Some(row.try_get(6)?),
        source: row.try_get(7)?,
        private: row.try_get(8)?,
        categories: row.try_get(9)?,
        metadata: row.try_get(10)?,
        content: row.try_get(11)?,
        vector: row.try_get(12)?,
    };
    Ok(fields.checksum() == row.try_get::<_, i32>(13)?)
}

fn decode(row: &Row) -> Result<Record> {
    let has_vector = row.try_get::<_, Option<&[u8]>>(12)?.is_some();
    let embedding = vector(row, 12);
    if has_vector && embedding.is_none() {
        return Err(unreadable("a vector's length is no multiple of 4"));
    }
    Ok(Record {
        id: RecordId::parse(row.try_get(1)?)?,
        content: row.try_get(11)?,
        scope: Scope::parse(row.try_get(2)?)?,
        categories: json(row, 9)?,
        metadata: json(row, 10)?,
        importance: row.try_get(6)?,
        source: row.try_get(7)?,
        private: row.try_get(8)?,
        created_at: row.try_get(3)?,
        updated_at: row.try_get(4)?,
        last_accessed: row.try_get(5)?,
        expires_at: row.try_get(14)?,
        embedding,
        version: Some(row.try_get(0)?),
    })
}

fn json<T: Default + DeserializeOwned>(row: &Row, column: usize) -> Result<T> {
    let text: Option<&str> = row.try_get(column)?;
    text.map_or(Ok(T::default()), |text| serde_json::from_str(text).map_err(|error| bad_json(&error)))
}
