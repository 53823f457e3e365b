//! Pseudo-relevance feedback by Rocchio: candidates gain from the terms that the best candidates have in common.

use super::Statistics;
use super::collection::Collection;
use super::dense_ids::DenseIds;
use super::frequency_counter::{Count, FrequencyCounter};
use super::hash_ids::HashIds;
use super::passage::{Passage, Passages};
use super::query::ParsedQuery;
use super::texts::Texts;
use super::tuning::feedback;

/// The best candidates seldom have more distinct terms.
const USUAL_TERMS: usize = 512;

/// The feedback signal. `preliminary` has the order of each passage without it, `idfs` the idf of each query term. `texts`
/// holds the texts of the passages.
pub(super) fn signal<S: Statistics>(
    query: &ParsedQuery,
    idfs: &[f64],
    texts: &Texts,
    passages: &Passages,
    preliminary: &[f64],
    statistics: &S,
) -> Result<Vec<f64>, S::Error> {
    let mut best: Vec<usize> = (0..preliminary.len()).collect();
    best.sort_by(|&a, &b| preliminary[b].total_cmp(&preliminary[a]));
    best.truncate(feedback::TEXTS);
    let total: f64 = best.iter().map(|&i| preliminary[i]).sum();
    if total <= 0.0 {
        return Ok(vec![0.0; preliminary.len()]);
    }
    let mut terms = FeedbackTerms {
        query,
        query_idfs: idfs,
        texts,
        statistics,
        collection: statistics.collection(),
        numbers: DenseIds::with_capacity(USUAL_TERMS),
        idfs: Vec::with_capacity(USUAL_TERMS),
        weights: Vec::with_capacity(USUAL_TERMS),
        counter: FrequencyCounter::with_capacity(USUAL_TERMS),
        counts: Vec::new(),
    };
    terms.look_up(passages, &best)?;
    for i in best {
        terms.add(passages, passages.get(i), preliminary[i] / total)?;
    }
    Ok(Profile::new(terms).similarities(passages))
}

/// The terms of the best candidates, with dense ids.
struct FeedbackTerms<'a, S> {
    query: &'a ParsedQuery,
    query_idfs: &'a [f64],
    texts: &'a Texts,
    statistics: &'a S,
    collection: Collection,
    numbers: DenseIds,
    /// 0 for stop words.
    idfs: Vec<f64>,
    weights: Vec<f64>,
    counter: FrequencyCounter,
    /// The terms of the passage that is being added.
    counts: Vec<Count>,
}

impl<S: Statistics> FeedbackTerms<'_, S> {
    /// Reads the document frequencies of the terms of these passages.
    fn look_up(&self, passages: &Passages, best: &[usize]) -> Result<(), S::Error> {
        let interner = self.texts.interner();
        let chunks = best.iter().flat_map(|&i| passages.get(i).chunks);
        let terms = chunks.flat_map(|&chunk| passages.terms_of(chunk)).copied();
        self.texts.look_up(terms.filter(|&term| !interner.stops(term)), self.statistics)
    }

    /// Adds the unit vector of a passage, multiplied by `share`.
    fn add(&mut self, passages: &Passages, passage: Passage<'_>, share: f64) -> Result<(), S::Error> {
        let mut counts = std::mem::take(&mut self.counts);
        counts.clear();
        for &term in passage.chunks.iter().flat_map(|&chunk| passages.terms_of(chunk)) {
            let number = self.number(term)?;
            self.counter.count(&mut counts, 0, number, 0);
        }
        let component =
            |found: &Count| self.idfs[found.number as usize] * passage.saturation(found.frequency);
        let norm = counts.iter().map(|found| component(found).powi(2)).sum::<f64>().sqrt();
        if norm > 0.0 {
            for found in &counts {
                self.weights[found.number as usize] += share * component(found) / norm;
            }
        }
        self.counts = counts;
        Ok(())
    }

    fn number(&mut self, term: u32) -> Result<u32, S::Error> {
        let number = self.numbers.of(term);
        if number as usize == self.idfs.len() {
            let interner = self.texts.interner();
            let idf = match self.query.terms_by_hash.find(interner.hash(term)) {
                _ if interner.stops(term) => 0.0,
                Some(known) => self.query_idfs[known as usize],
                None => {
                    let df = self.texts.frequency(term, self.statistics)?;
                    f64::from(self.collection.smoothed_idf(df, interner.rarity(term)))
                }
            };
            self.idfs.push(idf);
            self.weights.push(0.0);
            self.counter.grow();
        }
        Ok(number)
    }
}

