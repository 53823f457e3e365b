//! Searches without an index in memory: the full-text table says which records hold a term.
//!
//! A small population has an index of its own, see [`scope_index`](crate::store::scope_index), which answers instead.
//!
//! The table has no term frequencies. So records are first ranked as if each held its terms once and were of mean length;
//! then the texts of the best are analyzed and scored exactly. With fewer matches than [`EXACT`] the outcome is that
//! of the index in memory.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Retriever;
use crate::backend::budget::Budget;
use crate::backend::snapshot::Totals;
use crate::backend::{FullText, Snapshot};
use crate::error::{Error, Result};
use crate::index::vector::Nearest;
use crate::index::{Allowed, Index, Listing, Scoring};
use crate::rank::Collection;
use crate::rank::bm25::saturation;
use crate::rank::fusion::Spread;
use crate::rank::top_k::{FloatScore, TopK};
use crate::rank::{Statistics, WeightedTerm};
use crate::record::{Filter, Seq};
use crate::store::search_error::SearchError;
use crate::store::text_cache::{self, ReadTexts};
use crate::text::Bag;

/// So many of the best are scored exactly.
const EXACT: usize = 1000;

/// So many texts tell how long those of a population are.
const SAMPLE: usize = 1024;

/// The full-text table, seen through a filter.
pub struct DiskRetriever<'s> {
    snapshot: &'s dyn Snapshot,
    full_text: &'s dyn FullText,
    /// An index over the population alone: the records of the query's scope that its viewer may see.
    own: Option<&'s Index>,
    /// The population; `None` for everything.
    visible: Option<Arc<Allowed>>,
    collection: Collection,
    allowed: Option<Arc<Allowed>>,
    frequencies: RefCell<HashMap<String, u64>>,
}

impl<'s> DiskRetriever<'s> {
    /// Of the records in `visible`, whose index is `own` if they have one, those in `allowed` may be found.
    ///
    /// # Errors
    /// What the database says.
    pub fn new(
        snapshot: &'s dyn Snapshot,
        own: Option<&'s Index>,
        visible: Option<Arc<Allowed>>,
        allowed: Option<Arc<Allowed>>,
    ) -> Result<Self> {
        let full_text = snapshot.full_text().ok_or_else(no_full_text)?;
        let collection = match (own, &visible) {
            (Some(own), _) => own.collection(),
            (None, Some(visible)) => part_of_all(snapshot, visible)?,
            (None, None) => all(snapshot.totals()?),
        };
        Ok(Self { snapshot, full_text, own, visible, collection, allowed, frequencies: RefCell::default() })
    }

    /// The best `k` allowed records by the sum of the weights of the terms that they hold.
    fn holders(&self, terms: &[WeightedTerm], k: usize) -> Result<Vec<(Seq, f32)>> {
        let mut weights: FxHashMap<Seq, f32> = FxHashMap::default();
        for term in terms.iter().filter(|term| term.weight > 0.0) {
            for seq in self.full_text.records_with(&term.text)? {
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
        if let Some(own) = self.own {
            return Ok(own.document_frequency(term)?);
        }
        let mut known = self.frequencies.borrow_mut();
        if let Some(&frequency) = known.get(term) {
            return Ok(frequency);
        }
        let frequency = match &self.visible {
            Some(visible) => {
                self.full_text.records_with(term)?.into_iter().filter(|&seq| visible.holds(seq)).count()
                    as u64
            }
            None => self.full_text.document_frequency(term)?,
        };
        known.insert(term.to_owned(), frequency);
        Ok(frequency)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), SearchError> {
        if let Some(own) = self.own {
            return Ok(own.terms_with(prefixes, visit)?);
        }
        for prefix in prefixes {
            self.full_text.terms_with(prefix, visit)?;
        }
        Ok(())
    }

    fn generation(&self) -> u32 {
        // Texts are not kept beyond one search.
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
        if let Some(own) = self.own {
            return Ok(own.top(terms, k, scoring, self.collection.mean_length(), self.allowed.as_deref())?);
        }
        let holders = self.holders(terms, k.max(EXACT))?;
        let seqs: Vec<Seq> = holders.iter().map(|&(seq, _)| seq).collect();
        let texts = self.snapshot.contents(&seqs, Budget::UNLIMITED)?;
        let scored = |(seq, text): (Seq, String)| (seq, self.score(&text, terms, scoring));
        Ok(best(texts.into_iter().map(scored), k))
    }

    fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        mut spread: Option<&mut Spread>,
    ) -> Result<Vec<(Seq, f32)>, SearchError> {
        self.snapshot.check_dimension(vector.len())?;
        let mut nearest = Nearest::new(vector, k);
        self.snapshot.each_vector(0, &mut |seq, vector| {
            if self.allows(seq)
                && let Some(cosine) = nearest.push(seq, &vector)
                && let Some(spread) = &mut spread
            {
                spread.add(cosine);
            }
            Ok(true)
        })?;
        Ok(nearest.into_sorted())
    }

    fn texts(&self, seqs: &[Seq], budget: Budget) -> Result<ReadTexts<'_>, SearchError> {
        text_cache::read(self.snapshot, seqs, budget)
    }

