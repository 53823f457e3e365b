//! Two words that are written as one.

use super::analyzer::Analyzer;
use super::cut::MAX_TERM_BYTES;
use super::snowball::may_have_stem;
use super::word::stemmed;

/// The term of two folded words that are written as one; `None` if they are several terms together.
pub fn joined(first: &str, second: &str) -> Option<String> {
    let word = [first, second].concat();
    if may_have_stem(&word) && word.len() <= MAX_TERM_BYTES {
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

    proptest! {
        #[test]
        fn joined_words_are_analyzed_as_one(words in prop::collection::vec("[a-z]{1,40}|[a-zé0-9]{1,5}|上?手", 2)) {
            let terms = Analyzer::new().term_list(&words.concat());
            let expected = (terms.len() == 1).then(|| terms[0].clone());
            prop_assert_eq!(joined(&words[0], &words[1]), expected);
        }
    }
}
