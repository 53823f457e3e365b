//! A word of a text, with properties that its terms do not have.

use std::borrow::Cow;

use super::analyzer_cache::{self, AnalyzerCache};
use super::cut::{MAX_TERM_BYTES, beginning};
use super::script::Script;
use super::stem::stem;
use super::surfaces::surfaces;
use super::{fold, snowball, stopwords};

/// A word: a run of one script in the analyzer's spelling, but not case-folded; or a compound, see `compound.rs`.
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

impl<'a> Word<'a> {
    pub(super) fn new(script: Script, run: &'a str) -> Self {
        Self { run, script, joined: false, parts: 0, plain: false }
    }

    /// A word of the letters a to z.
    pub(super) fn plain(run: &'a str) -> Self {
        Self { plain: true, ..Self::new(Script::Word, run) }
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
            return emit(surface, &stem(surface));
        }
        if self.plain {
            let surface = beginning(self.run, MAX_TERM_BYTES);
            return stemmed(surface, |term| emit(surface, term));
        }
        surfaces(self.script, self.run, &mut |surface| stemmed(surface, |term| emit(surface, term)));
    }
}

/// Calls `emit` with the stem of a folded word. Those of words of the letters a to z are cached: it takes longer to stem them.
pub(super) fn stemmed(surface: &str, mut emit: impl FnMut(&str)) {
    if !snowball::may_have_stem(surface) {
        return emit(surface);
    }
    AnalyzerCache::with(&analyzer_cache::STEMS, |cache| {
        cache.terms(surface, |word, emit| emit(&stem(word)), &mut emit);
    });
}
