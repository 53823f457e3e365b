//! What is stored and found: records, the filters that select them, queries and hits.

mod alternatives;
mod blend;
mod comparison;
mod condition;
mod embedding;
mod explanation;
mod fields;
mod filter;
mod hit;
mod id;
mod json;
mod json_field;
mod metadata;
mod name;
mod one_of;
mod operator;
mod order;
mod pointer;
mod query;
#[allow(clippy::module_inception, reason = "a record is the noun that the folder is named after")]
mod record;
mod scope;
mod seq;
pub mod timestamp;
mod viewer;

pub use blend::Blend;
#[cfg(feature = "python")]
pub(crate) use comparison::BIG_NUMBER;
pub use condition::Condition;
pub use embedding::check_vector;
pub use explanation::Explanation;
#[cfg(feature = "python")]
pub(crate) use fields::record_fields;
pub use fields::{Fields, Record};
pub use filter::Filter;
pub use hit::Hit;
pub use id::RecordId;
pub use metadata::Metadata;
#[cfg(feature = "python")]
pub(crate) use metadata::Writer as MetadataWriter;
pub use name::MAX_NAME_BYTES;
pub use one_of::OneOf;
pub use operator::Operator;
pub use order::{Order, Page, Scopes};
pub use query::{Mode, Query};
pub use record::MAX_METADATA_DEPTH;
pub use scope::Scope;
pub use seq::Seq;
pub use timestamp::Micros;
pub use viewer::Viewer;
