//! The words of a query with properties that their terms do not have.

use super::script::Script;
use super::{fold, stem, surfaces, tokenizer};

/// A word: a run of one script in the analyzer's spelling, but not case-folded.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    run: &'a str,
    script: Script,
}

/// Calls `emit` with every word of `text`, in order. The terms of the words are the terms of the text.
pub fn words(text: &str, mut emit: impl FnMut(Word<'_>)) {
    tokenizer::chunks(text).for_each(|chunk| words_of_chunk(chunk, &mut emit));
}

pub(super) fn words_of_chunk(chunk: &str, mut emit: impl FnMut(Word<'_>)) {
    for (script, run) in tokenizer::runs(&fold::spelling(chunk)) {
        emit(Word { run, script });
    }
}

impl Word<'_> {
    /// Whether it begins with a capital.
    pub fn is_capitalized(&self) -> bool {
        self.run.trim_start_matches('_').starts_with(char::is_uppercase)
    }

    /// Whether its case shows that it is no stop word although it is spelled like one: IT, US, vitamin D, Will, May. `leads`
    /// says whether it is the first word of its sentence. Capitals in other words are taken for emphasis.
    pub fn is_never_stopped(&self, leads: bool) -> bool {
        match self.run {
            "IT" | "US" => true,
            "I" | "A" => false,
            "Will" | "May" | "WHO" => !leads,
            run => !leads && run.len() == 1 && run.chars().all(char::is_uppercase),
        }
    }

    /// The whole word, case-folded.
    pub fn folded(&self) -> String {
        let mut folded = String::with_capacity(self.run.len());
        fold::case(self.run.trim_matches('_'), &mut folded);
        folded
    }

    /// Whether its script has spaces between words, so that the beginnings and endings of words have a meaning.
    pub fn is_spaced(&self) -> bool {
        matches!(self.script, Script::Word | Script::Hangul)
    }

    /// Calls `emit` with each of its terms: case-folded, and then stemmed too.
    pub fn terms(&self, mut emit: impl FnMut(&str, &str)) {
        surfaces(self.script, self.run, &mut |surface| emit(surface, &stem::stem(surface)));
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
                seen.push((word.is_capitalized(), word.is_spaced(), surface.to_owned(), term.to_owned()));
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
