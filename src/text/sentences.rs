//! Splits a query into sentences, which are ranked separately.

use unicode_normalization::char::is_combining_mark;

/// The sentences of a text, without blank ones. A sentence ends at a line break; at a `?`, `!`, `;` or `:` before white space; at
/// a `.` before white space that does not look like an abbreviation; and at the full stops of Chinese, Arabic and Indic
/// scripts.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (sentence, tail) = rest.split_at(sentence_len(rest));
        rest = tail;
        (!sentence.is_empty()).then_some(sentence)
    })
    .map(str::trim)
    .filter(|sentence| !sentence.is_empty())
}

/// Whether a sentence ends with a question mark. Quotes, brackets and asterisks may follow the mark.
pub fn is_question(sentence: &str) -> bool {
    sentence
        .trim_end_matches(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '”' | '»' | ')' | ']' | '*')
        })
        .ends_with(['?', '？', '؟', '\u{37E}'])
}

/// The length of the sentence that `text` begins with, 0 if `text` is empty.
pub(super) fn sentence_len(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    // Letters and digits in a row.
    let mut letters = 0;
    let mut before = '\0';
    while let Some((at, c)) = chars.next() {
        if c.is_ascii_alphanumeric() {
            (letters, before) = (letters + 1, c);
            continue;
        }
        let blank_follows = chars.peek().is_some_and(|(_, next)| next.is_whitespace());
        let ends = match c {
            '\n' | '。' | '？' | '！' | '؟' | '।' | '；' => true,
            '?' | '!' | ';' | ':' => blank_follows,
            '.' => blank_follows && (letters >= 3 || matches!(before, ')' | ']' | '"' | '\'' | '”')),
            _ => false,
        };
        if ends {
            return at + c.len_utf8();
        }
        letters = if c.is_alphanumeric() || is_combining_mark(c) { letters + 1 } else { 0 };
        before = c;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).collect()
    }

    #[test]
    fn sentences_end_at_punctuation_before_white_space() {
        assert_eq!(
            split("Who is it? Bob; or so: Max.  v1.5 runs! (Yes.) It does (now). End"),
            ["Who is it?", "Bob;", "or so:", "Max.", "v1.5 runs!", "(Yes.) It does (now).", "End"]
        );
    }

    #[test]
    fn initials_and_short_abbreviations_end_no_sentence() {
        assert_eq!(split("Ask Dr. J. Smith, e.g. by mail."), ["Ask Dr. J. Smith, e.g. by mail."]);
    }

    #[test]
    fn a_line_break_ends_a_sentence() {
        assert_eq!(split("first\nsecond\n\nthird"), ["first", "second", "third"]);
    }

    #[test]
    fn full_stops_of_other_scripts_need_no_white_space() {
        assert_eq!(split("你好。你是谁？好！"), ["你好。", "你是谁？", "好！"]);
        assert_eq!(split("यह है।वह है"), ["यह है।", "वह है"]);
    }

    #[test]
    fn blank_text_has_no_sentences() {
        assert!(split("").is_empty());
        assert!(split(" \n\n \t").is_empty());
    }

    #[test]
    fn questions_end_in_a_question_mark() {
        for question in ["Who?", "\"Who?\" ", "**Who?**", "谁？", "من؟"] {
            assert!(is_question(question), "{question}");
        }
        for other in ["Who", "Who? Me.", "", ")"] {
            assert!(!is_question(other), "{other}");
        }
    }
}
