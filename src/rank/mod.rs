//! Ranking: pure functions over texts, term statistics and scores. What they have to know of texts is in [`Texts`].
//!
//! Three ways to rank, one for each search mode. All hand the index weighted terms first and look at the texts of what
//! it finds afterwards:
//!
//! - [`hybrid`]: the default; sentence by sentence, with signals that only the texts can give, and a score
//!   that says how much of the query was found. Its parts: `query` (what is asked), `forms` (how else it may be
//!   spelled), `passage` (what a candidate says),
//!   `signals`, `feedback`, `fusion`, `evidence`; its numbers: [`recipe`]. [`dialogue`] goes on from there.
//! - [`bm25`]: plain BM25 of the query's [`Keywords`].
//! - [`cosine`]: TF-IDF cosine of the query's [`Keywords`].

pub mod bm25;
pub mod cosine;
pub mod dialogue;
mod evidence;
mod feedback;
mod forms;
mod fusion;
pub mod hybrid;
mod keywords;
mod lookup;
mod numbers;
mod passage;
mod query;
pub mod recipe;
mod scaffold;
mod signals;
mod texts;
pub mod top_k;

pub use keywords::Keywords;
pub use texts::{Text, Texts};

use bm25::Collection;

/// What ranking needs to know of the store.
pub trait Statistics {
    /// Statistics of all live records.
    fn collection(&self) -> Collection;

    /// How many live records hold `term`.
    fn document_frequency(&self, term: &str) -> u64;

    /// The same for each of these terms.
    fn document_frequencies(&self, terms: &[&str]) -> Vec<u64> {
        terms.iter().map(|term| self.document_frequency(term)).collect()
    }

    /// Hands terms that begin with any of `prefixes` to `visit`, unordered, some more than once or of no live record.
    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str));

    /// Another number whenever a frequency may be another.
    fn edition(&self) -> u32;
}

/// A term of the query and what it weighs in the first stage.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedTerm {
    /// The term.
    pub text: String,
    /// More than 0, else it is passed over.
    pub weight: f32,
}

/// The heaviest [`recipe::MAX_TERMS`] of `terms`, in a fixed order. Of more, those that no record holds, as it is said beside
/// each how many do, go first.
fn heaviest(terms: impl Iterator<Item = (WeightedTerm, u64)>) -> Vec<WeightedTerm> {
    let mut terms: Vec<(WeightedTerm, u64)> = terms.collect();
    if terms.len() > recipe::MAX_TERMS {
        terms.retain(|&(_, held)| held > 0);
    }
    let mut terms: Vec<WeightedTerm> = terms.into_iter().map(|(term, _)| term).collect();
    terms.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.text.cmp(&b.text)));
    terms.truncate(recipe::MAX_TERMS);
    terms
}
