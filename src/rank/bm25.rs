//! BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009).

use super::form::Form;
use super::query::{ParsedQuery, QueryTerm};
use super::tuning::LONGEST;
use super::weighted_term::{WeightedTerm, heaviest};
use super::writings::add_writings;
use super::{Statistics, tuning};

/// Term-frequency saturation, the usual value.
pub const K1: f32 = 1.2;
/// How much a record's length matters. Prose and dialogue rank better with less than the usual 0.75, code with slightly less.
pub const B: f32 = 0.6;

/// The part of a term's BM25 score that depends on the record: `tf (k1+1) / (tf + k1 (1-b + b dl/avgdl))`,
/// in `0..k1+1`. `dl/avgdl` is limited to [`LONGEST`]: beyond, a record's length says nothing about a passage of it.
#[inline]
pub fn saturation(tf: u32, length: u32, mean_length: f32) -> f32 {
    let tf = tf as f32;
    tf * (K1 + 1.0) / (tf + K1 * (1.0 - B + B * (length as f32 / mean_length).min(LONGEST as f32)))
}

/// A query of the mode "bm25".
#[derive(Debug)]
pub struct Bm25Query {
    /// Its terms, heaviest first. The weight of a term is its idf times its count in the query. Other writings weigh less.
    pub terms: Vec<WeightedTerm>,
    /// An upper bound of the score of a text with the query's own terms.
    pub maximum: f64,
}

impl Bm25Query {
    /// Analyzes a query of any length in bounded time.
    ///
    /// # Errors
    /// The statistics cannot be read.
    pub fn new<S: Statistics>(text: &str, statistics: &S) -> Result<Self, S::Error> {
        let (mut query, collection) = (ParsedQuery::of_terms(text), statistics.collection());
        let texts: Vec<&str> = query.terms.iter().map(|term| &*term.text).collect();
        let mut frequencies = statistics.document_frequencies(&texts)?;
        let writings = add_writings(&mut query, &mut frequencies, statistics)?;
        let weigh = |((term, count), &df): ((&QueryTerm, u32), &u64)| {
            (f64::from(count) * term.worth() * f64::from(collection.idf(df))) as f32
        };
        let weights: Vec<f32> = query.terms.iter().zip(query.counts()).zip(&frequencies).map(weigh).collect();
        let known = |(term, (&weight, &df)): (QueryTerm, (&f32, &u64))| {
            (WeightedTerm { text: term.text, weight }, df)
        };
        let own = heaviest(query.terms.into_iter().zip(weights.iter().zip(&frequencies)).map(known));
        let maximum = own.iter().map(|term| f64::from(term.weight)).sum::<f64>() * f64::from(K1 + 1.0);
        if writings.is_empty() {
            return Ok(Self { terms: own, maximum });
        }
        let writing = |form: Form| {
            let weight: f32 = form.numbers().into_iter().map(|term| weights[term]).sum();
            (
                WeightedTerm { text: form.text, weight: weight * tuning::writings::WEIGHT as f32 },
                form.frequency,
            )
        };
        let own = own.into_iter().map(|term| (term, 1));
        Ok(Self { terms: heaviest(own.chain(writings.into_iter().map(writing))), maximum })
    }
}

/// A BM25 score mapped to `0..=1`: a score of a quarter of `maximum`, that of the query's terms, becomes 0.5.
pub fn relevance(score: f32, maximum: f64) -> f64 {
    let score = f64::from(score).max(0.0);
    if score > 0.0 { score / (score + maximum / 4.0) } else { 0.0 }
}
