//! TF-IDF cosine: `ltc.ltc` in the notation of SMART (Salton and Buckley, "Term-weighting approaches in automatic text
//! retrieval", 1988), with smooth idf `1 + ln((1 + N) / (1 + df))`.
//!
//! The vectors of records and queries have the components `(1 + ln tf) idf`. Query terms that no record holds are ignored, but for
//! identifiers.

use super::dense_ids::DenseIds;
use super::query::ParsedQuery;
use super::weighted_term::{WeightedTerm, heaviest};
use super::writings::add_writings;
use super::{Statistics, Texts, tuning};
use crate::record::Seq;
use crate::text::term_hash;

/// The vector of a query of the mode "tfidf".
#[derive(Debug)]
pub struct CosineQuery {
    /// Each known term with its component and its idf.
    vector: Vec<(String, f64, f64)>,
    norm: f64,
}

impl CosineQuery {
    /// Analyzes a query of any length in bounded time.
    ///
    /// # Errors
    /// The statistics cannot be read.
    pub fn new<S: Statistics>(text: &str, statistics: &S) -> Result<Self, S::Error> {
        let mut query = ParsedQuery::of_terms(text);
        let terms: Vec<&str> = query.terms.iter().map(|term| &*term.text).collect();
        let own = statistics.document_frequencies(&terms)?;
        let mut frequencies = own.clone();
        let writings = add_writings(&mut query, &mut frequencies, statistics)?;
        let (mut vector, mut values) = (Vec::new(), Vec::new());
        for ((number, term), (count, &df)) in
            (0..).zip(&query.terms).zip(query.counts().into_iter().zip(&frequencies))
        {
            let known = df > 0 || query.is_identifier(number);
            let value = if known { term.worth() * sublinear(count) * idf(statistics, df) } else { 0.0 };
            values.push(value);
            // In records, a term counts without its other writings.
            let df = own[number as usize];
            if df > 0 {
                vector.push((term.text.clone(), value, idf(statistics, df)));
            }
        }
        let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        for form in writings {
            let value = form.numbers().into_iter().map(|term| values[term].powi(2)).sum::<f64>().sqrt();
            vector.push((form.text, tuning::writings::WEIGHT * value, idf(statistics, form.frequency)));
        }
        Ok(Self { vector, norm })
    }

    /// The terms for the first stage. Their weights are multiplied by `(1 + ln tf) / |record|`.
    pub fn terms(&self) -> Vec<WeightedTerm> {
        let weighted = |(text, value, idf): &(String, f64, f64)| {
            let known = 1;
            (WeightedTerm { text: text.clone(), weight: (value * idf) as f32 }, known)
        };
        heaviest(self.vector.iter().map(weighted))
    }

    /// The cosines of the query's vector and the vectors of these texts, in `0..=1`. A text that is not in `texts` has 0.
    ///
    /// # Errors
    /// The statistics cannot be read.
    pub fn scores<S: Statistics>(
        &self,
        texts: &Texts,
        seqs: &[Seq],
        statistics: &S,
    ) -> Result<Vec<f64>, S::Error> {
        let mut terms = Terms { texts, statistics, numbers: DenseIds::with_capacity(0), found: Vec::new() };
        for (text, value, idf) in &self.vector {
            if let Some(term) = texts.interner().number_of(term_hash(text)) {
                terms.numbers.of(term);
                terms.found.push(MatchedTerm { idf: *idf, value: *value, frequency: 0 });
            }
        }
        texts.look_up(seqs.iter().flat_map(|&seq| terms_of(texts, seq)), statistics)?;
        let mut touched = Vec::new();
        seqs.iter().map(|&seq| terms.cosine(seq, self.norm, &mut touched)).collect()
    }
}

fn idf(statistics: &impl Statistics, frequency: u64) -> f64 {
    1.0 + ((1 + statistics.collection().records) as f64 / (1 + frequency) as f64).ln().max(0.0)
}