    fn sees(&self, seq: Seq) -> bool {
        self.visible.as_ref().is_none_or(|visible| visible.holds(seq))
    }

    fn allows(&self, seq: Seq) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.holds(seq))
    }
}

fn all(totals: Totals) -> Collection {
    Collection { records: totals.records.saturating_sub(totals.wordless), terms: totals.terms }
}

/// The error where `index="disk"` is impossible.
pub fn no_full_text() -> Error {
    Error::InvalidFilter("index=\"disk\" is for stores in files; this one keeps its index in memory".into())
}

/// The collection of some records. It is exact if few records are not among them; otherwise it is estimated from a sample
/// of their own texts, evenly spaced.
fn part_of_all(snapshot: &dyn Snapshot, visible: &Allowed) -> Result<Collection> {
    match visible.listing() {
        Listing::AllBut(hidden) if hidden.len() <= SAMPLE => {
            let (all, hidden) = (all(snapshot.totals()?), collection_of(snapshot, hidden)?);
            Ok(Collection {
                records: all.records.saturating_sub(hidden.records),
                terms: all.terms.saturating_sub(hidden.terms),
            })
        }
        Listing::AllBut(_) => {
            let all = snapshot.seqs_matching(&Filter::all(), 0)?;
            estimate(snapshot, all.into_iter().filter(|&seq| visible.holds(seq)).collect())
        }
        Listing::Only(seqs) => estimate(snapshot, seqs.to_vec()),
    }
}

fn estimate(snapshot: &dyn Snapshot, seqs: Vec<Seq>) -> Result<Collection> {
    let sample: Vec<Seq> = seqs.iter().copied().step_by(seqs.len().div_ceil(SAMPLE).max(1)).collect();
    let Collection { records, terms } = collection_of(snapshot, &sample)?;
    let scaled = |count: u64| (count as f64 * seqs.len() as f64 / sample.len().max(1) as f64) as u64;
    Ok(Collection { records: scaled(records), terms: scaled(terms) })
}

fn collection_of(snapshot: &dyn Snapshot, seqs: &[Seq]) -> Result<Collection> {
    let lengths =
        snapshot.contents(seqs, Budget::UNLIMITED)?.into_iter().map(|(_, text)| Bag::of(&text).length());
    Ok(lengths.fold(Collection::default(), |sum, length| Collection {
        records: sum.records + u64::from(length > 0),
        terms: sum.terms + length,
    }))
}

/// The best `k`, best first; of equal scores the newer record comes first.
fn best(scored: impl Iterator<Item = (Seq, f32)>, k: usize) -> Vec<(Seq, f32)> {
    let mut top = TopK::new(k);
    scored.for_each(|(seq, score)| top.push(FloatScore(score), seq));
    top.into_sorted().into_iter().map(|(seq, score)| (seq, score.0)).collect()
}
