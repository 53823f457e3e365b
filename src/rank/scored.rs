//! A record and its score.

use crate::record::Seq;

/// A record that a search found. The record itself is read later.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its number.
    pub seq: Seq,
    /// In `0..=1`.
    pub score: f64,
    /// The parts of the score, by name.
    pub explain: Vec<(&'static str, f64)>,
}

/// Sorts by score, best first; of equal scores the newer record comes first.
pub fn sort(found: &mut [Scored]) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.seq.cmp(&a.seq)));
}
