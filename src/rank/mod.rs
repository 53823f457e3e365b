//! Ranking: pure functions over texts, term statistics and scores. [`Texts`] holds what they read of texts.
//!
//! There is one ranking for each search mode that has a text. Each gives the index weighted terms (the first stage) and
//! then reads the texts of the candidates that the index finds (the second stage):
//!
//! - [`hybrid`], the default, weighs the sentences of the query, adds up seven signals and estimates how probably a text is
//!   relevant. `query` parses the query. `forms` finds other forms of its terms. `window` chooses the passage of a long text, and
//!   `passage` finds the query's terms in it. `signals`, `feedback` and `scaled_signal` make the order, `evidence` and
//!   [`calibration`] the scores. [`tuning`] has all constants. [`dialogue`] ranks the turns of a conversation after that.
//! - [`bm25`] is plain BM25 of the query's terms without stop words.
//! - [`cosine`] is the TF-IDF cosine of the same terms.
//!
//! All of them also search for other `writings` of the query's terms.
//!
//! [`fusion`] joins what texts and vectors say. [`blend`] adds recency and importance. [`mod@matches`] tells which words a query found in a text.

pub mod blend;
pub mod bm25;
mod boilerplate;
pub mod calibration;
pub mod cosine;
mod dense_ids;
pub mod dialogue;
mod evidence;
#[cfg(test)]
mod fake_statistics;
mod feedback;
mod forms;
pub mod fusion;
mod hash_ids;
pub mod hybrid;
pub mod matches;
mod passage;
mod query;
mod scaled_signal;
pub mod scored;
mod signals;
mod spelling;
mod texts;
pub mod top_k;
pub mod tuning;
mod window;
mod writings;

pub use query::asked;
pub use scored::Scored;
pub use texts::Texts;

use bm25::Collection;

/// Term statistics of the records that a query ranks among: those of its scope that its viewer may see.
pub trait Statistics {
    /// The reason why they cannot be read.
    type Error;

    /// Statistics of all live records that have terms.
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

    /// Calls `visit` with every term that begins with one of `prefixes`, in any order. It may visit a term more than once,
    /// and it may visit terms that only deleted and other records hold.
    ///
    /// # Errors
    /// The statistics cannot be read.
    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), Self::Error>;

    /// A number that is another one when a document frequency may be another one.
    fn generation(&self) -> u32;
}

/// A term of the query and its weight in the first stage.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedTerm {
    /// The term.
    pub text: String,
    /// Terms with a weight of 0 or less are ignored.
    pub weight: f32,
}

/// At most [`tuning::MAX_TERMS`] of `terms`, which come with their document frequencies: the heaviest, heaviest first.
/// Terms of equal weight are sorted by text. If there are too many terms, those that no record holds are dropped first.
fn heaviest(terms: impl Iterator<Item = (WeightedTerm, u64)>) -> Vec<WeightedTerm> {
    let mut terms: Vec<(WeightedTerm, u64)> = terms.collect();
    if terms.len() > tuning::MAX_TERMS {
        terms.retain(|&(_, frequency)| frequency > 0);
    }
    let mut terms: Vec<WeightedTerm> = terms.into_iter().map(|(term, _)| term).collect();
    terms.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.text.cmp(&b.text)));
    terms.truncate(tuning::MAX_TERMS);
    terms
}
