//! The manifest of index files: only a file that it names is valid.

use crate::record::Seq;

/// One index file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// File name without folder and extension.
    pub name: String,
    /// Lowest record in it.
    pub first: Seq,
    /// Highest record in it.
    pub last: Seq,
    /// Newest deletion that it has applied.
    pub deletion: i64,
    /// Length of the file.
    pub bytes: u64,
    /// Checksum of the file.
    pub checksum: u64,
}
