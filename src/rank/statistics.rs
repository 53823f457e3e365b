//! What a ranking asks about the terms of the store.

use super::collection::Collection;

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
