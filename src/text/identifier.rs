//! Identifiers in code. They are found as a whole and by their parts.

use super::cut::{MAX_TERM_BYTES, beginning};
use super::fold;

/// Calls `emit` with the folded word, then with the parts of `snake_case`, `camelCase`, `PascalCase` and `HTTPServer2`.
pub(super) fn surfaces(word: &str, emit: &mut dyn FnMut(&str)) {
    let word = word.trim_matches('_');
    if word.is_empty() {
        return;
    }
    if is_plain(word) {
        return match word.as_bytes()[0].is_ascii_lowercase() {
            true => emit(beginning(word, MAX_TERM_BYTES)),
            false => emit(beginning(&word.to_ascii_lowercase(), MAX_TERM_BYTES)),
        };
    }
    let mut folded = String::with_capacity(word.len());
    let mut surface = |part: &str| {
        folded.clear();
        fold::case(part, &mut folded);
        emit(beginning(&folded, MAX_TERM_BYTES));
    };
    surface(word);
    if parts(word).nth(1).is_some() {
        parts(word).for_each(surface);
    }
}

/// Whether a word consists of ASCII letters that are lower case after the first. Most words do; they have one part.
fn is_plain(word: &str) -> bool {
    word.as_bytes()
        .split_first()
        .is_some_and(|(first, rest)| first.is_ascii_alphabetic() && rest.iter().all(u8::is_ascii_lowercase))
}

/// Splits at underscores and where the case shows that a word starts: before the B of `aB`, `1B` and `ABc`.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    word.split('_').flat_map(humps).filter(|part| !part.is_empty())
}

fn humps(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let (hump, tail) = rest.split_at(hump_len(rest));
        rest = tail;
        (!hump.is_empty()).then_some(hump)
    })
}

fn hump_len(word: &str) -> usize {
    let mut chars = word.char_indices().peekable();
    let mut before = None;
    while let Some((at, c)) = chars.next() {
        let starts_word = c.is_uppercase()
            && before.is_some_and(|before: char| {
                let next_is_lower = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
                before.is_lowercase() || before.is_numeric() || before.is_uppercase() && next_is_lower
            });
        if starts_word {
            return at;
        }
        before = Some(c);
    }
    word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(word: &str) -> Vec<&str> {
        parts(word).collect()
    }

    #[test]
    fn borders_are_underscores_and_changes_of_case() {
        assert_eq!(split("max_retry__count"), ["max", "retry", "count"]);
        assert_eq!(split("getUserName"), ["get", "User", "Name"]);
        assert_eq!(split("HTTPServer2"), ["HTTP", "Server2"]);
        assert_eq!(split("utf8Decoder"), ["utf8", "Decoder"]);
        assert_eq!(split("ÜberGröße"), ["Über", "Größe"]);
    }

    #[test]
    fn a_plain_word_is_one_part() {
        for word in ["word", "Word", "WORD", "word2", "слово"] {
            assert_eq!(split(word), [word]);
            let mut found = Vec::new();
            surfaces(word, &mut |surface| found.push(surface.to_owned()));
            assert_eq!(found, [word.to_lowercase()]);
        }
    }
}
