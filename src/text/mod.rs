//! Text in, terms out: the analyzer, which is the same for records and queries.
//!
//! Search knows texts by their terms only. FTS5 and the index get all terms from this module. A text is analyzed in these
//! steps:
//!
//! 1. `tokenizer` splits it into chunks at blanks and punctuation. `analyzer_cache` knows the terms of most chunks.
//! 2. `fold` gives a chunk one spelling (NFKC, no diacritics). The case stays, because `identifier` needs it.
//! 3. `tokenizer` splits a chunk into runs of one `script`, and `compound` joins those that belong together. Words and the parts
//!    of identifiers (`identifier`) are case-folded and stemmed (`stem`: `snowball` and `irregular`). Scripts without spaces between words give
//!    n-grams (`grams`).
//!
//! Terms contain ASCII lower-case letters and digits, `_`, and non-ASCII characters, and have at most [`cut::MAX_TERM_BYTES`]
//! bytes. FTS5's tokenizer `ascii` with `tokenchars '_'` leaves them as they are when they are joined by blanks.

mod ambiguous;
mod analyzer;
mod analyzer_cache;
mod background;
mod bag;
mod compound;
pub mod cut;
mod fold;
mod grams;
mod identifier;
mod irregular;
mod joined;
mod pieces;
mod script;
mod sentences;
mod snowball;
mod stem;
mod stopwords;
mod surfaces;
mod term_interner;
#[cfg(test)]
pub mod tests;
mod tokenizer;
mod word;
mod words;

pub use ambiguous::ambiguous_stems;
pub use analyzer::Analyzer;
pub use background::rarity;
pub use bag::Bag;
pub use cut::both_ends;
pub use grams::word_grams;
pub use joined::joined;
pub use pieces::pieces;
pub use sentences::{is_question, sentences};
pub use stopwords::{is_particle, is_stop_term, is_stopword};
pub use term_interner::{TermInterner, term_hash};
pub use word::Word;
pub use words::words;

pub(crate) use fold::spelling;
pub(crate) use tokenizer::each_chunk;

/// The version of the analyzer. Records that were indexed by another version are indexed again.
pub const ANALYZER_VERSION: u32 = 3;

/// Hash of the terms of sample texts under [`ANALYZER_VERSION`]; a test compares it.
#[cfg(test)]
const TERMS_FINGERPRINT: u64 = 0x30cb_f503_2499_644d;
