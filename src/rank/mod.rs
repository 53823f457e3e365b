//! Ranking: pure functions over texts, term statistics and scores. What they have to know of texts is in [`Texts`].
//!
//! Three ways to rank, one for each search mode. All hand the index weighted terms first and look at the texts of what
//! it finds afterwards:
//!
//! - [`hybrid`]: the default; sentence by sentence, with signals that only the texts can give, and a score
//!   that says how much of the query was found. Its parts: `query` (what is asked), `forms` (how else it may be
//!   spelled), `passage` (what a candidate says),
//!   `signals`, `feedback`, `scaled_signal`, `evidence`; its numbers: [`tuning`]. [`dialogue`] goes on from there.
//! - [`bm25`]: plain BM25 of the query's [`Keywords`].
//! - [`cosine`]: TF-IDF cosine of the query's [`Keywords`].
//!
//! [`rrf`] merges lists, [`blend`] adds recency and importance.

pub mod blend;
pub mod bm25;
mod boilerplate;
pub mod cosine;
mod dense_ids;
pub mod dialogue;
mod evidence;
#[cfg(test)]
mod fake_statistics;
mod feedback;
mod forms;
mod hash_ids;
pub mod hybrid;
mod keywords;
mod passage;
mod query;
pub mod rrf;
mod scaled_signal;
pub mod scored;
mod signals;
mod texts;
pub mod top_k;
pub mod tuning;

pub use keywords::Keywords;
pub use scored::Scored;
pub use texts::Texts;

use bm25::Collection;

/// Term statistics of a store.
pub trait Statistics {
    /// Why they could not be read.
    type Error;

    /// Statistics of all live records.
    fn collection(&self) -> Collection;

    /// The number of live records that hold `term`.
    ///
    /// # Errors
    /// The statistics cannot be read.
    fn document_frequency(&self, term: &str) -> Result<u64, Self::Error>;

    /// [`Statistics::document_frequency`] of each of these terms.
    ///
    /// # Errors
    /// The statistics cannot be read.
    fn document_frequencies(&self, terms: &[&str]) -> Result<Vec<u64>, Self::Error> {
        terms.iter().map(|term| self.document_frequency(term)).collect()
    }

    /// Calls `visit` with every term that begins with one of `prefixes`: in no order, some terms more than once, some of
    /// deleted records only.
    ///
    /// # Errors
    /// The statistics cannot be read.
    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), Self::Error>;

    /// A number that changes whenever a document frequency may have changed.
    fn generation(&self) -> u32;
}

/// A term of the query and what it weighs in the first stage.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedTerm {
    /// The term.
    pub text: String,
    /// More than 0, else it is passed over.
    pub weight: f32,
}

/// The heaviest [`tuning::MAX_TERMS`] of `terms`, each given with its document frequency, in a fixed order. If there are
/// more, terms of no record are dropped first.
fn heaviest(terms: impl Iterator<Item = (WeightedTerm, u64)>) -> Vec<WeightedTerm> {
    let mut terms: Vec<(WeightedTerm, u64)> = terms.collect();
    if terms.len() > tuning::MAX_TERMS {
        terms.retain(|&(_, held)| held > 0);
    }
    let mut terms: Vec<WeightedTerm> = terms.into_iter().map(|(term, _)| term).collect();
    terms.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.text.cmp(&b.text)));
    terms.truncate(tuning::MAX_TERMS);
    terms
}
