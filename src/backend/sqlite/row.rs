//! The codec of a record: encodes it to the columns of the table `records`, and decodes it.

use std::sync::LazyLock;

use rusqlite::Row;
use rusqlite::types::{ToSql, ToSqlOutput, Type, ValueRef};
use uuid::Uuid;

use super::expiries;
use crate::backend::checksum::{self, StoredFields, StoredId};
use crate::backend::encoding;
use crate::error::Result;
use crate::record::{Metadata, Micros, Record, RecordId, Scope, Seq};

/// Selects what [`record`] reads. Conditions may follow.
pub(super) static SELECT: LazyLock<String> = LazyLock::new(|| select("records", true));

/// [`SELECT`] from `records`, which may be a join with that table. Unless a record `may_expire`, expiries are not looked up.
pub(super) fn select(records: &str, may_expire: bool) -> String {
    let (expiry, expiries) = match may_expire {
        true => ("expiries.at, expiries.checksum", "LEFT JOIN expiries ON expiries.seq = records.seq"),
        false => ("NULL, NULL", ""),
    };
    // A record whose scope is missing is damaged and must be read too, so that it is reported.
    format!(
        "SELECT records.seq, records.id, scopes.path, created_at, updated_at, last_accessed, importance, source,
                private, categories, metadata, content, vector, records.checksum, {expiry}
         FROM {records} LEFT JOIN scopes ON scopes.id = records.scope
         LEFT JOIN embeddings ON embeddings.seq = records.seq {expiries}"
    )
}

/// An id as it is stored: a UUID in its canonical form takes 16 bytes instead of 36.
pub(super) struct EncodedId<'a>(pub ValueRef<'a>);

impl<'a> EncodedId<'a> {
    pub(super) fn new(id: &'a RecordId) -> Self {
        Self(id.uuid().map_or_else(ValueRef::from, |uuid| ValueRef::Blob(uuid.as_bytes())))
    }
}

impl ToSql for EncodedId<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// An id for its checksum.
fn stored_id(value: ValueRef<'_>) -> StoredId<'_> {
    match value {
        ValueRef::Text(text) => StoredId::Text(text),
        ValueRef::Blob(bytes) => StoredId::Uuid(bytes),
        _ => StoredId::Unreadable,
    }
}

fn decode_id(value: ValueRef<'_>, column: usize) -> rusqlite::Result<RecordId> {
    match value {
        ValueRef::Blob(bytes) => {
            Uuid::from_slice(bytes).map(RecordId::from).map_err(|error| unreadable(column, error))
        }
        text => RecordId::parse(text.as_str()?).map_err(|error| unreadable(column, error)),
    }
}

/// The stored values of a record. NULL stands for a default, see the migrations.
pub(super) struct Encoded<'a> {
    record: &'a Record,
    categories: Option<String>,
    vector: Option<Vec<u8>>,
}

impl<'a> Encoded<'a> {
    /// # Errors
    /// [`crate::Error::InvalidRecord`] if the categories cannot be written as JSON.
    pub fn new(record: &'a Record) -> Result<Self> {
        let vector = record.embedding.as_deref().map(encoding::vector);
        Ok(Self { record, categories: encoding::categories(record)?, vector })
    }

    /// The columns whose values never change.
    pub fn fields(&self) -> StoredFields<'_> {
        let record = self.record;
        StoredFields {
            id: stored_id(EncodedId::new(&record.id).0),
            scope: record.scope.as_str(),
            created_at: record.created_at,
            updated_at: self.unless_created_at(record.updated_at),
            importance: (record.importance != 0.5).then_some(record.importance),
            source: record.source.as_deref(),
            private: record.private,
            categories: self.categories.as_deref(),
            metadata: encoding::metadata(record),
            content: &record.content,
            vector: self.vector.as_deref(),
        }
    }

    /// The column that changes.
    pub fn last_accessed(&self) -> Option<Micros> {
        self.unless_created_at(self.record.last_accessed)
    }

    fn unless_created_at(&self, at: Micros) -> Option<Micros> {
        (at != self.record.created_at).then_some(at)
    }
}

