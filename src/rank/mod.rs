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
mod chunked_text;
mod collection;
pub mod cosine;
mod dense_ids;
pub mod dialogue;
mod edges;
mod evidence;
#[cfg(test)]
mod fake_statistics;
mod feedback;
mod form;
mod form_search;
mod forms;
mod frequency_counter;
pub mod fusion;
mod hash_ids;
pub mod hybrid;
mod label;
pub mod matches;
mod passage;
mod query;
mod scaled_signal;
pub mod scored;
mod signals;
mod spelling;
mod statistics;
mod texts;
pub mod top_k;
pub mod tuning;
mod weighted_term;
mod window;
mod word_groups;
mod writings;

pub use collection::Collection;
pub use query::asked;
pub use scored::Scored;
pub use statistics::Statistics;
pub use texts::Texts;
pub use weighted_term::WeightedTerm;
