//! Texts that are too long, cut between characters.

use std::borrow::Cow;

/// The most bytes of a term. Longer words are cut.
pub const MAX_TERM_BYTES: usize = 64;

/// The first `bytes` of `text`, or up to three fewer so that no character is cut.
pub fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// `text`; if it has more than `bytes`, its beginning and its end, each with about half as many bytes. The ends of a long query
/// usually say what is asked.
pub fn both_ends(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let start = text.len() - bytes / 2;
    let end = (start..=text.len()).find_map(|start| text.get(start..)).unwrap_or_default();
    Cow::Owned([beginning(text, bytes / 2), end].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(beginning(&"x".repeat(100), 64).len(), 64);
        assert_eq!(beginning(&format!("x{}", "ж".repeat(100)), 64).len(), 63);
        assert_eq!(beginning("ж", 1), "");
        assert_eq!(beginning("ж", 9), "ж");
    }
}
