//! Forms: terms of the store that stand for terms of a query, namely inflected forms, spellings without the typing error,
//! compounds and the parts of compounds.
//!
//! A term has forms if no record holds it. Only English has a stemmer, so terms with letters other than a to z have inflected
//! forms even if records hold them.

use super::Statistics;
use super::boilerplate::is_boilerplate;
use super::edges::Edges;
use super::form::Form;
use super::form_search::FormSearch;
use super::query::ParsedQuery;
use super::tuning::forms as limit;

/// The forms of the terms of `query`, which have these document frequencies.
pub(super) fn forms<S: Statistics>(
    query: &ParsedQuery,
    frequencies: &[u64],
    statistics: &S,
) -> Result<Vec<Form>, S::Error> {
    let terms = (0..).zip(&query.terms).zip(frequencies);
    let mut words: Vec<FormSearch<'_>> = terms
        .filter(|((_, term), df)| if **df > 0 { !term.text.is_ascii() } else { !is_boilerplate(&term.text) })
        .filter_map(|((number, term), &df)| FormSearch::new(number, &term.text, df > 0))
        .take(limit::WORDS)
        .collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let scan = statistics.collection().terms <= limit::SCANNED;
    let mut prefixes: Vec<&str> =
        words.iter().map(|word| if scan { "" } else { &word.text[..word.start] }).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    // Terms with the same prefix have the same head.
    let edges = scan.then(|| Edges::of(words.iter().map(|word| word.text)));
    statistics.terms_with(&prefixes, &mut |text| {
        if edges.as_ref().is_none_or(|edges| edges.meet(text)) {
            words.iter_mut().for_each(|word| word.compare(text, scan));
        }
    })?;
    let forms: Result<Vec<Vec<Form>>, _> = words.into_iter().map(|word| word.forms(statistics)).collect();
    Ok(forms?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Collection;
    use crate::rank::fake_statistics::FakeStatistics;

    const TERMS: [&str; 16] = [
        "restaur",
        "kitchen",
        "собака",
        "собаку",
        "собор",
        "anahtarlari",
        "haftpflichtversicherung",
        "cold",
        "brew",
        "schwagerin",
        "rechnungsnummer",
        "الاجتماع",
        "ab1234",
        "contract",
        "zoe",
        "miet",
    ];

    /// The forms of a query's terms in a store of so many terms, where one record holds each of [`TERMS`].
    fn found(query: &str, terms: u64) -> Vec<String> {
        let collection = Collection { records: 10, terms };
        let statistics = FakeStatistics { collection, ..FakeStatistics::default() }.with(&TERMS, 1);
        let query = ParsedQuery::new(query);
        let texts: Vec<&str> = query.terms.iter().map(|term| &*term.text).collect();
        let Ok(frequencies) = statistics.document_frequencies(&texts);
        let Ok(forms) = forms(&query, &frequencies, &statistics);
        forms.into_iter().map(|form| form.text).collect()
    }

    #[test]
    fn unknown_words_are_understood_by_like_ones() {
        let table: [(&str, &[&str]); 14] = [
            // Mistyped.
            ("kicthen", &["kitchen"]),
            ("kitchn", &["kitchen"]),
            ("restuarant", &["restaur"]),
            // Inflected.
            ("собакам", &["собака", "собаку"]),
            ("anahtarlar", &["anahtarlari"]),
            ("Schwägerinnen", &["schwagerin"]),
            // Compounds.
            ("Versicherung", &["haftpflichtversicherung"]),
            ("Rechnung", &["rechnungsnummer"]),
            ("coldbrew", &["brew", "cold"]),
            ("اجتماع", &["الاجتماع"]),
            // Nothing like them, too short, or no words.
            ("elephant", &[]),
            ("zoo", &[]),
            ("ab1235", &[]),
            ("comprehensive", &[]),
        ];
        for (query, expected) in table {
            assert_eq!(found(query, 100), expected, "{query}");
        }
    }

    #[test]
    fn known_words_need_no_other_forms_but_those_without_a_stemmer() {
        assert!(found("kitchen contract", 100).is_empty());
        assert_eq!(found("собака", 100), ["собаку"]);
    }

    #[test]
    fn in_a_large_store_no_more_is_looked_at_than_what_begins_alike() {
        assert_eq!(found("kicthen собакам", limit::SCANNED + 1), ["kitchen", "собака", "собаку"]);
        assert!(found("Versicherung", limit::SCANNED + 1).is_empty());
    }

    #[test]
    fn few_words_of_a_long_query_are_looked_for() {
        let words: Vec<String> = (b'a'..=b'z').map(|c| format!("kitche{}", char::from(c))).collect();
        assert!(found(&words.join(" "), 100).len() <= limit::WORDS * limit::FORMS);
    }
}
