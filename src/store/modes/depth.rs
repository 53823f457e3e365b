//! How many records a mode retrieves.

use crate::record::Query;

/// Where recency or importance change the order, at least so many of the most relevant records take part, so that the
/// best hits are the same whatever the limit.
const REORDERED: usize = 200;

/// How many of the most relevant records to retrieve.
pub fn depth(query: &Query) -> usize {
    if query.blend.is_relevance() { query.limit } else { query.limit.max(REORDERED) }
}
