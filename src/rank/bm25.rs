//! BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009),
//! with an idf that is never negative: `ln(1 + (N - df + 0.5) / (df + 0.5))`.

use super::forms::Form;
use super::query::{ParsedQuery, QueryTerm};
use super::tuning::{BACKGROUND, LONGEST};
use super::{Statistics, WeightedTerm, heaviest, tuning};

/// Term-frequency saturation, the usual value.
pub const K1: f32 = 1.2;
/// How much a record's length matters. Prose and dialogue rank better with less than the usual 0.75, code with slightly less.
pub const B: f32 = 0.6;

/// Statistics of all live records that have terms.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Collection {
    /// How many there are.
    pub records: u64,
    /// Terms in all of them, repeats included.
    pub terms: u64,
}

impl Collection {
    /// Mean number of terms in a record; at least 1, because it is a divisor.
    pub fn mean_length(self) -> f32 {
        if self.records == 0 { 1.0 } else { (self.terms as f32 / self.records as f32).max(1.0) }
    }

    /// Inverse document frequency of a term that `df` of the records hold.
    pub fn idf(self, df: u64) -> f32 {
        let (n, df) = (self.records as f64, df.min(self.records) as f64);
        (1.0 + (n - df + 0.5) / (df + 0.5)).ln() as f32
    }

    /// The idf of a term of this [`rarity`](crate::text::rarity), which counts the more the fewer records there are.
    pub fn smoothed_idf(self, df: u64, rarity: f32) -> f32 {
        let background = BACKGROUND / (BACKGROUND + self.records as f32);
        self.idf(df) * (1.0 - background * (1.0 - rarity))
    }
}

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
        let writings = query.add_writings(&mut frequencies, statistics)?;
        let weigh = |((term, count), &df): ((&QueryTerm, u32), &u64)| {
            (f64::from(count) * term.worth() * f64::from(collection.idf(df))) as f32
        };
        let weights: Vec<f32> = query.terms.iter().zip(query.counts()).zip(&frequencies).map(weigh).collect();
        let known = |(term, (&weight, &df)): (&QueryTerm, (&f32, &u64))| {
            (WeightedTerm { text: term.text.clone(), weight }, df)
        };
        let own = heaviest(query.terms.iter().zip(weights.iter().zip(&frequencies)).map(known));
        let maximum = own.iter().map(|term| f64::from(term.weight)).sum::<f64>() * f64::from(K1 + 1.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_small_collection_words_that_are_common_elsewhere_weigh_less() {
        let weight = |records| {
            let collection = Collection { records, terms: 10 * records };
            collection.smoothed_idf(1, 0.5) / collection.smoothed_idf(1, 1.0)
        };
        assert!(weight(10) < 0.6 && weight(1_000_000) > 0.999);
    }

    #[test]
    fn idf_falls_with_document_frequency_and_stays_positive() {
        let collection = Collection { records: 100, terms: 1000 };
        let idfs: Vec<f32> = [0, 1, 10, 50, 100].iter().map(|&df| collection.idf(df)).collect();
        assert!(idfs.windows(2).all(|pair| pair[0] > pair[1]), "{idfs:?}");
        assert!(idfs[4] > 0.0);
    }
}
