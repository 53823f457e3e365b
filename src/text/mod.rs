//! Text in, terms out: the analyzer, which is the same for records and queries.
//!
//! Search knows texts by their terms only. FTS5 and the index get all terms from this module. A text is analyzed in these
//! steps:
//!
//! 1. `tokenizer` splits it into chunks at blanks and punctuation. `analyzer_cache` knows the terms of most chunks.
//! 2. `fold` gives a chunk one spelling (NFKC, no diacritics). The case stays, because `identifier` needs it.
//! 3. `tokenizer` splits a chunk into runs of one `script`, and `compound` joins those that belong together. Words and the parts
//!    of identifiers (`identifier`) are case-folded and stemmed (`stem`, `irregular`). Scripts without spaces between words give
//!    n-grams (`grams`).
//!
//! Terms contain ASCII lower-case letters and digits, `_`, and non-ASCII characters, and have at most [`MAX_TERM_BYTES`]
//! bytes. FTS5's tokenizer `ascii` with `tokenchars '_'` leaves them as they are when they are joined by blanks.

mod analyzer_cache;
mod background;
mod bag;
mod compound;
mod fold;
mod grams;
mod identifier;
mod irregular;
mod pieces;
mod script;
mod sentences;
mod stem;
mod stopwords;
mod term_interner;
#[cfg(test)]
pub mod tests;
mod tokenizer;
mod words;

use std::borrow::Cow;

use analyzer_cache::AnalyzerCache;
use script::Script;

pub use background::rarity;
pub use bag::Bag;
pub use grams::word_grams;
pub use irregular::ambiguous_stems;
pub use pieces::pieces;
pub use sentences::{is_question, sentences};
pub use stopwords::{is_particle, is_stop_term, is_stopword};
pub use term_interner::{TermInterner, term_hash};
pub use words::{Word, joined, words};

pub(crate) use fold::spelling;
pub(crate) use tokenizer::each_chunk;

/// The version of the analyzer. Records that were indexed by another version are indexed again.
pub const ANALYZER_VERSION: u32 = 3;

/// Hash of the terms of sample texts under [`ANALYZER_VERSION`]; a test compares it.
#[cfg(test)]
const TERMS_FINGERPRINT: u64 = 0x30cb_f503_2499_644d;

/// The most bytes of a term. Longer words are cut.
pub const MAX_TERM_BYTES: usize = 64;

/// Turns any text into terms, in linear time.
///
/// "Zoë's parsers: parseJson" has the terms "zoe", "parser", "parsejson", "pars" and "json".
#[derive(Debug, Clone, Copy, Default)]
pub struct Analyzer;

impl Analyzer {
    /// An analyzer. It has no state, so a new one costs nothing.
    pub fn new() -> Self {
        Self
    }

    /// Calls `emit` with every term of `text`, in order, repeats and stop words included.
    pub fn terms(&self, text: &str, mut emit: impl FnMut(&str)) {
        AnalyzerCache::with(&analyzer_cache::TERMS, |cache| {
            each_chunk(text, |chunk| cache.terms(chunk, terms_of_chunk, &mut emit));
        });
    }

    /// The terms of `text` as a list.
    pub fn term_list(&self, text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        self.terms(text, |term| terms.push(term.to_owned()));
        terms
    }
}

/// The first `bytes` of `text`, or up to three fewer so that no character is cut.
pub fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// `text`; if it has more than `bytes`, its beginning and its end, each with about half as many bytes. The ends of a long query
/// usually say what is asked.
pub fn both_ends(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let start = text.len() - bytes / 2;
    let end = (start..=text.len()).find_map(|start| text.get(start..)).unwrap_or_default();
    Cow::Owned([beginning(text, bytes / 2), end].join("\n"))
}

/// Analyzes a chunk without the cache.
fn terms_of_chunk(chunk: &str, emit: &mut dyn FnMut(&str)) {
    words::words_of_chunk(chunk, |word| word.terms(|_, term| emit(term)));
}

/// Calls `emit` with the terms of a run before they are stemmed.
fn surfaces(script: Script, run: &str, emit: &mut dyn FnMut(&str)) {
    match script {
        Script::Word => identifier::surfaces(run, emit),
        Script::Ideographic => {
            grams::grams(run, 1, &mut |gram| {
                if !script::is_kana_modifier(gram) {
                    emit(gram);
                }
            });
            grams::grams(run, 2, emit);
        }
        Script::Hangul => {
            let whole = run.len() <= MAX_TERM_BYTES;
            if whole {
                emit(run);
            }
            if !whole || run.chars().nth(2).is_some() {
                grams::grams(run, 2, emit);
            }
        }
        Script::SoutheastAsian if run.chars().nth(3).is_some() => grams::grams(run, 3, emit),
        Script::SoutheastAsian | Script::Emoji => emit(run),
    }
}
