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
    /// The passage that decided, as the start and the end of its characters; `None` if the text was ranked as a whole.
    pub passage: Option<(usize, usize)>,
}

/// Sorts by score, best first; of equal scores the newer record comes first.
pub fn sort(found: &mut [Scored]) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.seq.cmp(&a.seq)));
}
