//! Words that punctuation joins, such as "wi-fi", "POL-358", "v1.2.3" and "U.S.A.". They are found as a whole, with or without the
//! punctuation, and by their parts.

use super::script::Script;
use super::tokenizer::{Run, runs};
use super::word::Word;

/// Between two digits the mark stays, as an underscore: "1.2" is not "12".
const KEPT: &str = "_";

/// A number with fewer digits keeps its hyphens: "3-1" is not "31", but "555-867-5309" is "5558675309".
const JOINED_DIGITS: usize = 7;

/// Whether a chunk may have joined words or symbols in its words.
pub(super) fn may_join(spelling: &str) -> bool {
    spelling.bytes().any(|b| matches!(b, b'-' | b'.' | b',' | b'@' | b'&' | b'/' | b':' | b'+' | b'#'))
}

/// Calls `emit` with the words of a chunk: each compound, followed by its parts, and each other word.
pub(super) fn words(spelling: &str, mut emit: impl FnMut(Word<'_>)) {
    let runs: Vec<Run<'_>> = runs(spelling).collect();
    let mut rest = &*runs;
    while !rest.is_empty() {
        let joined = rest.windows(2).take_while(|pair| joint(spelling, &pair[0], &pair[1]).is_some()).count();
        let (group, after) = rest.split_at(joined + 1);
        group_words(spelling, group, &mut emit);
        rest = after;
    }
}

/// The words of runs that are joined.
fn group_words(spelling: &str, group: &[Run<'_>], emit: &mut impl FnMut(Word<'_>)) {
    let parts = parts(spelling, group);
    let symbols = symbols(spelling, group);
    let lone = parts.len() == 1 && (symbols == ("", "") || parts[0].1.chars().nth(1).is_none());
    if parts.len() > 1 || symbols != ("", "") {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let short = parts.iter().all(|(_, text)| digits(text))
            && parts.iter().map(|(_, text)| text.len()).sum::<usize>() < JOINED_DIGITS;
        let mut whole = symbols.0.to_owned();
        for (joint, text) in &parts {
            whole += if short && *joint == "-" { KEPT } else { joint.trim_matches('-') };
            whole += text;
        }
        whole += symbols.1;
        emit(Word::compound(&whole, if lone { 0 } else { parts.len() }));
        if lone {
            return;
        }
    }
    for (_, text) in &parts {
        emit(Word::new(group[0].script, text));
    }
}

/// The parts of a compound, each with the joint before it. A number with commas is one part.
fn parts(spelling: &str, group: &[Run<'_>]) -> Vec<(&'static str, String)> {
    let mut parts = vec![("", group[0].text.to_owned())];
    for pair in group.windows(2) {
        let joint = joint(spelling, &pair[0], &pair[1]).unwrap_or_default();
        match parts.last_mut() {
            Some((_, number)) if joint == "," => *number += pair[1].text,
            _ => parts.push((joint, pair[1].text.to_owned())),
        }
    }
    parts
}

/// How the mark between two runs is written in the compound; `None` if it joins nothing. A hyphen is dropped from most compounds.
fn joint(spelling: &str, left: &Run<'_>, right: &Run<'_>) -> Option<&'static str> {
    if (left.script, right.script) != (Script::Word, Script::Word) {
        return None;
    }
    let digits = left.text.ends_with(digit) && right.text.starts_with(digit);
    match spelling.get(left.span.end..right.span.start)? {
        "-" => Some("-"),
        "." if !digits => Some(""),
        "&" => Some(""),
        "@" => Some(KEPT),
        "." | "/" | ":" if digits => Some(KEPT),
        "," if digits && right.text.len() == 3 && right.text.chars().all(digit) => Some(","),
        _ => None,
    }
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// What symbols before and after a word add to its name: ".NET" is "dotnet", "C++" is "cpp", "C#" is "csharp".
fn symbols(spelling: &str, group: &[Run<'_>]) -> (&'static str, &'static str) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return ("", "") };
    if last.script != Script::Word || !last.text.ends_with(char::is_alphabetic) {
        return ("", "");
    }
    let named = first.script == Script::Word && first.text.starts_with(char::is_alphabetic);
    let before = if named && &spelling[..first.span.start] == "." { "dot" } else { "" };
    let rest = &spelling[last.span.end..];
    let single = group.len() == 1 && last.text.chars().nth(1).is_none();
    let after = match rest.as_bytes() {
        [b'+', b'+', ..] => "pp",
        [b'#', ..] if single => "sharp",
        [b'+', ..] => "plus",
        _ => "",
    };
    (before, after)
}
