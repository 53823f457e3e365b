//! The words of a text.

use super::word::Word;
use super::{compound, fold, tokenizer};

/// Calls `emit` with every word of `text`, in order. The terms of the words are the terms of the text.
pub fn words(text: &str, mut emit: impl FnMut(Word<'_>)) {
    tokenizer::each_chunk(text, |chunk| words_of_chunk(chunk, &mut emit));
}

pub(super) fn words_of_chunk(chunk: &str, mut emit: impl FnMut(Word<'_>)) {
    if chunk.bytes().all(|b| b.is_ascii_lowercase()) {
        return emit(Word::plain(chunk));
    }
    let spelling = fold::spelling(chunk);
    if compound::may_join(&spelling) {
        return compound::words(&spelling, emit);
    }
    for run in tokenizer::runs(&spelling) {
        emit(Word::new(run.script, run.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Analyzer;

    #[test]
    fn words_and_analyzer_agree() {
        let text = "Zoë's _parseJSON runs; 上司の手机 삼성전자 ภาษาไทย 👍 don't";
        let mut terms = Vec::new();
        words(text, |word| word.terms(|_, term| terms.push(term.to_owned())));
        assert_eq!(terms, Analyzer::new().term_list(text));
    }

    #[test]
    fn a_word_knows_its_case_and_its_surface() {
        let mut seen = Vec::new();
        words("Parsing _Über 手机", |word| {
            word.terms(|surface, term| {
                seen.push((word.is_capitalized(), word.has_grams(), surface.to_owned(), term.to_owned()));
            });
        });
        let expected = [
            (true, true, "parsing", "pars"),
            (true, true, "uber", "uber"),
            (false, false, "手", "手"),
            (false, false, "机", "机"),
            (false, false, "手机", "手机"),
        ];
        assert_eq!(seen, expected.map(|(a, b, c, d)| (a, b, c.to_owned(), d.to_owned())));
    }
}
