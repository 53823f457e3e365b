//! Where a term of the query stands in a text.

/// An occurrence of a query term in a text.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence {
    /// The number of terms before it.
    pub position: u32,
    pub term: u32,
}
