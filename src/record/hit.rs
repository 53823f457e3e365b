//! Hits: what a search returns.

use super::Record;

/// A record that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The record.
    pub record: Record,
    /// Relevance in 0..1; it never increases down the list.
    pub score: f64,
    /// The numbers behind the score, by name.
    pub explain: Vec<(&'static str, f64)>,
}
