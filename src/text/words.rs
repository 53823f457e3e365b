//! The words of a query with properties that their terms do not have.

use std::borrow::Cow;

use super::analyzer_cache::{self, AnalyzerCache};
use super::script::Script;
use super::{Analyzer, MAX_TERM_BYTES, beginning, compound, fold, stem, stopwords, surfaces, tokenizer};

/// A word: a run of one script in the analyzer's spelling, but not case-folded; or a compound, see [`compound`].
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    run: &'a str,
    script: Script,
    /// Whether punctuation joins it.
    joined: bool,
    /// How many of the words after it are its parts.
    parts: usize,
    /// Whether it consists of the letters a to z, as most words do. What is true of the others need not be asked of it.
    plain: bool,
}

/// Calls `emit` with every word of `text`, in order. The terms of the words are the terms of the text.
pub fn words(text: &str, mut emit: impl FnMut(Word<'_>)) {
    tokenizer::each_chunk(text, |chunk| words_of_chunk(chunk, &mut emit));
}

pub(super) fn words_of_chunk(chunk: &str, mut emit: impl FnMut(Word<'_>)) {
    if chunk.bytes().all(|b| b.is_ascii_lowercase()) {
        return emit(Word { plain: true, ..Word::new(Script::Word, chunk) });
    }
    let spelling = fold::spelling(chunk);
    if compound::may_join(&spelling) {
        return compound::words(&spelling, emit);
    }
    for run in tokenizer::runs(&spelling) {
        emit(Word::new(run.script, run.text));
    }
}

impl<'a> Word<'a> {
    pub(super) fn new(script: Script, run: &'a str) -> Self {
        Self { run, script, joined: false, parts: 0, plain: false }
    }

    /// A compound whose parts follow it.
    pub(super) fn compound(whole: &'a str, parts: usize) -> Self {
        Self { run: whole, script: Script::Word, joined: true, parts, plain: false }
    }
}

impl Word<'_> {
    /// Whether it begins with a capital.
    pub fn is_capitalized(&self) -> bool {
        !self.plain && self.run.trim_start_matches('_').starts_with(char::is_uppercase)
    }

    /// Whether it begins with a lower-case letter.
    pub fn is_lower_case(&self) -> bool {
        self.run.trim_start_matches('_').starts_with(char::is_lowercase)
    }

    /// Whether its case shows that it is no stop word although it is spelled like one: IT, US, vitamin D, The Who, Will, May.
    /// `leads` says whether it is the first word of its sentence. Capitals in other words are taken for emphasis.
    pub fn is_never_stopped(&self, leads: bool) -> bool {
        if self.plain {
            return false;
        }
        let mut letters = self.run.chars();
        let capital = letters.next().is_some_and(char::is_uppercase);
        match self.run {
            "IT" | "US" => true,
            "I" | "A" => false,
            _ if leads || !capital => false,
            "WHO" => true,
            run if run.len() == 1 => true,
            run => letters.all(char::is_lowercase) && stopwords::may_be_name(&run.to_lowercase()),
        }
    }

    /// The whole word, case-folded.
    pub fn folded(&self) -> Cow<'_, str> {
        if self.plain {
            return Cow::Borrowed(self.run);
        }
        let mut folded = String::with_capacity(self.run.len());
        fold::case(self.run.trim_matches('_'), &mut folded);
        Cow::Owned(folded)
    }

    /// Whether its script has spaces between words, so that the beginnings and endings of words have a meaning. Those of a compound
    /// are those of its parts.
    pub fn has_grams(&self) -> bool {
        matches!(self.script, Script::Word | Script::Hangul) && self.parts == 0
    }

    /// How many of the words after it are its parts. 0 if it is no compound.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Whether it is a compound that names one thing, so that its parts alone say little: a ticket, a version, an address, a
    /// name with symbols. "3-bedroom" is none.
    pub fn is_identifier(&self) -> bool {
        let counted = self.run.trim_start_matches(|c: char| c.is_ascii_digit());
        let counts =
            counted.len() < self.run.len() && counted.len() > 2 && counted.chars().all(char::is_lowercase);
        self.parts == 1
            || self.parts > 1 && self.run.contains(|c: char| c.is_ascii_digit() || c == '_') && !counts
    }

    /// The letters and the digits of "RTX4090", "GPT4o" and "10kg", which are often written apart.
    pub fn letters_and_digits(&self) -> Option<(&str, &str)> {
        if self.plain {
            return None;
        }
        let is_digit = |c: char| c.is_ascii_digit();
        let starts_with_digit = self.run.starts_with(is_digit);
        let border = self.run.find(|c| is_digit(c) != starts_with_digit)?;
        let (first, second) = self.run.split_at(border);
        let letters =
            |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_alphabetic());
        let apart = if starts_with_digit {
            letters(second, 3) && !matches!(&*second.to_ascii_lowercase(), "s" | "st" | "nd" | "rd" | "th")
        } else {
            letters(first, 8) && letters(second.trim_start_matches(is_digit), 2)
        };
        (apart && !self.joined && self.run.len() > 2).then_some((first, second))
    }

    /// Calls `emit` with each of its terms: case-folded, and then stemmed too.
    pub fn terms(&self, mut emit: impl FnMut(&str, &str)) {
        if self.joined {
            let folded = self.folded();
            let surface = beginning(&folded, MAX_TERM_BYTES);
            return emit(surface, &stem::stem(surface));
        }
        if self.plain {
            let surface = beginning(self.run, MAX_TERM_BYTES);
            return stemmed(surface, |term| emit(surface, term));
        }
        surfaces(self.script, self.run, &mut |surface| stemmed(surface, |term| emit(surface, term)));
    }
}

/// Calls `emit` with the stem of a folded word. Those of words of the letters a to z are cached: it takes longer to stem them.
fn stemmed(surface: &str, mut emit: impl FnMut(&str)) {
    if !stem::may_have_stem(surface) {
        return emit(surface);
    }
    AnalyzerCache::with(&analyzer_cache::STEMS, |cache| {
        cache.terms(surface, |word, emit| emit(&stem::stem(word)), &mut emit);
    });
}

/// The term of two folded words that are written as one; `None` if they are several terms together.
pub fn joined(first: &str, second: &str) -> Option<String> {
    let word = [first, second].concat();
    if stem::may_have_stem(&word) && word.len() <= MAX_TERM_BYTES {
        let mut found = None;
        stemmed(&word, |term| found = Some(term.to_owned()));
        return found;
    }
    let mut terms = Analyzer::new().term_list(&word);
    terms.pop().filter(|_| terms.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_analyzer_agree() {
        let text = "Zoë's _parseJSON runs; 上司の手机 삼성전자 ภาษาไทย 👍 don't";
        let mut terms = Vec::new();
        words(text, |word| word.terms(|_, term| terms.push(term.to_owned())));
        assert_eq!(terms, Analyzer::new().term_list(text));
    }

    proptest! {
        #[test]
        fn joined_words_are_analyzed_as_one(words in prop::collection::vec("[a-z]{1,40}|[a-zé0-9]{1,5}|上?手", 2)) {
            let terms = Analyzer::new().term_list(&words.concat());
            let expected = (terms.len() == 1).then(|| terms[0].clone());
            prop_assert_eq!(joined(&words[0], &words[1]), expected);
        }
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
