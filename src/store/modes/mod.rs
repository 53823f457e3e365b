//! The search modes: from a query to the records that answer it, best first.

mod bm25;
mod depth;
mod first_stage;
mod hybrid;
mod tfidf;
mod vector;

pub use first_stage::FirstStage;

use super::retriever::Retriever;
use super::search_error::SearchError;
use crate::clock;
use crate::rank::Scored;
use crate::rank::blend::blend;
use crate::record::{Mode, Query, Seq};

/// The records that answer a query, best first, cut to its limit.
///
/// # Errors
/// As the methods of [`Retriever`].
pub fn search(retriever: &impl Retriever, query: &Query) -> Result<Vec<Scored>, SearchError> {
    let mut found = match query.mode {
        Mode::Bm25 => bm25::search(retriever, query)?,
        Mode::Tfidf => tfidf::search(retriever, query)?,
        Mode::Vector => vector::search(retriever, query)?,
        Mode::Hybrid => hybrid::search(retriever, query)?,
    };
    if !query.blend.is_relevance() {
        let seqs: Vec<Seq> = found.iter().map(|found| found.seq).collect();
        found = blend(found, retriever.snapshot().priors(&seqs)?, &query.blend, clock::now());
    }
    found.truncate(query.limit);
    found.retain(|found| found.score >= query.min_score);
    Ok(found)
}
