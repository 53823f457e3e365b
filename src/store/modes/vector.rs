//! Cosine of vectors alone.

use super::depth;
use crate::rank::Scored;
use crate::rank::fusion::Spread;
use crate::record::{Query, Seq};
use crate::store::retriever::Retriever;
use crate::store::search_error::SearchError;

/// How many records the index is asked for.
pub fn candidates(query: &Query) -> usize {
    depth(query)
}

/// The records nearest to a query; none for one without a vector.
pub fn search(retriever: &impl Retriever, query: &Query) -> Result<Vec<Scored>, SearchError> {
    let scored = |(seq, cosine): (Seq, f32)| {
        let cosine = f64::from(cosine);
        Scored { seq, score: cosine.clamp(0.0, 1.0), explain: vec![("vector", cosine)], passage: None }
    };
    Ok(nearest(retriever, query, candidates(query))?.0.into_iter().map(scored).collect())
}

/// The nearest `k` records, and the spread of the cosines of all; none for a query without a vector.
pub fn nearest(
    retriever: &impl Retriever,
    query: &Query,
    k: usize,
) -> Result<(Vec<(Seq, f32)>, Spread), SearchError> {
    let Some(vector) = &query.vector else { return Ok((Vec::new(), Spread::default())) };
    query.embedder.as_deref().map_or(Ok(()), |name| retriever.snapshot().check_embedder(name))?;
    retriever.nearest(vector, k)
}
