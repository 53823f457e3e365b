//! The query's terms and grams in the passages of the candidates.
//!
//! The passage of a short text is the whole text. Of a long one it is its label and the [`window`](super::window) with most of
//! the query.

mod chunk_table;
mod known_terms;
mod occurrence;
mod passages;
mod text_part;

pub(super) use occurrence::Occurrence;
pub(super) use passages::{Passage, Passages};
