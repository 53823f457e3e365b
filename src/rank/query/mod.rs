//! A parsed query, independent of any store: its sentences with their priors, its terms and its word grams.

mod parse;
mod parsed_query;
mod prior;
mod sentence;
mod sentence_parser;
mod sentence_set;
mod term;
mod umlauts;

pub use parse::asked;
pub(super) use parsed_query::{Identifier, ParsedQuery};
pub(super) use sentence::Sentence;
pub(super) use sentence_set::{SentenceSet, numbers};
pub(super) use term::QueryTerm;
