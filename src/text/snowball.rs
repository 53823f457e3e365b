//! The English stemmer of Snowball (<https://snowballstem.org/algorithms/english/stemmer.html>), for words of the letters a to
//! z. Steps and regions have the names of that page.

use std::borrow::Cow;

/// Whether a lower-case word may have another stem than itself.
pub(super) fn may_have_stem(word: &str) -> bool {
    word.len() >= 3 && word.bytes().all(|b| b.is_ascii_lowercase())
}

/// The stem of a lower-case word by Snowball's rules.
pub(super) fn regular_stem(word: &str) -> Cow<'_, str> {
    if !may_have_stem(word) {
        return Cow::Borrowed(word);
    }
    if let Some((_, stem)) = EXCEPTIONS.iter().find(|(exception, _)| *exception == word) {
        return Cow::Borrowed(stem);
    }
    let mut stemmer = Stemmer::new(word);
    stemmer.step_1a();
    if !KEPT.iter().any(|kept| kept.as_bytes() == stemmer.letters) {
        stemmer.step_1b();
        stemmer.step_1c();
        stemmer.step_2();
        stemmer.step_3();
        stemmer.step_4();
        stemmer.step_5();
    }
    stemmer.letters.make_ascii_lowercase();
    String::from_utf8(stemmer.letters).map_or(Cow::Borrowed(word), Cow::Owned)
}

const EXCEPTIONS: [(&str, &str); 18] = [
    ("andes", "andes"),
    ("atlas", "atlas"),
    ("bias", "bias"),
    ("cosmos", "cosmos"),
    ("dying", "die"),
    ("early", "earli"),
    ("gently", "gentl"),
    ("howe", "howe"),
    ("idly", "idl"),
    ("lying", "lie"),
    ("news", "news"),
    ("only", "onli"),
    ("singly", "singl"),
    ("skies", "sky"),
    ("skis", "ski"),
    ("sky", "sky"),
    ("tying", "tie"),
    ("ugly", "ugli"),
];

/// Words that do not change after step 1a.
const KEPT: [&str; 8] = ["succeed", "proceed", "exceed", "canning", "inning", "earring", "herring", "outing"];

/// Beginnings of words after which R1 starts.
const BEGINNINGS: [&str; 3] = ["arsen", "commun", "gener"];

/// An ending and its replacement. In a list, longer endings come before the shorter ones that they end with.
type Replacement = (&'static str, &'static str);

const STEP_2: [Replacement; 22] = [
    ("ational", "ate"),
    ("fulness", "ful"),
    ("iveness", "ive"),
    ("ization", "ize"),
    ("ousness", "ous"),
    ("biliti", "ble"),
    ("lessli", "less"),
    ("tional", "tion"),
    ("alism", "al"),
    ("aliti", "al"),
    ("ation", "ate"),
    ("entli", "ent"),
    ("fulli", "ful"),
    ("iviti", "ive"),
    ("ousli", "ous"),
    ("abli", "able"),
    ("alli", "al"),
    ("anci", "ance"),
    ("ator", "ate"),
    ("enci", "ence"),
    ("izer", "ize"),
    ("bli", "ble"),
];

const STEP_3: [Replacement; 8] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("alize", "al"),
    ("icate", "ic"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ness", ""),
    ("ful", ""),
];

const STEP_4: [&str; 17] = [
    "ement", "able", "ance", "ence", "ible", "ment", "ant", "ate", "ent", "ism", "iti", "ive", "ize", "ous",
    "al", "er", "ic",
];

/// A word while it is stemmed. A `Y` is a `y` that counts as a consonant.
struct Stemmer {
    letters: Vec<u8>,
    /// The starts of the regions R1 and R2.
    r1: usize,
    r2: usize,
}

