//! Labels of texts: a speaker ("Alice: ..."), an entity ("Alice(Person): ...") or a topic.

use super::tuning::label as limit;

/// The end of the label that a text begins with; 0 if it has none. A label begins with a capital or with
/// a letter that has no case, is short, and ends before a colon.
pub(super) fn label_end(text: &str) -> usize {
    let label = text.trim_start();
    if !label.starts_with(|c: char| c.is_alphabetic() && !c.is_lowercase()) {
        return 0;
    }
    let ends = |c: char| matches!(c, ':' | '：' | '.' | '?' | '!' | ',' | ';' | '\n' | '(');
    let Some((length, (end, mark))) = label.char_indices().enumerate().find(|&(_, (_, c))| ends(c)) else {
        return 0;
    };
    let colon = match mark {
        _ if length > limit::CHARS => None,
        ':' | '：' => Some(end),
        '(' => bracket_len(&label[end..])
            .map(|len| end + len)
            .filter(|&after| label[after..].starts_with([':', '：'])),
        _ => None,
    };
    let words =
        |label: &str| label.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count();
    match colon.filter(|&colon| words(&label[..colon]) <= limit::WORDS) {
        Some(colon) => text.len() - label.len() + colon,
        None => 0,
    }
}

/// The length of a short text in brackets, with the brackets.
fn bracket_len(text: &str) -> Option<usize> {
    let (length, (end, mark)) =
        text.char_indices().enumerate().skip(1).find(|&(_, (_, c))| matches!(c, '(' | ')' | '\n'))?;
    (mark == ')' && (2..=limit::BRACKET_CHARS + 1).contains(&length)).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let table = [
            ("Alice: Hi", "Alice"),
            ("  Alice Smith： Hi", "  Alice Smith"),
            ("Alice(Person): lives", "Alice(Person)"),
            ("小明: 你好", "小明"),
            ("alice: hi", ""),
            ("Well, Bob: hi", ""),
            ("Alice () : hi", ""),
            ("Alice (Person) lives", ""),
            ("One two three four: no", ""),
            ("No label", ""),
            ("", ""),
            ("A sentence that is much too long for one: no", ""),
        ];
        for (text, label) in table {
            assert_eq!(&text[..label_end(text)], label);
        }
    }
}
