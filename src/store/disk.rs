//! Searches without an index in memory: the full-text table says which records hold a term.
//!
//! It holds no term frequencies. So records are first ranked as if each held its terms once and were of mean length;
//! then the texts of the best are analyzed and scored exactly. With fewer matches than [`EXACT`] the outcome is that
//! of the index in memory.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::search::Retriever;
use super::text_cache;
use crate::backend::sqlite::{fts, meta, records};
use crate::error::{Error, Result};
use crate::index::vector::Nearest;
use crate::index::{Allowed, Scoring};
use crate::rank::bm25::{Collection, saturation};
use crate::rank::{Statistics, Texts, WeightedTerm};
use crate::record::{Filter, Seq};
use crate::text::Bag;

/// So many of the best are scored exactly.
const EXACT: usize = 1000;

/// The full-text table, seen through a filter.
pub struct OnDisk<'c> {
    conn: &'c Connection,
    collection: Collection,
    allowed: Option<Allowed>,
    frequencies: RefCell<HashMap<String, u64>>,
}

impl<'c> OnDisk<'c> {
    /// Reads the collection's sizes and what passes the filter.
    ///
    /// # Errors
    /// What the database says.
    pub fn new(conn: &'c Connection, filter: &Filter) -> Result<Self> {
        let totals = meta::totals(conn)?;
        let allowed = if filter.narrows() {
            Some(Allowed::only(records::seqs_matching(conn, filter, 0)?))
        } else {
            Some(Allowed::except(records::hidden(conn, &filter.viewer, 0)?))
                .filter(|set| !set.is_everything())
        };
        let collection = Collection { records: totals.records, terms: totals.terms };
        Ok(Self { conn, collection, allowed, frequencies: RefCell::default() })
    }

    /// Every allowed record with a term, by the sum of the weights of its terms, the best first.
    fn holders(&self, terms: &[WeightedTerm], k: usize) -> Result<Vec<(Seq, f32)>> {
        let mut weights: FxHashMap<Seq, f32> = FxHashMap::default();
        for term in terms.iter().filter(|term| term.weight > 0.0) {
            for seq in fts::rows_with_term(self.conn, &term.text)? {
                *weights.entry(seq).or_default() += term.weight;
            }
        }
        let mut holders: Vec<(Seq, f32)> = weights.into_iter().filter(|&(seq, _)| self.allows(seq)).collect();
        sort_best(&mut holders, k);
        Ok(holders)
    }

    fn score(&self, text: &str, terms: &[WeightedTerm], scoring: Scoring) -> f32 {
        let bag = Bag::of(text);
        let counts: FxHashMap<&str, u32> = bag.terms().collect();
        let sublinear = |tf: u32| 1.0 + (tf as f32).ln();
        let part: Box<dyn Fn(u32) -> f32> = match scoring {
            Scoring::Bm25 => {
                let length = bag.total().min(u64::from(u16::MAX)) as u32;
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

impl Statistics for OnDisk<'_> {
    type Error = Error;

    fn collection(&self) -> Collection {
        self.collection
    }

    fn document_frequency(&self, term: &str) -> Result<u64> {
        let mut known = self.frequencies.borrow_mut();
        if let Some(&df) = known.get(term) {
            return Ok(df);
        }
        let df = fts::document_frequency(self.conn, term)?;
        known.insert(term.to_owned(), df);
        Ok(df)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<()> {
        prefixes.iter().try_for_each(|prefix| fts::terms_with(self.conn, prefix, visit))
    }

    fn generation(&self) -> u32 {
        // It lives no longer than a search.
        0
    }
}

impl Retriever for OnDisk<'_> {
    fn top(&self, terms: &[WeightedTerm], k: usize, scoring: Scoring) -> Result<Vec<(Seq, f32)>> {
        let holders = self.holders(terms, k.max(EXACT))?;
        let seqs: Vec<Seq> = holders.iter().map(|&(seq, _)| seq).collect();
        let mut scored: Vec<(Seq, f32)> = records::contents(self.conn, &seqs)?
            .into_iter()
            .map(|(seq, text)| (seq, self.score(&text, terms, scoring)))
            .collect();
        sort_best(&mut scored, k);
        Ok(scored)
    }

    fn allows(&self, seq: Seq) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.holds(seq))
    }

    fn lend<T>(
        &self,
        seqs: &[Seq],
        budget: usize,
        work: impl FnOnce(&Texts, &[Seq]) -> T,
    ) -> Result<Option<T>> {
        text_cache::lend_once(self.conn, seqs, budget, work)
    }

    fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<(Seq, f32)>> {
        records::check_dimension(self.conn, vector.len())?;
        let mut nearest = Nearest::new(vector, k);
        records::each_vector(self.conn, 0, |seq, vector| {
            if self.allows(seq) {
                nearest.show(seq, &vector);
            }
            Ok(true)
        })?;
        Ok(nearest.into_sorted())
    }
}

/// Keeps the best `k`, best first, newer before older at equal scores.
fn sort_best(scored: &mut Vec<(Seq, f32)>, k: usize) {
    let better = |a: &(Seq, f32), b: &(Seq, f32)| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0));
    if k < scored.len() {
        scored.select_nth_unstable_by(k, better);
        scored.truncate(k);
    }
    scored.sort_by(better);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_database_is_no_document_frequency_of_0() {
        let without_tables = Connection::open_in_memory().unwrap();
        let on_disk = OnDisk {
            conn: &without_tables,
            collection: Collection::default(),
            allowed: None,
            frequencies: RefCell::default(),
        };
        assert!(matches!(on_disk.document_frequency("car"), Err(Error::Backend(_))));
        assert!(matches!(on_disk.terms_with(&["ca"], &mut |_| ()), Err(Error::Backend(_))));
    }
}
