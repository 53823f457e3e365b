//! The change feed: which records were added and which were deleted since a position.

use std::mem;
use std::ops::RangeInclusive;

use crate::record::Seq;

pub use crate::index::Position;

/// Tells whether the reader of the feed knows the content of a record.
pub type Known<'k> = &'k dyn Fn(Seq) -> bool;

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

impl Feed {
    /// True if its records have numbers behind this position, in order, and the next part starts behind it. In a damaged database
    /// that may not be so.
    pub fn follows(&self, position: Position) -> bool {
        let mut before = position.seq;
        let in_order = self.added.iter().all(|added| mem::replace(&mut before, added.seq) < added.seq);
        let reached = |position: Position| (position.seq, position.vectors);
        in_order && (self.complete || reached(self.position) > reached(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(seqs: &[Seq], reaches: Seq, complete: bool) -> Feed {
        let added = seqs.iter().map(|&seq| Added { seq, text: None }).collect();
        let position = Position { seq: reaches, ..Position::default() };
        Feed { added, vectors: Vec::new(), deleted: Vec::new(), position, complete }
    }

    #[test]
    fn a_part_follows_if_its_numbers_rise_and_the_next_one_starts_behind_it() {
        let at = |seq| Position { seq, ..Position::default() };
        assert!(feed(&[3, 5], 5, false).follows(at(2)));
        assert!(feed(&[], 2, true).follows(at(2)));
        assert!(!feed(&[3, 5, 1], 1, true).follows(at(2)));
        assert!(!feed(&[3, 5], 5, true).follows(at(3)));
        assert!(!feed(&[], 2, false).follows(at(2)));
    }
}
