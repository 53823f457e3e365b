//! TF-IDF cosine: `ltc.ltc` in the notation of SMART (Salton and Buckley, "Term-weighting approaches in automatic text
//! retrieval", 1988), with smooth idf `1 + ln((1 + N) / (1 + df))`.
//!
//! A record's vector has the components `(1 + ln tf) idf`; the query's too, terms that the store does not know left out.

use rustc_hash::FxHashMap;

use super::{Keywords, Statistics, WeightedTerm, heaviest};
use crate::text::Analyzer;

/// A query's vector, compared with texts.
#[derive(Debug)]
pub struct CosineQuery {
    keywords: Keywords,
}

impl CosineQuery {
    /// Analyzes a query, of any length in bounded time.
    pub fn new(text: &str) -> Self {
        Self { keywords: Keywords::new(text) }
    }

    /// What the first stage has to look for: weights that multiply `(1 + ln tf) / |record|`.
    pub fn terms(&self, statistics: &impl Statistics) -> Vec<WeightedTerm> {
        let vector = self.vector(statistics).into_iter();
        heaviest(
            vector.map(|(text, value, idf)| WeightedTerm { text, weight: (value * idf) as f32 }).collect(),
        )
    }

    /// The cosine of the query's vector with that of each text, in `0..=1`.
    pub fn scores(&self, texts: &[impl AsRef<str>], statistics: &impl Statistics) -> Vec<f64> {
        let vector = self.vector(statistics);
        let norm = vector.iter().map(|(_, value, _)| value * value).sum::<f64>().sqrt();
        let mut terms = Terms { statistics, numbers: FxHashMap::default(), found: Vec::new() };
        for (text, value, idf) in vector {
            let number = terms.found.len();
            terms.numbers.insert(text, number);
            terms.found.push(Found { idf, value, frequency: 0 });
        }
        texts.iter().map(|text| terms.cosine(text.as_ref(), norm)).collect()
    }

    /// Each known term, its component, and its idf.
    fn vector(&self, statistics: &impl Statistics) -> Vec<(String, f64, f64)> {
        let component = |(text, count): &(String, u32)| {
            let frequency = statistics.document_frequency(text);
            let idf = idf(statistics, frequency);
            (frequency > 0).then(|| (text.clone(), sublinear(*count) * idf, idf))
        };
        self.keywords.counts.iter().filter_map(component).collect()
    }
}

fn idf(statistics: &impl Statistics, frequency: u64) -> f64 {
    1.0 + ((1 + statistics.collection().records) as f64 / (1 + frequency) as f64).ln().max(0.0)
}

fn sublinear(frequency: u32) -> f64 {
    1.0 + f64::from(frequency).ln()
}

/// The terms of all texts compared so far, so that each is looked up once.
struct Terms<'a, S> {
    statistics: &'a S,
    numbers: FxHashMap<String, usize>,
    found: Vec<Found>,
}

struct Found {
    idf: f64,
    /// In the query's vector.
    value: f64,
    /// In the text at hand.
    frequency: u32,
}

impl<S: Statistics> Terms<'_, S> {
    fn cosine(&mut self, text: &str, query_norm: f64) -> f64 {
        let mut touched = Vec::new();
        Analyzer::new().terms(text, |term| {
            let number = self.number(term);
            if self.found[number].frequency == 0 {
                touched.push(number);
            }
            self.found[number].frequency += 1;
        });
        let (mut product, mut squares) = (0.0, 0.0);
        for number in touched {
            let found = &mut self.found[number];
            let value = sublinear(std::mem::take(&mut found.frequency)) * found.idf;
            product += value * found.value;
            squares += value * value;
        }
        if product > 0.0 { (product / (squares.sqrt() * query_norm)).min(1.0) } else { 0.0 }
    }

    fn number(&mut self, term: &str) -> usize {
        if let Some(&number) = self.numbers.get(term) {
            return number;
        }
        let idf = idf(self.statistics, self.statistics.document_frequency(term));
        self.found.push(Found { idf, value: 0.0, frequency: 0 });
        self.numbers.insert(term.to_owned(), self.found.len() - 1);
        self.found.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::bm25::Collection;

    struct Known;

    impl Statistics for Known {
        fn collection(&self) -> Collection {
            Collection { records: 99, terms: 500 }
        }

        fn document_frequency(&self, term: &str) -> u64 {
            match term {
                "unknown" => 0,
                "rare" => 1,
                _ => 49,
            }
        }
    }

    fn scores(query: &str, texts: &[&str]) -> Vec<f64> {
        CosineQuery::new(query).scores(texts, &Known)
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
        let terms = CosineQuery::new("rare rare").terms(&Known);
        assert!((f64::from(terms[0].weight) - (1.0 + 2f64.ln()) * rare * rare).abs() < 1e-5);
    }

    #[test]
    fn nothing_known_is_like_nothing() {
        assert_eq!(scores("unknown", &["unknown", "x"]), [0.0, 0.0]);
        assert!(CosineQuery::new("unknown ?").terms(&Known).is_empty());
    }
}
