//! What is ranked: candidates, and candidates with their ranks.

use crate::rank::Scored;
use crate::rank::calibration::Signs;
use crate::record::Seq;

/// A record that the first stage found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The record.
    pub seq: Seq,
    /// Its score in the first stage.
    pub bm25: f32,
}

/// A candidate with its rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The record.
    pub seq: Seq,
    /// The estimated probability that a reader calls it relevant; 1 for a text that equals the query.
    pub score: f64,
    /// The value that candidates are sorted by: the sum of the signals, and more for a text that equals the query.
    pub order: f64,
    /// What the score is computed from.
    pub signs: Signs,
    /// The parts of the ranking by name: `bm25` (the first stage), `evidence`, `coverage`, and the seven signals.
    pub explain: [(&'static str, f64); 10],
    /// The passage of a long text, as characters.
    pub passage: Option<(usize, usize)>,
}

impl From<&Ranked> for Scored {
    fn from(ranked: &Ranked) -> Self {
        let &Ranked { seq, score, passage, .. } = ranked;
        // The mode adds a part.
        let mut explain = Vec::with_capacity(ranked.explain.len() + 1);
        explain.extend_from_slice(&ranked.explain);
        Self { seq, score, explain, passage }
    }
}
