//! Queries: what a search asks for.

use super::{Blend, Filter};

/// What a search asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Any text; nothing in it is syntax.
    pub text: String,
    /// The largest number of hits.
    pub limit: usize,
    /// How many of the best hits are passed over.
    pub offset: usize,
    /// Only records that pass this filter are found.
    pub filter: Filter,
    /// How records are found and ranked.
    pub mode: Mode,
    /// Hits with a lower score are left out.
    pub min_score: f64,
    /// The query's vector, for [`Mode::Vector`] and [`Mode::Hybrid`].
    pub vector: Option<Vec<f32>>,
    /// The embedder that made the vector, if it has a name.
    pub embedder: Option<String>,
    /// Whether a record's neighbours and its speaker count for it; in [`Mode::Hybrid`] only.
    pub dialogue: bool,
    /// What counts besides relevance.
    pub blend: Blend,
}

impl Query {
    /// A hybrid search for `text` among all public records.
    pub fn new(text: impl Into<String>, limit: usize) -> Self {
        Self {
            text: text.into(),
            limit,
            offset: 0,
            filter: Filter::default(),
            mode: Mode::Hybrid,
            min_score: 0.0,
            vector: None,
            embedder: None,
            dialogue: false,
            blend: Blend::default(),
        }
    }
}

/// How records are found and ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// BM25 finds candidates, and more signals rank the best of them again. The default.
    Hybrid,
    /// BM25 alone.
    Bm25,
    /// TF-IDF cosine alone.
    Tfidf,
    /// Cosine of the embeddings alone.
    Vector,
}
