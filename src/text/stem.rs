//! Stems of English words: by Snowball's rules, but for irregular forms.

use std::borrow::Cow;

use super::irregular::irregular_stem;
use super::snowball::regular_stem;

/// The stem of a lower-case word, or of the word that it is an irregular form of. A word with characters other than a to z is its
/// own stem.
pub(super) fn stem(word: &str) -> Cow<'_, str> {
    irregular_stem(word).map_or_else(|| regular_stem(word), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn irregular_forms_have_the_stem_of_their_word() {
        for (form, word) in [
            ("paid", "pay"),
            ("broke", "break"),
            ("broken", "breaking"),
            ("bought", "buys"),
            ("written", "write"),
            ("found", "find"),
            ("teeth", "tooth"),
            ("mice", "mouse"),
            ("men", "man"),
            ("analyses", "analysis"),
            ("criteria", "criterion"),
            ("indices", "index"),
            ("went", "going"),
            ("wives", "wife"),
        ] {
            assert_eq!(stem(form), stem(word), "{form}");
        }
    }
}
