//! Splits texts into chunks and chunks into words.

use std::ops::Range;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::script::Script;

/// English clitics, which are dropped after an apostrophe: "Alice's", "we'll".
const CLITICS: [&str; 7] = ["s", "t", "d", "m", "ll", "re", "ve"];

/// What stands before "'t" in contractions of "not". They are the word "not": "isn't vegetarian", "won't".
const NEGATED: [&str; 18] = [
    "ain", "aren", "can", "couldn", "didn", "doesn", "don", "hadn", "hasn", "haven", "isn", "mustn", "needn",
    "shouldn", "wasn", "weren", "won", "wouldn",
];

/// Calls `visit` with the chunks of a text: its pieces between blanks and the punctuation that separates words. A chunk has any
/// number of words. No word is in two chunks. They are in NFC, so equivalent texts have equal chunks.
pub(crate) fn each_chunk(text: &str, visit: impl FnMut(&str)) {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return chunks(text).for_each(visit);
    }
    chunks(&text.nfc().collect::<String>()).for_each(visit);
}

fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = at + bytes[at..].iter().position(|&b| joins_words(b) && b != b'\'')?;
        at = run_end(bytes, first);
        while is_joint(bytes, at) {
            at = run_end(bytes, at + 1);
        }
        let start = first - usize::from(follows_dot(bytes, first));
        match symbol_len(bytes, first, at) {
            0 => Some(text[start..at].trim_end_matches('\'')),
            symbol => {
                at += symbol;
                Some(&text[start..at])
            }
        }
    })
}

fn run_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|&b| !joins_words(b)).map_or(bytes.len(), |len| start + len)
}

/// Whether the byte at `at` joins the word before it with the one after it, see [`compound`](super::compound).
fn is_joint(bytes: &[u8], at: usize) -> bool {
    let [Some(&before), Some(&joint), Some(&after)] =
        [at.wrapping_sub(1), at, at + 1].map(|at| bytes.get(at))
    else {
        return false;
    };
    let in_word = |b: u8| b.is_ascii_alphanumeric() || !b.is_ascii();
    let digits = || before.is_ascii_digit() && after.is_ascii_digit();
    match joint {
        b'-' | b'.' | b'@' | b'&' => in_word(before) && in_word(after),
        b'/' | b':' => digits(),
        // A comma between thousands.
        b',' => digits() && bytes[at + 1..].iter().take_while(|b| joins_words(**b)).count() == 3,
        _ => false,
    }
}

/// Whether a dot begins the word at `start`, as in ".NET".
fn follows_dot(bytes: &[u8], start: usize) -> bool {
    bytes[..start].ends_with(b".")
        && (bytes[start].is_ascii_alphabetic() || !bytes[start].is_ascii())
        && bytes[..start - 1].last().is_none_or(|b| b.is_ascii_whitespace() || b"([\"'".contains(b))
}

/// The length of the symbols after the last word that may be part of its name, as in "C++", "C#" and "Disney+".
fn symbol_len(bytes: &[u8], start: usize, end: usize) -> usize {
    if !bytes[end - 1].is_ascii_alphabetic() {
        return 0;
    }
    // A word of another script, or its punctuation, may stand before a name of one letter: "语言：C#".
    let single = end - start == 1 || !bytes[end - 2].is_ascii();
    let ends = |at: usize| bytes.get(at).is_none_or(|b| !b.is_ascii_alphanumeric() && !b"+=#".contains(b));
    match bytes[end..] {
        [b'+', b'+', ..] if bytes.get(end + 2) != Some(&b'+') => 2,
        [b'+', ..] if ends(end + 1) => 1,
        [b'#', ..] if single && ends(end + 1) => 1,
        _ => 0,
    }
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

/// A run of one script in a chunk.
#[derive(Debug, Clone)]
pub(super) struct Run<'a> {
    pub script: Script,
    pub text: &'a str,
    /// Where it is in the chunk.
    pub span: Range<usize>,
}

/// The runs of a chunk, without clitics. The chunk has its spelling folded.
pub(super) fn runs(chunk: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = chunk;
    let mut before = Before::Nothing;
    std::iter::from_fn(move || {
        while let Some(first) = rest.chars().next() {
            let Some(script) = Script::of(first) else {
                rest = &rest[first.len_utf8()..];
                before = before.and(first);
                continue;
            };
            let start = chunk.len() - rest.len();
            let (run, tail) = rest.split_at(script.run_len(rest));
            let negation = after_negation(run, tail);
            let clitic = before == Before::Apostrophe && is_clitic(run);
            rest = negation.unwrap_or(tail);
            before = Before::Word;
            if !clitic {
                let text = if negation.is_some() { "not" } else { run };
                return Some(Run { script, text, span: start..chunk.len() - rest.len() });
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

/// What follows a contraction of "not" that begins with `run`.
fn after_negation<'a>(run: &str, tail: &'a str) -> Option<&'a str> {
    let tail = tail.strip_prefix('\'')?.strip_prefix(['t', 'T'])?;
    let ends = tail.chars().next().is_none_or(|next| Script::of(next) != Some(Script::Word));
    (ends && NEGATED.iter().any(|negated| run.eq_ignore_ascii_case(negated))).then_some(tail)
}

fn is_clitic(run: &str) -> bool {
    CLITICS.iter().any(|clitic| run.eq_ignore_ascii_case(clitic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(chunk: &str) -> Vec<&str> {
        runs(chunk).map(|run| run.text).collect()
    }

    #[test]
    fn chunks_end_at_ascii_blanks_and_punctuation() {
        let text = "'Don't', she said: a - b_c\t(“x” 手机，好) ''";
        assert_eq!(chunks(text).collect::<Vec<_>>(), ["Don't", "she", "said", "a", "b_c", "“x”", "手机，好"]);
    }

    #[test]
    fn punctuation_within_words_and_symbols_of_names_stay() {
        let text = "POL-358, v1.2.3. U.S.A. 1,000,000 a,b 5,0000 (x@y.org) 1:56 a:b 24/12 and/or AT&T. C++, C#; F# .NET x+y 1+ A+";
        let expected = [
            "POL-358",
            "v1.2.3",
            "U.S.A",
            "1,000,000",
            "a",
            "b",
            "5",
            "0000",
            "x@y.org",
            "1:56",
            "a",
            "b",
            "24/12",
            "and",
            "or",
            "AT&T",
            "C++",
            "C#",
            "F#",
            ".NET",
            "x",
            "y",
            "1",
            "A+",
        ];
        assert_eq!(chunks(text).collect::<Vec<_>>(), expected);
        for chunk in expected {
            assert_eq!(chunks(chunk).collect::<Vec<_>>(), [chunk], "a chunk is one chunk");
        }
    }

    #[test]
    fn clitics_are_dropped_and_contractions_of_not_are_not() {
        assert_eq!(words("Alice's"), ["Alice"]);
        assert_eq!(words("DON'T we'd"), ["not", "we"]);
        assert_eq!(words("can't've isn't1 on't"), ["not", "isn", "t1", "on"]);
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
