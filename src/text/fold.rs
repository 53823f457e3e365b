//! Folding: variants of a letter get one spelling.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// NFKC without diacritics. All ways to type a word give the same result. The case stays.
///
/// Only accents are removed: those of Latin and Greek, stress marks and the dots of ё in Cyrillic, the points of Hebrew and
/// Arabic. Vowel signs of Indic scripts and voice marks of Kana make different letters, so they stay.
pub(crate) fn spelling(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut base = '\0';
    let folded = text.nfkd().filter_map(|c| {
        if is_accent(c) || is_voice_mark(c) {
            return makes_letter(base, c).then_some(c);
        }
        if is_ignored(c) {
            return None;
        }
        base = letter(c);
        Some(base)
    });
    // A voice mark that composition leaves over makes no letter with its Kana.
    Cow::Owned(folded.nfc().filter(|&c| !is_voice_mark(c)).collect())
}

/// Full case folding to lower case. Latin letters without a decomposition are spelled in ASCII.
///
/// The step through upper case unifies the letters that case folding unifies: ß and ẞ (ss), ς and σ, ı and i.
pub(super) fn case(word: &str, out: &mut String) {
    if word.is_ascii() {
        let start = out.len();
        out.push_str(word);
        return out[start..].make_ascii_lowercase();
    }
    for c in word.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
            continue;
        }
        for c in c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
            match c {
                'æ' => out.push_str("ae"),
                'œ' => out.push_str("oe"),
                'þ' => out.push_str("th"),
                'ø' => out.push('o'),
                'ł' => out.push('l'),
                'đ' | 'ð' => out.push('d'),
                'ħ' => out.push('h'),
                'ŧ' => out.push('t'),
                'ŋ' => out.push('n'),
                _ => out.push(c),
            }
        }
    }
}

/// Combining marks that are often left out in writing.
fn is_accent(c: char) -> bool {
    matches!(c,
        // Latin, Greek, Cyrillic, and around symbols
        '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}'
        // Hebrew points
        | '\u{0591}'..='\u{05BD}' | '\u{05BF}' | '\u{05C1}' | '\u{05C2}' | '\u{05C4}' | '\u{05C5}' | '\u{05C7}'
        // Arabic harakat, hamza above and below, Koranic marks
        | '\u{0610}'..='\u{061A}' | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06DC}'
        | '\u{06DF}'..='\u{06E4}' | '\u{06E7}' | '\u{06E8}' | '\u{06EA}'..='\u{06ED}')
}

/// Whether a mark makes a different letter. Voice marks do so with Kana. Accents do so in Cyrillic (й, ў, ї), except for stress
/// marks and the dots of ё.
fn makes_letter(base: char, mark: char) -> bool {
    if is_voice_mark(mark) {
        return matches!(base, '\u{3041}'..='\u{30FE}');
    }
    let cyrillic = matches!(base, '\u{0400}'..='\u{052F}');
    let stress = matches!(mark, '\u{0300}' | '\u{0301}');
    let yo = matches!(base, 'е' | 'Е') && mark == '\u{0308}';
    cyrillic && !stress && !yo
}

/// Characters that have no glyph of their own: joiners, direction and variation marks, soft hyphens, skin tones, tatweel. The
/// zero width space is not one of them, because it separates words.
fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{0640}' | '\u{061C}' | '\u{180B}'..='\u{180F}' | '\u{200C}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Dakuten and handakuten.
fn is_voice_mark(c: char) -> bool {
    matches!(c, '\u{3099}' | '\u{309A}')
}

/// The common form of a letter and its variants.
fn letter(c: char) -> char {
    match c {
        '\u{2019}' | '\u{02BC}' | '\u{02BB}' => '\'',
        '\u{2010}' => '-',
        'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' => 'ه',
        'ک' => 'ك',
        _ => digit(c).unwrap_or(c),
    }
}

/// The ASCII digit for a decimal digit of a common script.
fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 16] = [
        '\u{0660}', '\u{06F0}', '\u{0966}', '\u{09E6}', '\u{0A66}', '\u{0AE6}', '\u{0B66}', '\u{0BE6}',
        '\u{0C66}', '\u{0CE6}', '\u{0D66}', '\u{0E50}', '\u{0ED0}', '\u{0F20}', '\u{1040}', '\u{17E0}',
    ];
    if !('\u{0660}'..='\u{17E9}').contains(&c) {
        return None;
    }
    ZEROS.iter().find_map(|&zero| char::from_digit((c as u32).wrapping_sub(zero as u32), 10))
}

#[cfg(test)]
mod tests {
    use unicode_normalization::is_nfkc;

    use super::*;

    fn fold(text: &str) -> String {
        let mut out = String::new();
        case(&spelling(text), &mut out);
        out
    }

    #[test]
    fn variants_of_a_letter_become_one() {
        let table = [
            ("Ångström ﬁne ＡＢＣ H₂O", "angstrom fine abc h2o"),
            ("Straße STRASSE STRAẞE", "strasse strasse strasse"),
            ("İstanbul ISPARTA ısparta", "istanbul isparta isparta"),
            ("Łódź smørrebrød Æsir œuvre þing", "lodz smorrebrod aesir oeuvre thing"),
            ("ΟΔΥΣΣΕΎΣ ὀδυσσεύς", "οδυσσευσ οδυσσευσ"),
            ("Ёлка ёлка Йод за́мок їжак", "елка елка йод замок їжак"),
            ("أحمد إلى آخر كِتَابٌ مدرســة", "احمد الي اخر كتاب مدرسه"),
            ("שָׁלוֹם", "שלום"),
            ("हिन्दी ไทย", "हिन्दी ไทย"),
            ("ｶﾞｷﾞ か\u{3099} あ\u{3099}", "ガギ が あ"),
            ("ㅎ\u{3099}\u{1161}", "하"),
            ("tiếng Việt Đà Nẵng", "tieng viet da nang"),
            ("٢٠٢٤ २०२४ ๒๕๖๗", "2024 2024 2567"),
        ];
        for (text, folded) in table {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn invisible_characters_are_removed() {
        assert_eq!(fold("co\u{AD}op می\u{200C}خواهم ❤\u{FE0F}👍🏽"), "coop ميخواهم ❤👍");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        // No letters are assigned above these planes.
        for c in '\0'..='\u{3FFFF}' {
            let folded = fold(&c.to_string());
            assert_eq!(fold(&folded), folded, "{c:?}");
            assert!(is_nfkc(&folded), "{c:?}");
            assert_eq!(folded.to_lowercase(), folded, "{c:?}");
        }
    }
}