impl Stemmer {
    fn new(word: &str) -> Self {
        let mut letters = word.as_bytes().to_vec();
        for i in 0..letters.len() {
            if letters[i] == b'y' && (i == 0 || is_vowel(letters[i - 1])) {
                letters[i] = b'Y';
            }
        }
        let beginning = BEGINNINGS.iter().find(|beginning| word.starts_with(**beginning));
        let r1 = beginning.map_or_else(|| region(&letters, 0), |beginning| beginning.len());
        let r2 = region(&letters, r1);
        Self { letters, r1, r2 }
    }

    /// The start of `ending`, if the word has it.
    fn find(&self, ending: &str) -> Option<usize> {
        let (letters, ending) = (&*self.letters, ending.as_bytes());
        let start = letters.len().checked_sub(ending.len())?;
        // The last letter is compared first: it usually differs.
        (letters.last() == ending.last() && letters[start..] == *ending).then_some(start)
    }

    fn replace(&mut self, start: usize, with: &str) {
        self.letters.truncate(start);
        self.letters.extend_from_slice(with.as_bytes());
    }

    /// Finds the first ending that the word has, and replaces it if it is in R1. Returns whether an ending was found.
    fn replace_in_r1(&mut self, endings: &[Replacement]) -> bool {
        let found = endings.iter().find_map(|(ending, with)| Some((self.find(ending)?, with)));
        if let Some((start, with)) = found
            && self.r1 <= start
        {
            self.replace(start, with);
        }
        found.is_some()
    }

    fn has_vowel(&self, end: usize) -> bool {
        self.letters[..end].iter().any(|&letter| is_vowel(letter))
    }

    /// Whether the part before `end` ends with a short syllable.
    fn is_short(&self, end: usize) -> bool {
        match self.letters[..end] {
            [vowel, consonant] => is_vowel(vowel) && !is_vowel(consonant),
            [.., before, vowel, after] => {
                !is_vowel(before)
                    && is_vowel(vowel)
                    && !is_vowel(after)
                    && !matches!(after, b'w' | b'x' | b'Y')
            }
            _ => false,
        }
    }

    fn step_1a(&mut self) {
        if let Some(start) = self.find("sses") {
            self.replace(start, "ss");
        } else if let Some(start) = self.find("ied").or_else(|| self.find("ies")) {
            self.replace(start, if start < 2 { "ie" } else { "i" });
        } else if let Some(start) = self.find("s")
            && self.find("ss").is_none()
            && self.find("us").is_none()
            && start > 0
            && self.has_vowel(start - 1)
        {
            self.replace(start, "");
        }
    }

    fn step_1b(&mut self) {
        if let Some(start) = self.find("eedly").or_else(|| self.find("eed")) {
            if self.r1 <= start {
                self.replace(start, "ee");
            }
            return;
        }
        let found = ["ingly", "edly", "ing", "ed"].iter().find_map(|ending| self.find(ending));
        if let Some(start) = found
            && self.has_vowel(start)
        {
            self.replace(start, "");
            self.mend();
        }
    }

    /// Restores an "e", or removes a double consonant, after "ed" or "ing" is removed.
    fn mend(&mut self) {
        let end = self.letters.len();
        match self.letters[..] {
            [.., b'a', b't'] | [.., b'b', b'l'] | [.., b'i', b'z'] => self.replace(end, "e"),
            [.., a, b] if a == b && b"bdfgmnprt".contains(&b) => self.replace(end - 1, ""),
            _ if end == self.r1 && self.is_short(end) => self.replace(end, "e"),
            _ => {}
        }
    }

    fn step_1c(&mut self) {
        if let [_, .., before, b'y' | b'Y'] = self.letters[..]
            && !is_vowel(before)
        {
            self.replace(self.letters.len() - 1, "i");
        }
    }

    fn step_2(&mut self) {
        if self.replace_in_r1(&STEP_2) {
            return;
        }
        let (start, last) = match self.letters[..] {
            [.., b'l', b'o', b'g', b'i'] => (self.letters.len() - 3, 1),
            [.., before, b'l', b'i'] if b"cdeghkmnrt".contains(&before) => (self.letters.len() - 2, 2),
            _ => return,
        };
        if self.r1 <= start {
            self.letters.truncate(self.letters.len() - last);
        }
    }

