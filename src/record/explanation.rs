//! Explanations: why a record is a hit of a query, or is none.

/// Why a record is a hit of a query, or is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Whether the search returns the record.
    pub hit: bool,
    /// Why, in a sentence.
    pub reason: String,
    /// The filter or option of the query that leaves the record out: a name of [`super::Filter`] or [`super::Query`] as
    /// users write it. `None` for a hit, and for a record that does not match.
    pub excluded_by: Option<&'static str>,
    /// The words of the record that the query asks for, with their weights in the first stage, heaviest first.
    pub words: Vec<(String, f64)>,
    /// The place among the candidates of the first stage, from 1; `None` if it is not among those that were looked at.
    pub rank_before: Option<usize>,
    /// The place in the final list, from 1, whatever the limit and the offset; `None` if it is not in the list.
    pub rank: Option<usize>,
    /// The score of a record that has a rank.
    pub score: Option<f64>,
    /// The passage of the content that decided, as the start and the end of its characters: the shortest run of sentences that
    /// holds the matched words of its best part. `None` without such words.
    pub passage: Option<(usize, usize)>,
}
