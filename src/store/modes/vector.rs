//! Cosine of vectors alone.

use super::depth;
use crate::rank::Scored;
use crate::record::{Query, Seq};
use crate::store::retriever::Retriever;
use crate::store::search_error::SearchError;

/// How many records the index is asked for.
pub fn candidates(query: &Query) -> usize {
    depth(query)
}

/// The nearest `k` records; none for a query without a vector.
pub fn search(retriever: &impl Retriever, query: &Query, k: usize) -> Result<Vec<Scored>, SearchError> {
    let Some(vector) = &query.vector else { return Ok(Vec::new()) };
    let scored = |(seq, cosine): (Seq, f32)| {
        let cosine = f64::from(cosine);
        Scored { seq, score: cosine.clamp(0.0, 1.0), explain: vec![("vector", cosine)], passage: None }
    };
    Ok(retriever.nearest(vector, k)?.into_iter().map(scored).collect())
}
