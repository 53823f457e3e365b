//! Converts the JSON of an import to the stored JSON of journals' values.
//!
//! What is stored is JSON as Python reads it: NaN and Infinity may occur, and a surrogate stands alone as `\udXXX`.

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::journal::MAX_DEPTH;

/// Whether escapes of two surrogates in a row are one character, as in JSON, or two, as in what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surrogates {
    /// One character.
    Joined,
    /// Two.
    Apart,
}

/// What is stored for a JSON text.
///
/// # Errors
/// [`Error::InvalidRecord`] if it is not JSON, or nests deeper than [`MAX_DEPTH`].
pub fn stored(json: &str, surrogates: Surrogates) -> Result<String> {
    check(json)?;
    let mut out = String::with_capacity(json.len());
    let (mut depth, mut rest) = (0, json);
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = copy_string(rest, &mut out, surrogates);
            continue;
        }
        match first {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Error::InvalidRecord(format!("the value nests deeper than {MAX_DEPTH} levels")));
        }
        if !first.is_ascii_whitespace() {
            out.push(first);
        }
        rest = &rest[first.len_utf8()..];
    }
    Ok(out)
}

/// True if the text is JSON once NaN and Infinity count as numbers.
fn check(json: &str) -> Result<()> {
    let parse = |json: &str| serde_json::from_str::<&RawValue>(json).map(drop);
    let Err(error) = parse(json) else { return Ok(()) };
    let mut numbers = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = copy_string(rest, &mut numbers, Surrogates::Apart);
        } else if let Some(behind) = ["NaN", "Infinity"].iter().find_map(|name| rest.strip_prefix(name)) {
            numbers.push('0');
            rest = behind;
        } else {
            numbers.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    parse(&numbers).map_err(|_| Error::InvalidRecord(format!("the value is not JSON: {error}")))
}

/// Copies the string that `json` begins with, and returns what is behind it.
fn copy_string<'a>(json: &'a str, out: &mut String, surrogates: Surrogates) -> &'a str {
    out.push('"');
    let mut rest = &json[1..];
    while let Some(first) = rest.chars().next() {
        let length = match surrogate(rest) {
            Some(high) => {
                let pair = surrogate(rest.get(6..).unwrap_or_default()).map(|low| [high, low]);
                let joined = pair.and_then(|pair| char::decode_utf16(pair).next()?.ok());
                match joined.filter(|_| surrogates == Surrogates::Joined) {
                    Some(character) => {
                        out.push(character);
                        12
                    }
                    None => {
                        out.push_str(&format!("\\u{high:04x}"));
                        6
                    }
                }
            }
            None if first == '\\' => {
                let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                length
            }
            None => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
        if first == '"' {
            break;
        }
    }
    rest
}

/// The surrogate whose escape `json` begins with.
fn surrogate(json: &str) -> Option<u16> {
    let digits = json.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|code| (0xD800..0xE000).contains(code))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn json_is_stored_as_python_writes_it() {
        for (json, expected) in [
            (r#" { "a" : [ 1 , "b c" ] } "#, r#"{"a":["b c"]}"#.replace("[", "[1,")),
            (r#""\uD83D\uDE00\\ud83d\"""#, "\"\u{1F600}\\\\ud83d\\\"\"".to_owned()),
            (r#""\uDE00\uD83D""#, r#""\ude00\ud83d""#.to_owned()),
            ("[NaN,-Infinity,\"NaN\"]", "[NaN,-Infinity,\"NaN\"]".to_owned()),
        ] {
            assert_eq!(stored(json, Surrogates::Joined).unwrap(), expected);
        }
        let pair = r#""\ud83d\ude00""#;
        assert_eq!(stored(pair, Surrogates::Apart).unwrap(), pair);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for json in ["", "{", "[1,]", "NaN NaN", "nan", "\"a", "[\"\\x\"]", "1 2"] {
            assert!(stored(json, Surrogates::Joined).is_err(), "{json}");
        }
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(stored(&deep(MAX_DEPTH), Surrogates::Joined).is_ok());
        assert!(stored(&deep(MAX_DEPTH + 1), Surrogates::Joined).is_err());
    }
}
