//! The kinds of scripts that differ in what a word is.

use unicode_normalization::char::is_combining_mark;

/// A kind of script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Alphabets with spaces between words, digits, and the underscore of identifiers.
    Word,
    /// Han, Kana and Bopomofo: no spaces; a character is almost a word.
    Ideographic,
    /// Korean: spaces between words, but particles are attached to the words.
    Hangul,
    /// Thai, Lao, Khmer, Myanmar, Tai: no spaces; several characters make a word.
    SoutheastAsian,
    /// An emoji, which is a word by itself.
    Emoji,
}

impl Script {
    /// The script of a character that can begin a word; `None` for symbols, punctuation, white space and others.
    pub(super) fn of(c: char) -> Option<Self> {
        if c.is_ascii() {
            return (c.is_ascii_alphanumeric() || c == '_').then_some(Self::Word);
        }
        if is_emoji(c) {
            return Some(Self::Emoji);
        }
        c.is_alphanumeric().then_some(match c {
            '\u{0E00}'..='\u{0EFF}'
            | '\u{1000}'..='\u{109F}'
            | '\u{1780}'..='\u{17FF}'
            | '\u{1950}'..='\u{19FF}'
            | '\u{1A20}'..='\u{1AAF}'
            | '\u{A9E0}'..='\u{A9FF}'
            | '\u{AA60}'..='\u{AADF}' => Self::SoutheastAsian,
            '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' => Self::Hangul,
            '\u{3005}'..='\u{312F}'
            | '\u{31A0}'..='\u{31FF}'
            | '\u{3400}'..='\u{9FFF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{1AFF0}'..='\u{1B16F}'
            | '\u{20000}'..='\u{3FFFF}' => Self::Ideographic,
            _ => Self::Word,
        })
    }

    /// The length in bytes of the run of this script at the beginning of `text`.
    pub(super) fn run_len(self, text: &str) -> usize {
        let first = text.chars().next().map_or(0, char::len_utf8);
        match self {
            // Two regional indicators make one flag.
            Self::Emoji if text.chars().take(2).filter(|&c| is_regional_indicator(c)).count() == 2 => {
                2 * first
            }
            Self::Emoji => first,
            _ => text.find(|c| !self.continues_with(c)).unwrap_or(text.len()),
        }
    }

    fn continues_with(self, c: char) -> bool {
        match Self::of(c) {
            Some(script) => script == self,
            None => !c.is_ascii() && is_combining_mark(c),
        }
    }
}

/// Whether this is a Kana that only changes the one before it, and so is no word: the long-vowel mark and small letters.
pub(super) fn is_kana_modifier(gram: &str) -> bool {
    matches!(
        gram,
        "ー" | "ァ" | "ィ" | "ゥ" | "ェ" | "ォ" | "ッ" | "ャ" | "ュ" | "ョ" | "っ" | "ゃ" | "ゅ" | "ょ"
    )
}

/// Emoji and pictographs, without the geometric shapes and arrows that are used as bullets.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{231A}' | '\u{231B}' | '\u{2328}' | '\u{23CF}' | '\u{23E9}'..='\u{23FA}'
        | '\u{2600}'..='\u{2767}' | '\u{2795}'..='\u{2797}' | '\u{27B0}' | '\u{27BF}'
        | '\u{2B50}' | '\u{2B55}' | '\u{1F000}'..='\u{1FAFF}')
}

fn is_regional_indicator(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_has_the_script_that_makes_its_words() {
        let table = [
            ("aé7_жאحक", Some(Script::Word)),
            ("手あアー々〇ㄅ", Some(Script::Ideographic)),
            ("한ㅋ글", Some(Script::Hangul)),
            ("ไລខမ", Some(Script::SoutheastAsian)),
            ("😀☕🚀", Some(Script::Emoji)),
            (" -·。・'«€→•►", None),
        ];
        for (text, script) in table {
            for c in crate::text::fold::spelling(text).chars() {
                assert_eq!(Script::of(c), script, "{c:?}");
            }
        }
    }

    #[test]
    fn marks_stay_with_their_word_and_flags_are_whole() {
        assert_eq!(Script::Word.run_len("हिन्दी।"), "हिन्दी".len());
        assert_eq!(Script::Emoji.run_len("🇩🇪🇫🇷"), "🇩🇪".len());
        assert_eq!(Script::Emoji.run_len("🇩x"), "🇩".len());
    }
}
