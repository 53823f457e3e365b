//! Text in, terms out.

use super::analyzer_cache::{self, AnalyzerCache};
use super::tokenizer::each_chunk;
use super::words::words_of_chunk;

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

/// Analyzes a chunk without the cache.
fn terms_of_chunk(chunk: &str, emit: &mut dyn FnMut(&str)) {
    words_of_chunk(chunk, |word| word.terms(|_, term| emit(term)));
}
