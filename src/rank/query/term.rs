//! A term of a query.

use super::sentence_set::SentenceSet;
use crate::rank::tuning;

/// A term of a query.
#[derive(Debug)]
pub struct QueryTerm {
    pub text: String,
    /// Sentences that hold it.
    pub sentences: SentenceSet,
    /// Sentences that hold it in a capitalized word that is not their first word.
    pub names: SentenceSet,
    /// 1; for a term that occurs only in identifiers of `n` parts, `1 / n`.
    pub share: f64,
    /// True if no record holds the term itself, only its forms.
    pub guessed: bool,
    /// True if a match proves nothing, see [`is_particle`](crate::text::is_particle).
    pub particle: bool,
}

impl QueryTerm {
    /// The factor for its idf.
    pub fn worth(&self) -> f64 {
        self.share * if self.guessed { tuning::forms::WORTH } else { 1.0 }
    }
}
