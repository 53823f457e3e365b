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
    /// The passage of a long text that decided, as the start and the end of its characters. `None` if the text was ranked as a
    /// whole, as all short ones are.
    pub passage: Option<(usize, usize)>,
}
