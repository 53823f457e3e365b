//! Which words of a text a query asks for, and where most of them stand: for people who want to know why it was found.

use std::collections::HashMap;

use rustc_hash::FxHashSet;

use super::WeightedTerm;
use crate::text::{Analyzer, sentences, words};

/// What a text has of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matches {
    /// The words, as the text has them but for case and accents, and the weights of their terms; heaviest first, then in the
    /// order of the text.
    pub words: Vec<(String, f64)>,
    /// The sentence whose words weigh most; of equals the first. `None` without such words.
    pub passage: Option<String>,
}

impl Matches {
    /// Of a text and the terms of a query.
    pub fn new(text: &str, terms: &[WeightedTerm]) -> Self {
        let weighty = terms.iter().filter(|term| term.weight > 0.0);
        let weights: HashMap<&str, f64> = weighty.map(|term| (&*term.text, f64::from(term.weight))).collect();
        Self {
            words: matched_words(text, &weights),
            passage: heaviest_sentence(text, &weights).map(str::to_owned),
        }
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

fn heaviest_sentence<'t>(text: &'t str, weights: &HashMap<&str, f64>) -> Option<&'t str> {
    let (mut heaviest, mut passage) = (0.0, None);
    for sentence in sentences(text) {
        let (mut seen, mut sum) = (FxHashSet::default(), 0.0);
        Analyzer::new().terms(sentence, |term| {
            if let Some((&term, weight)) = weights.get_key_value(term)
                && seen.insert(term)
            {
                sum += weight;
            }
        });
        if sum > heaviest {
            (heaviest, passage) = (sum, Some(sentence));
        }
    }
    passage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, terms: &[(&str, f32)]) -> (Vec<(String, f64)>, Option<String>) {
        let term = |&(text, weight): &(&str, f32)| WeightedTerm { text: text.to_owned(), weight };
        let terms: Vec<WeightedTerm> = terms.iter().map(term).collect();
        let Matches { words, passage } = Matches::new(text, &terms);
        (words, passage)
    }

    #[test]
    fn each_word_counts_once_the_heaviest_first() {
        let (words, passage) = matches(
            "Weather, weather, weather! Ünal  prefers tea. Tea?",
            &[("weather", 1.0), ("unal", 2.0), ("prefer", 3.0), ("tea", 1.0), ("coffe", 9.0), ("the", 0.0)],
        );
        let expected = [("prefers", 3.0), ("unal", 2.0), ("weather", 1.0), ("tea", 1.0)];
        assert_eq!(words, expected.map(|(word, weight)| (word.to_owned(), weight)));
        assert_eq!(passage.as_deref(), Some("Ünal  prefers tea."));
    }

    #[test]
    fn a_text_without_such_words_has_no_passage() {
        for text in ["", " \n", "?!", "nothing like it"] {
            assert_eq!(matches(text, &[("tea", 1.0)]), (Vec::new(), None));
        }
    }
}
