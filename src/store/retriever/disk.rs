//! Searches without an index in memory: the full-text table says which records hold a term.
//!
//! It has no term frequencies. So records are first ranked as if each held its terms once and were of mean length;
//! then the texts of the best are analyzed and scored exactly. With fewer matches than [`EXACT`] the outcome is that
//! of the index in memory.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Retriever;
use crate::backend::Snapshot;
use crate::error::Result;
use crate::index::vector::Nearest;
use crate::index::{Allowed, Scoring};
use crate::rank::bm25::{Collection, saturation};
use crate::rank::top_k::{FloatScore, TopK};
use crate::rank::{Statistics, WeightedTerm};
use crate::record::{Filter, Seq};
use crate::store::filter_cache;
use crate::store::search_error::SearchError;
use crate::store::text_cache::{self, Budget, ReadTexts};
use crate::text::Bag;

/// So many of the best are scored exactly.
const EXACT: usize = 1000;

/// The full-text table, seen through a filter.
pub struct DiskRetriever<'s> {
    snapshot: &'s dyn Snapshot,
    collection: Collection,
    allowed: Option<Arc<Allowed>>,
    frequencies: RefCell<HashMap<String, u64>>,
}

impl<'s> DiskRetriever<'s> {
    /// Reads the collection's totals and what passes the filter.
    ///
    /// # Errors
    /// What the database says.
    pub fn new(snapshot: &'s dyn Snapshot, filter: &Filter) -> Result<Self> {
        let totals = snapshot.totals()?;
        let collection =
            Collection { records: totals.records.saturating_sub(totals.wordless), terms: totals.terms };
        let allowed = filter_cache::unexpired(snapshot, filter_cache::allowed(snapshot, filter)?)?;
        Ok(Self { snapshot, collection, allowed, frequencies: RefCell::default() })
    }

    /// The best `k` allowed records by the sum of the weights of the terms that they hold.
    fn holders(&self, terms: &[WeightedTerm], k: usize) -> Result<Vec<(Seq, f32)>> {
        let mut weights: FxHashMap<Seq, f32> = FxHashMap::default();
        for term in terms.iter().filter(|term| term.weight > 0.0) {
            for seq in self.snapshot.full_text().records_with(&term.text)? {
                *weights.entry(seq).or_default() += term.weight;
            }
        }
        Ok(best(weights.into_iter().filter(|&(seq, _)| self.allows(seq)), k))
    }

    fn score(&self, text: &str, terms: &[WeightedTerm], scoring: Scoring) -> f32 {
        let bag = Bag::of(text);
        let counts: FxHashMap<&str, u32> = bag.terms().collect();
        let sublinear = |tf: u32| 1.0 + (tf as f32).ln();
        let part: Box<dyn Fn(u32) -> f32> = match scoring {
            Scoring::Bm25 => {
                let length = bag.length() as u32;
                Box::new(move |tf| saturation(tf, length, self.collection.mean_length()))
            }
            Scoring::Cosine => {
                let norm = counts.values().map(|&tf| sublinear(tf).powi(2)).sum::<f32>().sqrt();
                Box::new(move |tf| sublinear(tf) / norm)
            }
        };
        terms.iter().filter_map(|term| Some(term.weight * part(*counts.get(&*term.text)?))).sum()
    }
}

impl Statistics for DiskRetriever<'_> {
    type Error = SearchError;

    fn collection(&self) -> Collection {
        self.collection
    }

    fn document_frequency(&self, term: &str) -> Result<u64, SearchError> {
        let mut known = self.frequencies.borrow_mut();
        if let Some(&frequency) = known.get(term) {
            return Ok(frequency);
        }
        let frequency = self.snapshot.full_text().document_frequency(term)?;
        known.insert(term.to_owned(), frequency);
        Ok(frequency)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), SearchError> {
        for prefix in prefixes {
            self.snapshot.full_text().terms_with(prefix, visit)?;
        }
        Ok(())
    }

    fn generation(&self) -> u32 {
        // It lives no longer than one snapshot.
        0
    }
}

impl Retriever for DiskRetriever<'_> {
    fn snapshot(&self) -> &dyn Snapshot {
        self.snapshot
    }

    fn top(
        &self,
        terms: &[WeightedTerm],
        k: usize,
        scoring: Scoring,
    ) -> Result<Vec<(Seq, f32)>, SearchError> {
        let holders = self.holders(terms, k.max(EXACT))?;
        let seqs: Vec<Seq> = holders.iter().map(|&(seq, _)| seq).collect();
        let texts = self.snapshot.contents(&seqs)?;
        let scored = |(seq, text): (Seq, String)| (seq, self.score(&text, terms, scoring));
        Ok(best(texts.into_iter().map(scored), k))
    }

    fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<(Seq, f32)>, SearchError> {
        self.snapshot.check_dimension(vector.len())?;
        let mut nearest = Nearest::new(vector, k);
        self.snapshot.each_vector(0, &mut |seq, vector| {
            if self.allows(seq) {
                nearest.push(seq, &vector);
            }
            Ok(true)
        })?;
        Ok(nearest.into_sorted())
    }

    fn texts(&self, seqs: &[Seq], budget: Budget) -> Result<ReadTexts<'_>, SearchError> {
        text_cache::read(self.snapshot, seqs, budget)
    }

    fn allows(&self, seq: Seq) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.holds(seq))
    }
}

/// The best `k`, best first; of equal scores the newer record comes first.
fn best(scored: impl Iterator<Item = (Seq, f32)>, k: usize) -> Vec<(Seq, f32)> {
    let mut top = TopK::new(k);
    scored.for_each(|(seq, score)| top.push(FloatScore(score), seq));
    top.into_sorted().into_iter().map(|(seq, score)| (seq, score.0)).collect()
}
