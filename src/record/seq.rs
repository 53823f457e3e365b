//! Versions of records.

/// Identifies one version of one record. The store assigns it at each write; it increases and is never reused. The indexes
/// know records by it. An update gives the record a new one.
pub type Seq = i64;