/// The content of a row, for the index. Damaged content is read as an empty text, so that the store can still be opened and
/// the record deleted. Reading the record itself raises an error.
pub(super) fn content<'r>(row: &'r Row<'_>, column: usize) -> &'r str {
    row.get_ref(column).ok().and_then(|value| value.as_str().ok()).unwrap_or_default()
}

/// The vector of a row, for the index; `None` if it is damaged.
pub(super) fn vector(row: &Row<'_>, column: usize) -> Option<Vec<f32>> {
    let bytes = row.get_ref(column).ok()?.as_blob_or_null().ok()??;
    decode_vector(bytes, column).ok()
}

fn decode_vector(bytes: &[u8], column: usize) -> rusqlite::Result<Vec<f32>> {
    encoding::decode_vector(bytes).ok_or_else(|| unreadable(column, "a vector's length is no multiple of 4"))
}

/// The record in a row of [`SELECT`], if it fits its checksum.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<(Seq, Record)> {
    let fields = checked(row)?;
    let seq = row.get(0)?;
    let record = Record {
        id: decode_id(row.get_ref(1)?, 1)?,
        content: fields.content.to_owned(),
        scope: Scope::parse(fields.scope).map_err(|error| unreadable(2, error))?,
        categories: categories(fields.categories)?,
        metadata: metadata(fields.metadata)?,
        importance: fields.importance.unwrap_or(0.5),
        source: fields.source.map(str::to_owned),
        private: fields.private,
        created_at: fields.created_at,
        updated_at: fields.updated_at.unwrap_or(fields.created_at),
        last_accessed: row.get::<_, Option<Micros>>(5)?.unwrap_or(fields.created_at),
        expires_at: expires_at(row, seq)?,
        embedding: fields.vector.map(|bytes| decode_vector(bytes, 12)).transpose()?,
        version: Some(seq),
    };
    Ok((seq, record))
}

fn expires_at(row: &Row<'_>, seq: Seq) -> rusqlite::Result<Option<Micros>> {
    match row.get(14)? {
        Some(at) => Ok(expiries::intact(seq, at, row.get(15)?)),
        None => Ok(None),
    }
}

/// The fields of a row of [`SELECT`], if they fit their checksum.
fn checked<'r>(row: &'r Row<'_>) -> rusqlite::Result<StoredFields<'r>> {
    let found = fields(row);
    let checksum: Option<i32> = row.get(13)?;
    let as_written =
        |fields: &StoredFields<'_>| checksum.is_none_or(|checksum| fields.checksum() == checksum);
    match found {
        Ok(fields) if as_written(&fields) => Ok(fields),
        Err(error) if checksum.is_none() => Err(error),
        _ => {
            let id = decode_id(row.get_ref(1)?, 1)?;
            Err(unreadable(13, checksum::damaged_record(&id.text())))
        }
    }
}

/// The fields of a row of [`SELECT`].
pub(super) fn fields<'r>(row: &'r Row<'_>) -> rusqlite::Result<StoredFields<'r>> {
    Ok(StoredFields {
        id: stored_id(row.get_ref(1)?),
        scope: row.get_ref(2)?.as_str()?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
        importance: row.get(6)?,
        source: row.get_ref(7)?.as_str_or_null()?,
        private: row.get::<_, Option<bool>>(8)?.unwrap_or_default(),
        categories: row.get_ref(9)?.as_str_or_null()?,
        metadata: row.get_ref(10)?.as_str_or_null()?,
        content: row.get_ref(11)?.as_str()?,
        vector: row.get_ref(12)?.as_blob_or_null()?,
    })
}

fn categories(json: Option<&str>) -> rusqlite::Result<Vec<String>> {
    let read = |json| serde_json::from_str(json).map_err(|error| unreadable(9, error));
    json.map_or_else(|| Ok(Vec::new()), read)
}

fn metadata(json: Option<&str>) -> rusqlite::Result<Metadata> {
    let read = |json| Metadata::stored(json).map_err(|error| unreadable(10, error));
    json.map_or_else(|| Ok(Metadata::default()), read)
}

/// The error for a value that agentmem did not write.
pub(super) fn unreadable(
    column: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