/// The heaviest of these terms.
struct Profile {
    numbers: HashIds,
    weights: Vec<f64>,
}

impl Profile {
    /// Of equal weights the first term is better.
    fn new<S>(terms: FeedbackTerms<'_, S>) -> Self {
        let mut order: Vec<usize> = (0..terms.weights.len()).filter(|&i| terms.weights[i] > 0.0).collect();
        let better = |a: &usize, b: &usize| terms.weights[*b].total_cmp(&terms.weights[*a]).then(a.cmp(b));
        if order.len() > feedback::TERMS {
            order.select_nth_unstable_by(feedback::TERMS, better);
            order.truncate(feedback::TERMS);
        }
        order.sort_unstable_by(better);
        let mut numbers = HashIds::default();
        for &i in &order {
            numbers.insert(terms.numbers.sparse()[i].into());
        }
        Self { numbers, weights: order.into_iter().map(|i| terms.weights[i]).collect() }
    }

    fn similarities(&self, passages: &Passages) -> Vec<f64> {
        let chunks = self.chunks(passages);
        let mut frequencies = vec![0; self.weights.len()];
        let similarity = |passage: Passage<'_>| {
            frequencies.fill(0);
            for &chunk in passage.chunks {
                chunks.of(chunk).iter().for_each(|&number| frequencies[number as usize] += 1);
            }
            let parts = self.weights.iter().zip(&frequencies).filter(|&(_, &frequency)| frequency > 0);
            parts.map(|(weight, &frequency)| weight * passage.saturation(frequency)).sum()
        };
        passages.iter().map(similarity).collect()
    }

    fn chunks(&self, passages: &Passages) -> ProfileChunks {
        let mut found = ProfileChunks { spans: Vec::with_capacity(passages.chunks()), numbers: Vec::new() };
        for chunk in 0..passages.chunks() as u32 {
            let start = found.numbers.len() as u32;
            for &term in passages.terms_of(chunk) {
                if let Some(number) = self.numbers.find(term.into()) {
                    found.numbers.push(number);
                }
            }
            found.spans.push((start, found.numbers.len() as u32));
        }
        found
    }
}

/// The terms of a profile in each chunk.
struct ProfileChunks {
    /// For each chunk the start and the end of its numbers.
    spans: Vec<(u32, u32)>,
    numbers: Vec<u32>,
}

impl ProfileChunks {
    #[inline]
    fn of(&self, chunk: u32) -> &[u32] {
        match self.spans[chunk as usize] {
            (start, end) if start < end => &self.numbers[start as usize..end as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::fake_statistics::FakeStatistics;

    fn signal(texts: &[&str], preliminary: &[f64]) -> Vec<f64> {
        let collection = Collection { records: 1000, terms: 5000 };
        let statistics = FakeStatistics { collection, other_frequency: 10, ..FakeStatistics::default() };
        let query = ParsedQuery::new("car");
        let passages = Passages::of(&query, texts, 3.0);
        let Ok(signal) =
            super::signal(&query, &[1.0], &Texts::of(texts), &passages, preliminary, &statistics);
        signal
    }

    #[test]
    fn terms_of_the_best_candidates_help_others() {
        let texts = ["car engine repair", "car engine oil", "the garden", "engine", "the oil the the"];
        let signal = signal(&texts, &[1.0, 0.9, 0.0, 0.0, 0.0]);
        assert!(signal[0] > signal[3] && signal[3] > signal[4] && signal[4] > signal[2], "{signal:?}");
        assert_eq!(signal[2], 0.0);
    }

    #[test]
    fn without_a_good_candidate_there_is_no_feedback() {
        assert_eq!(signal(&["x"], &[0.0]), [0.0]);
    }
}