fn sublinear(frequency: u32) -> f64 {
    if frequency == 1 { 1.0 } else { 1.0 + f64::from(frequency).ln() }
}

/// The terms of a text, as ids of the interner.
fn terms_of(texts: &Texts, seq: Seq) -> impl Iterator<Item = u32> {
    let chunks = texts.get(seq).map_or(&[][..], |text| text.chunks);
    chunks.iter().flat_map(|&chunk| texts.interner().chunk(chunk).terms).copied()
}

/// The terms of all texts so far: each document frequency is looked up once.
struct Terms<'a, S> {
    texts: &'a Texts,
    statistics: &'a S,
    /// From ids of the interner to indexes in `found`.
    numbers: DenseIds,
    found: Vec<MatchedTerm>,
}

struct MatchedTerm {
    idf: f64,
    /// Its component in the query's vector.
    value: f64,
    /// Its frequency in the current text.
    frequency: u32,
}

impl<S: Statistics> Terms<'_, S> {
    fn cosine(&mut self, seq: Seq, query_norm: f64, touched: &mut Vec<u32>) -> Result<f64, S::Error> {
        for term in terms_of(self.texts, seq) {
            let number = self.number(term)?;
            let frequency = &mut self.found[number as usize].frequency;
            if *frequency == 0 {
                touched.push(number);
            }
            *frequency += 1;
        }
        let (mut product, mut squares) = (0.0, 0.0);
        for number in touched.drain(..) {
            let found = &mut self.found[number as usize];
            let value = sublinear(std::mem::take(&mut found.frequency)) * found.idf;
            product += value * found.value;
            squares += value * value;
        }
        Ok(if product > 0.0 { (product / (squares.sqrt() * query_norm)).min(1.0) } else { 0.0 })
    }

    fn number(&mut self, term: u32) -> Result<u32, S::Error> {
        let number = self.numbers.of(term);
        if number as usize == self.found.len() {
            let idf = idf(self.statistics, self.texts.frequency(term, self.statistics)?);
            self.found.push(MatchedTerm { idf, value: 0.0, frequency: 0 });
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Collection;
    use crate::rank::fake_statistics::FakeStatistics;

    fn statistics() -> FakeStatistics {
        let collection = Collection { records: 99, terms: 500 };
        FakeStatistics { collection, other_frequency: 49, ..FakeStatistics::default() }
            .with(&["unknown", "redcar", "carunknown", "rarerar"], 0)
            .with(&["rare"], 1)
    }

    fn terms(query: &str) -> Vec<WeightedTerm> {
        let Ok(query) = CosineQuery::new(query, &statistics());
        query.terms()
    }

    fn scores(query: &str, texts: &[&str]) -> Vec<f64> {
        let statistics = statistics();
        let seqs: Vec<Seq> = (0..texts.len() as Seq).collect();
        let Ok(query) = CosineQuery::new(query, &statistics);
        let Ok(scores) = query.scores(&Texts::of(texts), &seqs, &statistics);
        scores
    }

    #[test]
    fn the_same_words_are_1_and_no_common_words_0() {
        let found = scores("red car unknown", &["car red", "blue bike", "", "red red car"]);
        assert!((found[0] - 1.0).abs() < 1e-12 && found[1] == 0.0 && found[2] == 0.0);
        assert!(found[3] < 1.0 && found[3] > 0.9);
    }

    #[test]
    fn as_the_formula_says() {
        let (rare, common) = (1.0 + 50f64.ln(), 1.0 + 2f64.ln());
        let expected = rare / (rare * rare + common * common).sqrt();
        assert!((scores("rare", &["rare car"])[0] - expected).abs() < 1e-12);
        let terms = terms("rare rare");
        assert!((f64::from(terms[0].weight) - (1.0 + 2f64.ln()) * rare * rare).abs() < 1e-5);
    }

    #[test]
    fn nothing_known_is_like_nothing() {
        assert_eq!(scores("unknown", &["unknown", "x"]), [0.0, 0.0]);
        assert!(terms("unknown ?").is_empty());
    }
}
