//! Text in, terms out: the one analyzer for records and queries.
//!
//! What two texts share as terms is all that search knows of them, so FTS5 and the indexes in memory are fed by
//! this module alone. The way of a text:
//!
//! 1. `tokenizer` cuts it into chunks at ASCII blanks and punctuation; `analyzer_cache` knows most chunks already.
//! 2. `fold` brings a chunk to one spelling (NFKC, no diacritics), its case still there for the identifiers.
//! 3. `script` and `tokenizer` cut it into runs of one kind of script, each with its own terms:
//!    words and their `identifier` parts are case-folded and stemmed (`stem`); scripts without spaces give `grams`.
//!
//! Terms hold ASCII lower-case letters and digits, `_`, and non-ASCII characters, at most [`MAX_TERM_BYTES`] bytes:
//! joined by blanks they pass FTS5's `ascii` tokenizer with `tokenchars '_'` unchanged.

mod analyzer_cache;
mod bag;
mod fold;
mod grams;
mod identifier;
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

pub use bag::Bag;
pub use grams::word_grams;
pub use sentences::{is_question, sentences};
pub use stopwords::{is_particle, is_stop_term, is_stopword};
pub use term_interner::{TermInterner, term_hash};
pub use words::words;

/// Version of the terms that texts have. Records that were indexed under another version are indexed again.
pub const ANALYZER_VERSION: u32 = 1;

/// Hash of the terms of sample texts under [`ANALYZER_VERSION`]; a test compares it.
#[cfg(test)]
const TERMS_FINGERPRINT: u64 = 0x33e4_d0ea_ecb5_121c;

/// Longest term in bytes; longer words are cut.
pub const MAX_TERM_BYTES: usize = 64;

/// Turns text into terms, in linear time, any text there is.
///
/// "Zoë's parsers: parseJson" has the terms "zoe", "parser", "parsejson", "pars" and "json".
#[derive(Debug, Clone, Copy, Default)]
pub struct Analyzer;

impl Analyzer {
    /// An analyzer; it holds nothing, so make one wherever it is needed.
    pub fn new() -> Self {
        Self
    }

    /// Hands every term of `text` to `emit`: in order, with repeats, stop words included.
    pub fn terms(&self, text: &str, mut emit: impl FnMut(&str)) {
        AnalyzerCache::with(&analyzer_cache::TERMS, |cache| {
            for chunk in tokenizer::chunks(text) {
                cache.terms(chunk, terms_of_chunk, &mut emit);
            }
        });
    }

    /// As [`Analyzer::terms`], without the terms of stop words.
    pub fn keywords(&self, text: &str, mut emit: impl FnMut(&str)) {
        AnalyzerCache::with(&analyzer_cache::KEYWORDS, |cache| {
            for chunk in tokenizer::chunks(text) {
                cache.terms(chunk, keywords_of_chunk, &mut emit);
            }
        });
    }

    /// The terms of `text` as a list.
    pub fn term_list(&self, text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        self.terms(text, |term| terms.push(term.to_owned()));
        terms
    }
}

/// The first `bytes` of `text`, or a little less so as not to cut a character.
pub fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// `text`, or if it has more than `bytes` about half as many of its beginning and of its end, where most is asked.
pub fn both_ends(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let start = text.len() - bytes / 2;
    let end = (start..=text.len()).find_map(|start| text.get(start..)).unwrap_or_default();
    Cow::Owned([beginning(text, bytes / 2), end].join("\n"))
}

/// Analyzes one chunk from scratch.
fn terms_of_chunk(chunk: &str, emit: &mut dyn FnMut(&str)) {
    for (script, run) in tokenizer::runs(&fold::spelling(chunk)) {
        surfaces(script, run, &mut |surface| emit(&stem::stem(surface)));
    }
}

fn keywords_of_chunk(chunk: &str, emit: &mut dyn FnMut(&str)) {
    words::words_of_chunk(chunk, |word| {
        word.terms(|surface, term| {
            if !is_stopword(surface) {
                emit(term);
            }
        });
    });
}

/// Emits the terms of a run before stemming.
fn surfaces(script: Script, run: &str, emit: &mut dyn FnMut(&str)) {
    match script {
        Script::Word => identifier::surfaces(run, emit),
        Script::Ideographic => {
            grams::grams(run, 1, emit);
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
