//! A sentence of a query.

/// A sentence without its stop words. If the query has no other words, it is one sentence with its stop words.
#[derive(Debug, Default)]
pub struct Sentence {
    /// Its terms in order, repeats included.
    pub sequence: Vec<u32>,
    /// Its distinct terms with their counts.
    pub counts: Vec<(u32, u32)>,
    pub words: Vec<QueryWord>,
    /// Its weight before the search, in `0..=1`.
    pub prior: f64,
    /// It is a question, and not about the task.
    pub asks: bool,
}

/// A word of a script with spaces between words.
#[derive(Debug, Default)]
pub struct QueryWord {
    /// Its terms without stop words.
    pub terms: Vec<u32>,
    /// The number of its terms, stop words included.
    pub size: usize,
    /// Its grams, repeats included.
    pub grams: Vec<u32>,
}
