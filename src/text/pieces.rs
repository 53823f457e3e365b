//! Splits a long text into pieces, of which passages are made.

use super::script::Script;
use super::sentences::sentence_len;

/// The pieces of a text, which together are the text: its sentences with the white space behind them, those cut that have more
/// than `most` bytes. A cut is made at white space if possible, and inside no word: only a piece without such a place is
/// longer. In scripts without spaces between words, any two characters are cut apart.
pub fn pieces(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let (mut sentence, mut rest) = ("", text);
    std::iter::from_fn(move || {
        if sentence.is_empty() {
            let blank = rest.len() - rest.trim_start().len();
            let end = blank + sentence_len(&rest[blank..]);
            let end = end + rest[end..].len() - rest[end..].trim_start().len();
            (sentence, rest) = rest.split_at(end);
        }
        let (piece, tail) = sentence.split_at(piece_len(sentence, most));
        sentence = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

fn piece_len(sentence: &str, most: usize) -> usize {
    if sentence.len() <= most {
        return sentence.len();
    }
    let (mut blank, mut other, mut before) = (0, 0, None);
    for (at, c) in sentence.char_indices() {
        if at > most && blank.max(other) > 0 {
            break;
        }
        match before {
            Some(before) if char::is_whitespace(before) && !c.is_whitespace() => blank = at,
            Some(before) if may_part(before, c) => other = at,
            _ => {}
        }
        before = Some(c);
    }
    match (blank, other) {
        (0, 0) => sentence.len(),
        (0, other) => other,
        (blank, _) => blank,
    }
}

/// Whether no word has both characters, one after the other.
fn may_part(before: char, after: char) -> bool {
    let unspaced = |script| matches!(script, Some(Script::Ideographic | Script::SoutheastAsian));
    let (one, other) = (Script::of(before), Script::of(after));
    one.is_some() && other.is_some() && (one != other || unspaced(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::Analyzer;

    fn split(text: &str, most: usize) -> Vec<&str> {
        pieces(text, most).collect()
    }

    #[test]
    fn pieces_are_sentences() {
        assert_eq!(split("  Who is it? Max.\n\nHe runs. ", 100), ["  Who is it? ", "Max.\n\n", "He runs. "]);
        assert_eq!(split("你好。你是谁？", 100), ["你好。", "你是谁？"]);
        assert!(split("", 1).is_empty() && split(" \n", 1) == [" \n"]);
    }

    #[test]
    fn long_sentences_are_cut_between_words() {
        assert_eq!(split("one two three four", 9), ["one two ", "three ", "four"]);
        assert_eq!(split("don't stop-now, Zoë", 4), ["don't ", "stop-now, ", "Zoë"]);
        assert_eq!(split("你好吗我很好", 9), ["你好吗", "我很好"]);
        assert_eq!(split("𠮷野家𠮷野家", 9), ["𠮷野", "家𠮷", "野家"]);
    }

    #[test]
    fn a_word_is_never_cut() {
        let word = "x".repeat(1000);
        assert_eq!(split(&word, 10), [&*word]);
        assert_eq!(split(&format!("a {word} b"), 10), ["a ", &*format!("{word} "), "b"]);
    }

    proptest! {
        #[test]
        fn they_are_the_text_and_have_its_terms(text in "(\\PC|[a-c .?'_\n]){0,80}", most in 1usize..40) {
            let split = split(&text, most);
            prop_assert_eq!(split.concat(), &*text);
            prop_assert!(split.iter().all(|piece| !piece.is_empty()));
        }

        #[test]
        fn spaced_scripts_keep_their_terms(text in "[a-cA-C .?'_\n:é-]{0,80}", most in 1usize..40) {
            let terms: Vec<String> =
                pieces(&text, most).flat_map(|piece| Analyzer::new().term_list(piece)).collect();
            prop_assert_eq!(terms, Analyzer::new().term_list(&text));
        }
    }
}
