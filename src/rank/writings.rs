//! Writings: terms of the store that are another way to write a term of the query. "RTX4090" is written for "RTX 4090",
//! "2nd" for "second", "Dec" for "December", "uebergabe" for "Übergabe", and the beginning of a hash for the hash.
//!
//! Only spellings that the store holds are searched for. Forms are guesses, writings are none: every mode uses them.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::Statistics;
use super::forms::Form;
use super::query::ParsedQuery;
use super::tuning::writings as limit;
use crate::text::{Analyzer, ambiguous_stems};

/// Words that stand for each other, one group a line. The first of a group is found by the others and finds them.
const GROUPS: &str = "\
    january jan
    february feb
    march mar
    april apr
    june jun
    july jul
    august aug
    september sep sept
    october oct
    november nov
    december dec
    monday mon
    tuesday tue tues
    wednesday wed
    thursday thu thur thurs
    friday fri
    saturday sat
    sunday sun
    first 1st
    second 2nd
    third 3rd
    fourth 4th
    fifth 5th
    sixth 6th
    seventh 7th
    eighth 8th
    ninth 9th
    tenth 10th
    eleventh 11th
    twelfth 12th
    thirteenth 13th
    fourteenth 14th
    fifteenth 15th
    sixteenth 16th
    seventeenth 17th
    eighteenth 18th
    nineteenth 19th
    twentieth 20th
    thirtieth 30th
    two 2
    three 3
    four 4
    five 5
    six 6
    seven 7
    eight 8
    nine 9
    ten 10
    eleven 11
    twelve 12";

/// For each term of [`GROUPS`] and each word with ambiguous forms, the terms that stand for it.
static GROUPS_BY_TERM: LazyLock<FxHashMap<String, Vec<String>>> = LazyLock::new(|| {
    let listed = GROUPS.lines().map(|line| Analyzer::new().term_list(line));
    let mut groups: FxHashMap<String, Vec<String>> = FxHashMap::default();
    for group in listed.chain(ambiguous_stems()) {
        let Some((word, others)) = group.split_first() else { continue };
        for other in others.iter().filter(|other| *other != word) {
            groups.entry(word.clone()).or_default().push(other.clone());
            groups.entry(other.clone()).or_default().push(word.clone());
        }
    }
    groups
});

/// Hebrew prefixes: and, the, in, to, from, that, as, and pairs of them.
const HEBREW: [&str; 14] = ["ה", "ו", "ב", "ל", "מ", "ש", "כ", "וה", "שה", "מה", "כש", "וב", "ול", "בה"];
/// Arabic prefixes: the, and, in, for, so, like, and what they become together.
const ARABIC: [&str; 9] = ["ال", "و", "ب", "ل", "ف", "ك", "وال", "بال", "لل"];

/// The other writings of the terms of `query` that records hold. `frequencies` are those of its terms.
pub(super) fn writings<S: Statistics>(
    query: &mut ParsedQuery,
    frequencies: &[u64],
    statistics: &S,
) -> Result<Vec<Form>, S::Error> {
    let mut wanted = std::mem::take(&mut query.joined);
    for (number, term) in (0..).zip(&query.terms) {
        let unknown = frequencies[number as usize] == 0;
        let mut want = |text: String| wanted.push((text, vec![number]));
        of_word(&term.text, term.names != 0, &mut want);
        of_number(&term.text, &mut want);
        of_prefixed(&term.text, &mut want);
        if unknown && is_code(&term.text) {
            beginnings(&term.text, &mut want);
        }
    }
    let mut found = held(wanted, statistics)?;
    for (number, term) in (0..).zip(&query.terms) {
        if is_code(&term.text) && !found.iter().any(|form| form.terms == [number]) {
            found.extend(longer(number, &term.text, statistics)?);
        }
    }
    Ok(found)
}

