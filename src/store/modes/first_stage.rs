//! The first stage of a search alone, to tell what the second stage made of it.

use super::{bm25, hybrid, tfidf, vector};
use crate::index::Scoring;
use crate::rank::WeightedTerm;
use crate::rank::bm25::Bm25Query;
use crate::rank::cosine::CosineQuery;
use crate::rank::hybrid::HybridQuery;
use crate::record::{Mode, Query, Seq};
use crate::store::retriever::Retriever;
use crate::store::search_error::SearchError;

/// What the first stage looks for and finds.
#[derive(Debug, Default)]
pub struct FirstStage {
    /// The terms; none where vectors alone are compared.
    pub terms: Vec<WeightedTerm>,
    /// The candidates by their words, best first.
    by_words: Vec<Seq>,
    /// The candidates by their vectors, best first.
    by_vectors: Vec<Seq>,
}

impl FirstStage {
    /// Of a search.
    ///
    /// # Errors
    /// As the methods of [`Retriever`].
    pub fn new(retriever: &impl Retriever, query: &Query) -> Result<Self, SearchError> {
        let text = &*query.text;
        let (terms, candidates, scoring) = match query.mode {
            Mode::Bm25 => (Bm25Query::new(text, retriever)?.terms, bm25::candidates(query), Scoring::Bm25),
            Mode::Tfidf => {
                let terms = CosineQuery::new(text, retriever)?.terms();
                (terms, tfidf::candidates(query), Scoring::Cosine)
            }
            Mode::Hybrid => {
                let terms = HybridQuery::new(text, retriever)?.terms();
                (terms, hybrid::candidates(query), Scoring::Bm25)
            }
            Mode::Vector => (Vec::new(), 0, Scoring::Bm25),
        };
        let found = retriever.top(&terms, candidates, scoring)?;
        let by_words = found.into_iter().map(|(seq, _)| seq).collect();
        let nearest = match query.mode {
            Mode::Vector => vector::nearest(retriever, query, vector::candidates(query), None)?,
            Mode::Hybrid => vector::nearest(retriever, query, hybrid::neighbours(query), None)?,
            Mode::Bm25 | Mode::Tfidf => Vec::new(),
        };
        let by_vectors = nearest.into_iter().map(|(seq, _)| seq).collect();
        Ok(Self { terms, by_words, by_vectors })
    }

    /// The better of a record's places in the lists, from 1.
    pub fn rank(&self, seq: Seq) -> Option<usize> {
        let places = [&self.by_words, &self.by_vectors].map(|list| list.iter().position(|&one| one == seq));
        places.into_iter().flatten().min().map(|place| place + 1)
    }
}
