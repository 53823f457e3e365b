//! The change feed: which records were added and which were deleted since a position.

use std::ops::RangeInclusive;

use crate::record::Seq;

pub use crate::index::Position;

/// A record that was added.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// Its number.
    pub seq: Seq,
    /// Its content and vector; `None` if the reader said that it knows them.
    pub text: Option<FeedText>,
}

/// What an index needs of a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeedText {
    /// The content.
    pub content: String,
    /// The vector, if the record has one.
    pub embedding: Option<Vec<f32>>,
}

/// One part of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Records that were added and still exist, by number.
    pub added: Vec<Added>,
    /// Vectors of records that had none when they were added. They come with the last of the records.
    pub vectors: Vec<(Seq, Vec<f32>)>,
    /// Ranges of records that were deleted. They may name records that the reader never saw.
    pub deleted: Vec<RangeInclusive<Seq>>,
    /// Where the next part starts.
    pub position: Position,
    /// True if the reader is up to date after this part; false if the limit cut it short.
    pub complete: bool,
}
