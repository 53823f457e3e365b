//! A term of the store that stands for terms of the query.

/// A term of the store that stands for one or more terms of the query.
#[derive(Debug, PartialEq)]
pub(super) struct Form {
    /// The numbers of the query's terms.
    pub terms: Vec<u32>,
    pub text: String,
    /// Its document frequency.
    pub frequency: u64,
}

impl Form {
    /// The numbers of the query's terms, each once.
    pub fn numbers(&self) -> Vec<usize> {
        let mut numbers: Vec<usize> = self.terms.iter().map(|&number| number as usize).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}
