//! Which words of a text a query asks for, and where most of them stand: for people who want to know why it was found.

use std::collections::HashMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Texts, WeightedTerm, window};
use crate::text::{term_hash, words};

/// What a text has of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matches {
    /// The words, as the text has them but for case and accents, and the weights of their terms; heaviest first, then in the
    /// order of the text.
    pub words: Vec<(String, f64)>,
    /// The passage with most of the query, as the start and the end of its characters. `None` without such words.
    pub passage: Option<(usize, usize)>,
}

impl Matches {
    /// Of a text and the terms of a query.
    pub fn new(text: &str, terms: &[WeightedTerm]) -> Self {
        let weighty = || terms.iter().filter(|term| term.weight > 0.0);
        let weights = weighty().map(|term| (&*term.text, f64::from(term.weight))).collect();
        Self { words: matched_words(text, &weights), passage: passage(text, weighty()) }
    }
}

fn matched_words(text: &str, weights: &HashMap<&str, f64>) -> Vec<(String, f64)> {
    let (mut seen, mut matched) = (FxHashSet::default(), Vec::new());
    words(text, |word| {
        word.terms(|surface, term| {
            if let Some((&term, &weight)) = weights.get_key_value(term)
                && seen.insert(term)
            {
                matched.push((surface.to_owned(), weight));
            }
        });
    });
    matched.sort_by(|a, b| b.1.total_cmp(&a.1));
    matched
}

/// Short texts have passages here too.
fn passage<'t>(text: &str, terms: impl Iterator<Item = &'t WeightedTerm>) -> Option<(usize, usize)> {
    let mut texts = Texts::default();
    texts.read_as(0, text, true);
    let (text, interner) = (texts.get(0)?, texts.interner());
    let (mut numbers, mut weights) = (FxHashMap::default(), Vec::new());
    for term in terms {
        if let Some(known) = interner.number_of(term_hash(&term.text)) {
            numbers.insert(known, weights.len() as u32);
            weights.push(f64::from(term.weight));
        }
    }
    let window = window::best(text, interner, &weights, |term| numbers.get(&term).copied())?;
    let characters = text.characters(window.core);
    Some((characters.start, characters.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches<'t>(text: &'t str, terms: &[(&str, f32)]) -> (Vec<(String, f64)>, Option<&'t str>) {
        let term = |&(text, weight): &(&str, f32)| WeightedTerm { text: text.to_owned(), weight };
        let terms: Vec<WeightedTerm> = terms.iter().map(term).collect();
        let Matches { words, passage } = Matches::new(text, &terms);
        let byte = |at| text.char_indices().map(|(byte, _)| byte).nth(at).unwrap_or(text.len());
        (words, passage.map(|(start, end)| &text[byte(start)..byte(end)]))
    }

    #[test]
    fn each_word_counts_once_the_heaviest_first() {
        let (words, passage) = matches(
            "Weather, weather, weather! Ünal  prefers tea. Tea?",
            &[("weather", 1.0), ("unal", 2.0), ("prefer", 3.0), ("tea", 1.0), ("coffe", 9.0), ("the", 0.0)],
        );
        let expected = [("prefers", 3.0), ("unal", 2.0), ("weather", 1.0), ("tea", 1.0)];
        assert_eq!(words, expected.map(|(word, weight)| (word.to_owned(), weight)));
        assert_eq!(passage, Some("Weather, weather, weather! Ünal  prefers tea."));
    }

    #[test]
    fn a_text_without_such_words_has_no_passage() {
        for text in ["", " \n", "?!", "nothing like it"] {
            assert_eq!(matches(text, &[("tea", 1.0)]), (Vec::new(), None));
        }
    }
}
