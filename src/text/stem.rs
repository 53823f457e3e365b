//! English stems by Snowball (<https://snowballstem.org/algorithms/english/stemmer.html>).

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

/// The stem of a lower-case word. Only words of ASCII letters have one: the rules know no others.
pub(super) fn stem(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|b| b.is_ascii_lowercase()) {
        Stemmer::create(Algorithm::English).stem(word)
    } else {
        Cow::Borrowed(word)
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn forms_of_an_english_word_meet() {
        for form in ["prefer", "prefers", "preferred", "preferring"] {
            assert_eq!(stem(form), "prefer");
        }
    }

    #[test]
    fn what_is_no_plain_word_stays() {
        for word in ["server2s", "запросы", "snake_cases", ""] {
            assert_eq!(stem(word), word);
        }
    }
}
