//! TF-IDF cosine alone.

use crate::backend::budget::Budget;
use crate::index::Scoring;
use crate::rank::cosine::CosineQuery;
use crate::rank::{Scored, scored};
use crate::record::{Query, Seq};
use crate::store::retriever::Retriever;
use crate::store::search_error::SearchError;

/// The index's norms leave out the idf, so at least so many candidates are compared exactly.
const CANDIDATES: usize = 200;

/// How many records the index is asked for.
pub fn candidates(query: &Query) -> usize {
    query.limit.saturating_mul(2).max(CANDIDATES)
}

pub fn search(retriever: &impl Retriever, query: &Query) -> Result<Vec<Scored>, SearchError> {
    let cosine = CosineQuery::new(&query.text, retriever)?;
    let top = retriever.top(&cosine.terms(), candidates(query), Scoring::Cosine)?;
    let top: Vec<Seq> = top.into_iter().map(|(seq, _)| seq).collect();
    let mut found = Vec::with_capacity(top.len());
    for part in top.chunks(CANDIDATES) {
        let texts = retriever.texts(part, Budget::UNLIMITED)?;
        let scores = cosine.scores(&texts, part, retriever)?;
        let scored = |(&seq, score)| Scored { seq, score, explain: vec![("tfidf", score)], passage: None };
        found.extend(part.iter().zip(scores).map(scored));
    }
    scored::sort(&mut found);
    Ok(found)
}
