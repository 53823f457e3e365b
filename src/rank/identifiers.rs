//! Identifiers of more than one word in a query: tickets, versions, dates, addresses.

/// The identifiers in a text: runs of ASCII words that single marks join, with a digit or an "@".
///
/// "Is POL-385 in v1.2.3?" has "POL-385" and "v1.2.3".
pub(super) fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let joins = |c: char| matches!(c, '-' | '.' | '/' | '@' | ':' | '+');
    text.split(move |c: char| !(c.is_ascii_alphanumeric() || c == '_' || joins(c)))
        .map(move |run| run.trim_matches(joins))
        .filter(move |run| run.contains(joins) && run.contains(|c: char| c.is_ascii_digit() || c == '@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_joined_and_have_a_digit_or_an_at_sign() {
        let found = |text| identifiers(text).collect::<Vec<_>>();
        assert_eq!(found("Is POL-385 in v1.2.3?"), ["POL-385", "v1.2.3"]);
        assert_eq!(found("(nadia.brandt@example.com)"), ["nadia.brandt@example.com"]);
        assert_eq!(found("2024-05-17, 10.20.30.40。"), ["2024-05-17", "10.20.30.40"]);
        assert!(found("a well-known 2024 report: and/or. 2024年04月 -5").is_empty());
    }
}
