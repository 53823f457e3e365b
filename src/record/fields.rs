//! The table of a record's fields, and what follows from it.
//!
//! # How to add a field
//!
//! 1. Add a line to the table below: a description, the name, the type, and the default. [`Record`], [`Fields`], JSON, exports,
//!    and Python's `Record(...)`, `replace`, `update`, `to_dict` and `from_dict` follow from it. A new type needs
//!    `JsonField` in `json_field.rs` and, for Python, `PyField` in `python/fields.rs`.
//! 2. Check its rule in [`Record::validated`].
//! 3. Store it: add a migration, and a column to the row codec of each backend. The compiler names the places, because the codec
//!    builds and takes apart whole records.
//! 4. Show it in Python: add a getter and a parameter of the signature in `python/record.rs`, the same in `_core.pyi`, and an
//!    argument to the methods in `agentmem/store/writing.py` that set it. `tests/test_record_fields.py` checks them against this table.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::json_field::{Json, JsonField, read};
use super::{Metadata, Micros, RecordId, Scope, Seq};
use crate::clock;
use crate::error::{Error, Result};

/// Passes the table to the macro `$then`, as `/// description`, `name: Type = default;`.
macro_rules! record_fields {
    ($then:ident) => {
        $then! {
            /// The id that users know the record by; a new UUIDv7 by default.
            id: RecordId = RecordId::new();
            /// The text that is remembered and searched.
            content: String = String::new();
            /// Where the record belongs.
            scope: Scope = Scope::root();
            /// Labels, in the order given, each once.
            categories: Vec<String> = Vec::new();
            /// A JSON object of any content, its keys in the order given.
            metadata: Metadata = Metadata::default();
            /// How important the record is, in 0..1.
            importance: f64 = 0.5;
            /// Who wrote the record.
            source: Option<String> = None;
            /// Whether only its own source sees the record.
            private: bool = false;
            /// When the record came to be; now by default.
            created_at: Micros = clock::now();
            /// When the record last changed; equal to `created_at` by default.
            updated_at: Micros = clock::now();
            /// When the record was last touched; equal to `created_at` by default.
            last_accessed: Micros = clock::now();
            /// When the record expires; never by default.
            expires_at: Option<Micros> = None;
            /// The vector of the content.
            embedding: Option<Vec<f32>> = None;
        }
    };
}
#[cfg(feature = "python")]
pub(crate) use record_fields;

macro_rules! define {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        /// One stored memory. Records are equal if all fields are; the version does not count.
        #[derive(Debug, Clone)]
        pub struct Record {
            $($(#[$doc])* pub $name: $type,)*
            /// Which version of the record this is; `None` for a record that was not read from a store.
            pub version: Option<Seq>,
        }

        impl PartialEq for Record {
            fn eq(&self, other: &Self) -> bool {
                $(self.$name == other.$name)&&*
            }
        }

        /// Values for some of a record's fields, as given for a new record or for an update.
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Fields {
            $($(#[$doc])* #[serde(default, deserialize_with = "read")] pub $name: Option<$type>,)*
        }

        impl Record {
            /// The names of all fields, in the order of JSON and `to_dict`.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($name)),*];
        }

        impl Fields {
            /// A record with the default of every field that is not given.
            pub(super) fn with_defaults(mut self) -> Record {
                let created_at = *self.created_at.get_or_insert_with(clock::now);
                self.updated_at.get_or_insert(created_at);
                self.last_accessed.get_or_insert(created_at);
                Record { $($name: self.$name.unwrap_or_else(|| $default),)* version: None }
            }

            /// Replaces the fields of `record` that are given.
            fn replace_in(self, record: &mut Record) {
                $(if let Some(value) = self.$name { record.$name = value; })*
            }
        }

        impl From<Record> for Fields {
            fn from(record: Record) -> Self {
                Self { $($name: Some(record.$name),)* }
            }
        }

        impl Serialize for Record {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                let mut object = serializer.serialize_struct("Record", Self::FIELDS.len())?;
                $(if self.$name.is_omitted() {
                    object.skip_field(stringify!($name))?;
                } else {
                    object.serialize_field(stringify!($name), &Json(&self.$name))?;
                })*
                object.end()
            }
        }
    };
}

record_fields!(define);

impl Fields {
    /// This content and nothing else.
    pub fn new(content: impl Into<String>) -> Self {
        Self { content: Some(content.into()), ..Self::default() }
    }

    /// A new record, with defaults for what is not given.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] with the field and the value.
    pub fn into_record(self) -> Result<Record> {
        if self.content.is_none() {
            return Err(Error::InvalidRecord("no content is given".into()));
        }
        self.with_defaults().validated()
    }

    /// The version that takes the place of `old`, with these fields set: it is created now, or just after `old` if the clock is
    /// behind, and has no expiry and no embedding unless they are given.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] if a field cannot be set, if it would be created before `old`, or as [`Record::validated`].
    pub fn supersede(mut self, old: &Record) -> Result<Record> {
        self.refuse_fixed("supersede")?;
        let next = || clock::now().max(old.created_at.saturating_add(1));
        let created_at = self.created_at.take().unwrap_or_else(next);
        if created_at < old.created_at {
            let why =
                "created_at of a new version must not be earlier than that of the version that it supersedes";
            return Err(Error::InvalidRecord(why.into()));
        }
        let mut new =
            Record { created_at, updated_at: created_at, expires_at: None, embedding: None, ..old.clone() };
        self.replace_in(&mut new);
        new.version = None;
        new.validated()
    }

    /// `record` after an update that sets these fields; its `updated_at` is now.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] if a field cannot be updated, or as [`Record::validated`].
    pub fn update(self, mut record: Record) -> Result<Record> {
        self.refuse_fixed("update")?;
        self.replace_in(&mut record);
        record.updated_at = clock::now();
        record.validated()
    }

    /// Refuses the fields that no write of an existing record may set.
    fn refuse_fixed(&self, write: &str) -> Result<()> {
        for (name, given) in [("id", self.id.is_some()), ("updated_at", self.updated_at.is_some())] {
            if given {
                return Err(Error::InvalidRecord(format!("{write} cannot change {name}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_has_its_default() {
        let record = Fields { created_at: Some(7), ..Fields::new("x") }.into_record().unwrap();
        assert_eq!((record.updated_at, record.last_accessed), (7, 7));
        assert_eq!((record.importance, record.scope.as_str(), record.private), (0.5, "/", false));
        assert!(Fields::default().into_record().is_err());
    }

    #[test]
    fn an_update_changes_what_is_given() {
        let old = Record { source: Some("a".into()), created_at: 7, ..Record::new("x") };
        let fields = Fields { importance: Some(0.9), source: Some(None), ..Fields::default() };
        let new = fields.update(old.clone()).unwrap();
        assert!(new.updated_at >= old.updated_at);
        assert_eq!(new, Record { importance: 0.9, source: None, updated_at: new.updated_at, ..old });
    }

    #[test]
    fn an_update_cannot_change_id_and_update_time() {
        for fields in [
            Fields { id: Some(RecordId::new()), ..Fields::default() },
            Fields { updated_at: Some(1), ..Fields::default() },
        ] {
            assert!(matches!(fields.update(Record::new("x")), Err(Error::InvalidRecord(_))));
        }
    }

    #[test]
    fn names_are_those_of_json() {
        let record = Record { expires_at: Some(7), ..Record::new("x") };
        let json = serde_json::to_value(record).unwrap();
        assert!(json.as_object().unwrap().keys().eq(Record::FIELDS));
    }
}
