//! Splits texts into chunks and chunks into words.

use super::script::Script;

/// English clitics, which are dropped after an apostrophe: "Alice's", "don't", "we'll".
const CLITICS: [&str; 7] = ["s", "t", "d", "m", "ll", "re", "ve"];

/// The chunks of a text: its pieces between ASCII characters that separate words. A chunk has any number of words. No word is in
/// two chunks.
pub(super) fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|&b| joins_words(b) && b != b'\'')?;
        let len = bytes[start..].iter().position(|&b| !joins_words(b));
        at = len.map_or(bytes.len(), |len| start + len);
        Some(text[start..at].trim_end_matches('\''))
    })
}

/// True for letters, digits, underscore and apostrophe, and for every byte of a non-ASCII character.
#[inline]
fn joins_words(b: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut b = 0u8;
        loop {
            table[b as usize] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'\'') || !b.is_ascii();
            if b == u8::MAX {
                break table;
            }
            b += 1;
        }
    };
    TABLE[b as usize]
}

/// The runs of one script in a chunk, without clitics. The chunk has its spelling folded.
pub(super) fn runs(chunk: &str) -> impl Iterator<Item = (Script, &str)> {
    let mut rest = chunk;
    let mut before = Before::Nothing;
    std::iter::from_fn(move || {
        while let Some(first) = rest.chars().next() {
            let Some(script) = Script::of(first) else {
                rest = &rest[first.len_utf8()..];
                before = before.and(first);
                continue;
            };
            let (run, tail) = rest.split_at(script.run_len(rest));
            rest = tail;
            let clitic = before == Before::Apostrophe && is_clitic(run);
            before = Before::Word;
            if !clitic {
                return Some((script, run));
            }
        }
        None
    })
}

/// What directly precedes a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Word,
    /// A word and an apostrophe.
    Apostrophe,
}

impl Before {
    fn and(self, separator: char) -> Self {
        if self == Self::Word && separator == '\'' { Self::Apostrophe } else { Self::Nothing }
    }
}

fn is_clitic(run: &str) -> bool {
    CLITICS.iter().any(|clitic| run.eq_ignore_ascii_case(clitic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(chunk: &str) -> Vec<&str> {
        runs(chunk).map(|(_, run)| run).collect()
    }

    #[test]
    fn chunks_end_at_ascii_blanks_and_punctuation() {
        let text = "'Don't', she said: a-b_c\t(“x” 手机，好) ''";
        assert_eq!(chunks(text).collect::<Vec<_>>(), ["Don't", "she", "said", "a", "b_c", "“x”", "手机，好"]);
    }

    #[test]
    fn clitics_are_dropped_but_names_stay() {
        assert_eq!(words("Alice's"), ["Alice"]);
        assert_eq!(words("DON'T"), ["DON"]);
        assert_eq!(words("y'all'd've"), ["y", "all"]);
        assert_eq!(words("O'Brien"), ["O", "Brien"]);
        assert_eq!(words("x''s"), ["x", "s"]);
    }

    #[test]
    fn a_change_of_script_ends_a_word() {
        assert_eq!(words("iPhone手机2台"), ["iPhone", "手机", "2", "台"]);
        assert_eq!(words("삼성SDS"), ["삼성", "SDS"]);
        assert_eq!(words("ok👍🚀"), ["ok", "👍", "🚀"]);
    }
}
