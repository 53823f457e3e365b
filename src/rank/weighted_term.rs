//! A term of the query and its weight in the first stage.

use super::tuning;

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
pub(super) fn heaviest(terms: impl Iterator<Item = (WeightedTerm, u64)>) -> Vec<WeightedTerm> {
    let mut terms: Vec<(WeightedTerm, u64)> = terms.collect();
    if terms.len() > tuning::MAX_TERMS {
        terms.retain(|&(_, frequency)| frequency > 0);
    }
    let mut terms: Vec<WeightedTerm> = terms.into_iter().map(|(term, _)| term).collect();
    terms.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.text.cmp(&b.text)));
    terms.truncate(tuning::MAX_TERMS);
    terms
}
