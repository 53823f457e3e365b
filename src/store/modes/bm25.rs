//! BM25 alone.

use super::depth::depth;
use crate::index::Scoring;
use crate::rank::Scored;
use crate::rank::bm25::{Bm25Query, relevance};
use crate::record::{Query, Seq};
use crate::store::retriever::Retriever;
use crate::store::search_error::SearchError;

/// How many records the index is asked for.
pub fn candidates(query: &Query) -> usize {
    depth(query)
}

pub fn search(retriever: &impl Retriever, query: &Query) -> Result<Vec<Scored>, SearchError> {
    let Bm25Query { terms, maximum } = Bm25Query::new(&query.text, retriever)?;
    let top = retriever.top(&terms, candidates(query), Scoring::Bm25)?;
    let scored = |(seq, score): (Seq, f32)| Scored {
        seq,
        score: relevance(score, maximum),
        explain: vec![("bm25", f64::from(score))],
        passage: None,
    };
    Ok(top.into_iter().map(scored).collect())
}