/// Those of the wanted texts that records hold.
fn held<S: Statistics>(wanted: Vec<(String, Vec<u32>)>, statistics: &S) -> Result<Vec<Form>, S::Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let texts: Vec<&str> = wanted.iter().map(|(text, _)| &**text).collect();
    let frequencies = statistics.document_frequencies(&texts)?;
    let form = |((text, terms), frequency)| Form { terms, text, frequency };
    Ok(wanted.into_iter().zip(frequencies).filter(|(_, df)| *df > 0).map(form).collect())
}

fn of_word(term: &str, is_name: bool, want: &mut impl FnMut(String)) {
    if let Some(others) = GROUPS_BY_TERM.get(term)
        && !is_name
    {
        others.iter().cloned().for_each(&mut *want);
    }
    // Umlauts in a text have lost their dots.
    if term.len() >= limit::LETTERS
        && term.is_ascii()
        && term.as_bytes().windows(2).any(|pair| matches!(pair, b"ae" | b"oe" | b"ue"))
    {
        want(term.replace("ae", "a").replace("oe", "o").replace("ue", "u"));
    }
}

/// "24" is written "24th", and "1990" may be "1990s"; both the other way round too.
fn of_number(term: &str, want: &mut impl FnMut(String)) {
    let digits = term.bytes().take_while(u8::is_ascii_digit).count();
    let (number, ending) = term.split_at(digits);
    match (digits, ending) {
        (1..=2, "st" | "nd" | "rd" | "th") | (4, "s") => want(number.to_owned()),
        (1..=2, "") => want(format!("{number}{}", ordinal_ending(number))),
        (4, "") => want(format!("{number}s")),
        _ => {}
    }
}

fn ordinal_ending(number: &str) -> &'static str {
    match number.as_bytes() {
        [b'1', _] => "th",
        [.., b'1'] => "st",
        [.., b'2'] => "nd",
        [.., b'3'] => "rd",
        _ => "th",
    }
}

/// Words with and without the prefixes that are written together with them.
fn of_prefixed(term: &str, want: &mut impl FnMut(String)) {
    let prefixes: &[&str] = match term.chars().next() {
        Some('\u{0590}'..='\u{05FF}') => &HEBREW,
        Some('\u{0600}'..='\u{06FF}') => &ARABIC,
        _ => return,
    };
    let is_word = |text: &str| text.chars().nth(limit::STEM - 1).is_some();
    for prefix in prefixes {
        if is_word(term) {
            want(format!("{prefix}{term}"));
        }
        if let Some(rest) = term.strip_prefix(prefix).filter(|rest| is_word(rest)) {
            want(rest.to_owned());
        }
    }
}

/// Whether a term may be a hash or a long number, or the beginning of one.
fn is_code(term: &str) -> bool {
    term.len() >= limit::CODE
        && term.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && term.bytes().any(|b| b.is_ascii_digit())
}

/// The beginnings of a hash. A number with more digits is another number.
fn beginnings(term: &str, want: &mut impl FnMut(String)) {
    if term.bytes().all(|b| b.is_ascii_hexdigit()) && term.bytes().any(|b| b.is_ascii_lowercase()) {
        let shorter = (limit::CODE..term.len()).rev().map(|end| &term[..end]);
        shorter.filter(|text| is_code(text)).for_each(|text| want(text.to_owned()));
    }
}

/// The terms that begin with `text`, if they are few.
fn longer<S: Statistics>(number: u32, text: &str, statistics: &S) -> Result<Vec<Form>, S::Error> {
    let mut found = Vec::new();
    statistics.terms_with(&[text], &mut |term| {
        if term != text && found.len() <= limit::VISITED {
            found.push(term.to_owned());
        }
    })?;
    found.sort_unstable();
    found.dedup();
    let found = held(found.into_iter().map(|text| (text, vec![number])).collect(), statistics)?;
    Ok(if found.len() <= limit::FEW { found } else { Vec::new() })
}