    fn step_3(&mut self) {
        if !self.replace_in_r1(&STEP_3)
            && let Some(start) = self.find("ative")
            && self.r1 <= start
            && self.r2 <= start
        {
            self.replace(start, "");
        }
    }

    fn step_4(&mut self) {
        let ion = || self.find("ion").filter(|&start| matches!(self.letters[..start], [.., b's' | b't']));
        let found = STEP_4.iter().find_map(|ending| self.find(ending)).or_else(ion);
        if let Some(start) = found
            && self.r2 <= start
        {
            self.replace(start, "");
        }
    }

    fn step_5(&mut self) {
        let end = self.letters.len().saturating_sub(1);
        let drops = match self.letters[..] {
            [.., b'e'] => self.r2 <= end || self.r1 <= end && !self.is_short(end),
            [.., b'l', b'l'] => self.r2 <= end,
            _ => false,
        };
        if drops {
            self.replace(end, "");
        }
    }
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// The position after the first consonant that follows a vowel at or after `start`.
fn region(letters: &[u8], start: usize) -> usize {
    let after = |start: usize, vowel: bool| {
        let rest = letters.get(start..)?;
        rest.iter().position(|&letter| is_vowel(letter) == vowel).map(|at| start + at + 1)
    };
    after(start, true).and_then(|start| after(start, false)).unwrap_or(letters.len())
}

/// The endings of all steps.
#[cfg(test)]
pub(super) fn endings() -> Vec<&'static str> {
    let mut endings = vec!["", "s", "sses", "ss", "us", "ied", "ies", "eed", "eedly", "ed", "edly", "ing"];
    endings.extend(["ingly", "y", "ogi", "logi", "li", "ative", "ion", "sion", "e", "l", "ll", "at", "iz"]);
    endings.extend(STEP_2.iter().chain(&STEP_3).flat_map(|&(ending, with)| [ending, with]));
    endings.extend(STEP_4);
    endings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_stemmers::{Algorithm, Stemmer};

    use super::*;

    /// The stem according to the stemmer that Snowball's compiler generated.
    fn reference(word: &str) -> Cow<'_, str> {
        Stemmer::create(Algorithm::English).stem(word)
    }

    #[test]
    fn forms_of_an_english_word_have_one_stem() {
        for form in ["prefer", "prefers", "preferred", "preferring"] {
            assert_eq!(regular_stem(form), "prefer");
        }
    }

    #[test]
    fn words_with_other_characters_stay() {
        for word in ["server2s", "запросы", "snake_cases", ""] {
            assert_eq!(regular_stem(word), word);
        }
    }

    #[test]
    fn exceptions_are_those_of_the_reference() {
        let exceptions = EXCEPTIONS.iter().map(|(word, _)| *word).chain(KEPT).chain(BEGINNINGS);
        for word in exceptions {
            for form in ["", "s", "al", "ed", "y", "ing", "e"].map(|ending| format!("{word}{ending}")) {
                assert_eq!(regular_stem(&form), reference(&form), "{form}");
            }
        }
    }

    /// Short words over the letters that the rules distinguish, with all endings of all steps, alone and in pairs.
    #[test]
    fn every_ending_is_treated_as_by_the_reference() {
        let endings = endings();
        let beginnings =
            ["", "a", "b", "y", "ay", "by", "ba", "ab", "bab", "yyb", "baby", "abab", "babab", "eet"];
        let mut checked = 0;
        for beginning in beginnings {
            for first in &endings {
                for second in &endings {
                    let word = format!("{beginning}{first}{second}");
                    assert_eq!(regular_stem(&word), reference(&word), "{word}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 50_000, "{checked}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn any_word_is_treated_as_by_the_reference(word in "[a-z]{0,4}[aeiouyslt]{0,4}[a-z]{0,8}|[abey]{1,9}") {
            prop_assert_eq!(regular_stem(&word), reference(&word));
        }
    }
}
