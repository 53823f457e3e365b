//! Writings: terms of the store that are another way to write a term of the query. "RTX4090" is written for "RTX 4090",
//! "2nd" for "second", "Dec" for "December", "uebergabe" for "Übergabe", and the beginning of a hash for the hash.
//!
//! Only spellings that the store holds are searched for. Forms are guesses, writings are none: every mode uses them.

use super::form::Form;
use super::query::ParsedQuery;
use super::tuning::writings as limit;
use super::{Statistics, word_groups};

/// Hebrew prefixes: and, the, in, to, from, that, as, and pairs of them.
const HEBREW: [&str; 14] = ["ה", "ו", "ב", "ל", "מ", "ש", "כ", "וה", "שה", "מה", "כש", "וב", "ול", "בה"];
/// Arabic prefixes: the, and, in, for, so, like, and what they become together.
const ARABIC: [&str; 9] = ["ال", "و", "ب", "ل", "ف", "ك", "وال", "بال", "لل"];

/// Adds the other writings of the terms of `query` that records hold. They count as the terms, also in `frequencies`. Where the
/// store has "RTX4090", "RTX 4090" counts little.
pub(super) fn add_writings<S: Statistics>(
    query: &mut ParsedQuery,
    frequencies: &mut [u64],
    statistics: &S,
) -> Result<Vec<Form>, S::Error> {
    let words = query.identifiers.iter().filter(|one| one.is_word && frequencies[one.whole as usize] > 0);
    for &part in words.flat_map(|one| &one.parts) {
        let term = &mut query.terms[part as usize];
        if term.share < 1.0 {
            term.share = limit::APART;
        }
    }
    let mut found = writings(query, frequencies, statistics)?;
    found.retain(|form| query.add_form(form));
    for form in &found {
        form.terms.iter().for_each(|&term| frequencies[term as usize] += form.frequency);
    }
    Ok(found)
}

/// The other writings of the terms of `query`, which have these document frequencies.
fn writings<S: Statistics>(
    query: &mut ParsedQuery,
    frequencies: &[u64],
    statistics: &S,
) -> Result<Vec<Form>, S::Error> {
    let mut wanted = std::mem::take(&mut query.joined);
    let mut codes = Vec::new();
    for (number, term) in (0..).zip(&query.terms) {
        let unknown = frequencies[number as usize] == 0;
        let mut want = |text: String| wanted.push((text, vec![number]));
        of_word(&term.text, term.names != 0, &mut want);
        of_number(&term.text, &mut want);
        of_prefixed(&term.text, &mut want);
        if is_code(&term.text) {
            codes.push((number, &*term.text));
            if unknown {
                beginnings(&term.text, &mut want);
            }
        }
    }
    let mut found = held(wanted, statistics)?;
    for (number, text) in codes {
        if !found.iter().any(|form| form.terms == [number]) {
            found.extend(longer(number, text, statistics)?);
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
    if !is_name {
        word_groups::others(term).iter().cloned().for_each(&mut *want);
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
        && term.bytes().any(|b| b.is_ascii_digit())
        && term.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
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
