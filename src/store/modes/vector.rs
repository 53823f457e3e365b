//! Cosine of vectors alone.

use super::depth::depth;
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
    Ok(nearest(retriever, query, candidates(query), None)?.into_iter().map(scored).collect())
}

/// The nearest `k` records; none for a query without a vector. `spread` takes in the cosines of all.
pub fn nearest(
    retriever: &impl Retriever,
    query: &Query,
    k: usize,
    spread: Option<&mut Spread>,
) -> Result<Vec<(Seq, f32)>, SearchError> {
    let Some(vector) = &query.vector else { return Ok(Vec::new()) };
    query.embedder.as_deref().map_or(Ok(()), |name| retriever.snapshot().check_embedder(name))?;
    retriever.nearest(vector, k, spread)
}
