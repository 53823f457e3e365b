//! Terms of a query that no record holds, understood by like ones that some do: other forms of the word, what was
//! mistyped, compounds and their parts. Only English has a stemmer; so terms of other letters than a to z, which are not
//! English, are looked for in their other forms too if some records do hold them.

use unicode_normalization::char::is_combining_mark;

use super::Statistics;
use super::boilerplate::is_boilerplate;
use super::query::ParsedQuery;
use super::tuning::forms as limit;

/// A term of the store that stands for one of the query.
#[derive(Debug, PartialEq)]
pub(super) struct Form {
    /// The number of the query's term.
    pub term: u32,
    pub text: String,
    /// How many records hold it.
    pub frequency: u64,
}

/// The forms of the terms of `query` that are held by so many records.
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
    let few = statistics.collection().terms <= limit::SCANNED;
    let mut prefixes: Vec<&str> =
        words.iter().map(|word| if few { "" } else { &word.text[..word.start] }).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    statistics
        .terms_with(&prefixes, &mut |text| words.iter_mut().for_each(|word| word.compare(text, few)))?;
    let forms: Result<Vec<Vec<Form>>, _> = words.into_iter().map(|word| word.forms(statistics)).collect();
    Ok(forms?.into_iter().flatten().collect())
}

struct FormSearch<'a> {
    number: u32,
    text: &'a str,
    letters: Vec<char>,
    /// Bytes of the letters that a form begins with.
    start: usize,
    /// Is it held by some records?
    known: bool,
    /// Like terms, and how like they are.
    found: Vec<(f64, String)>,
}

impl<'a> FormSearch<'a> {
    /// `None` for what is too short or no word.
    fn new(number: u32, text: &'a str, known: bool) -> Option<Self> {
        let letters: Vec<char> = text.chars().collect();
        let is_word = letters.len() >= limit::LETTERS && letters.iter().all(|&c| is_letter(c));
        let start = letters.iter().take(limit::START).map(|c| c.len_utf8()).sum();
        is_word.then_some(Self { number, text, letters, start, known, found: Vec::new() })
    }

    /// Takes `text` in if it is like this word; as the end of a compound only where all are looked at. The first comparison of each kind, which nearly always fails, is cheap.
    #[inline]
    fn compare(&mut self, text: &str, all: bool) {
        let (own, other) = (self.text.as_bytes(), text.as_bytes());
        let likeness = if own.first() == other.first() && other.starts_with(&own[..self.start]) {
            self.likeness(text).filter(|_| own != other)
        } else if own.last() == other.last() && all && !self.known && other.ends_with(own) {
            // A compound that ends with it.
            Some(own.len() as f64 / other.len() as f64)
        } else {
            None
        };
        if let Some(likeness) = likeness {
            self.found.push((likeness, text.to_owned()));
        }
    }

    /// How like a term with the same beginning is.
    fn likeness(&self, text: &str) -> Option<f64> {
        let (length, other) = (self.letters.len(), text.chars().count());
        let longest = length.max(other);
        let shared = text.chars().zip(&self.letters).take_while(|(a, b)| a == *b).count();
        let prefix = shared as f64 / longest as f64;
        let inflected = shared >= 3 && prefix >= limit::PREFIX && longest - shared <= limit::ENDING;
        let mistyped = !self.known && self.is_one_slip_from(text, other, shared);
        let compound = !self.known && shared == length && length > limit::LETTERS;
        let like = (inflected || mistyped || compound) && text.chars().all(is_letter);
        let same = if mistyped { 1.0 - 1.0 / longest as f64 } else { prefix };
        like.then_some((same + prefix) / 2.0)
    }

    /// Does one letter more, less, another one, or two that changed places make it a text of `length` letters, of which it
    /// shares the first ones?
    fn is_one_slip_from(&self, text: &str, length: usize, shared: usize) -> bool {
        let (own, rest) = (&self.letters[shared..], length - shared);
        let ending = text.chars().rev().zip(own.iter().rev()).take(rest).take_while(|(a, b)| a == *b).count();
        match (own.len() - ending, rest - ending) {
            (0 | 1, 0 | 1) => true,
            (2, 2) => text.chars().skip(shared).take(2).eq([own[1], own[0]]),
            _ => false,
        }
    }

    /// The most like ones; parts of the word if there are none.
    fn forms<S: Statistics>(mut self, statistics: &S) -> Result<Vec<Form>, S::Error> {
        self.found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        self.found.dedup();
        self.found.truncate(limit::LIKE);
        let mut forms = Vec::new();
        let mut least = 0.0;
        // In batches, because the first batch is mostly enough. Terms of deleted records only do not count: each index
        // drops them at another time.
        for batch in self.found.chunks(limit::FORMS) {
            let held = self.held(batch.iter().map(|(_, text)| &**text).collect(), statistics)?;
            for form in held {
                let likeness = batch.iter().find(|(_, text)| *text == form.text).map_or(0.0, |found| found.0);
                if forms.is_empty() {
                    least = likeness - limit::NEAR;
                }
                if likeness < least {
                    return Ok(forms);
                }
                forms.push(form);
                if forms.len() == limit::FORMS {
                    return Ok(forms);
                }
            }
        }
        if forms.is_empty() && !self.known { self.parts(statistics) } else { Ok(forms) }
    }

    /// The longest held beginning and end of a compound.
    fn parts<S: Statistics>(&self, statistics: &S) -> Result<Vec<Form>, S::Error> {
        let cuts: Vec<usize> = self.text.char_indices().map(|(at, _)| at).collect();
        let least = limit::LETTERS.min(cuts.len());
        let ends = cuts[1..=cuts.len() - least].iter().map(|&at| &self.text[at..]).collect();
        let beginnings = cuts[least..].iter().rev().map(|&at| &self.text[..at]).collect();
        let first = |parts| Ok(self.held(parts, statistics)?.into_iter().next());
        Ok(first(ends)?.into_iter().chain(first(beginnings)?).collect())
    }

    /// Those of these terms that records hold.
    fn held<S: Statistics>(&self, texts: Vec<&str>, statistics: &S) -> Result<Vec<Form>, S::Error> {
        let frequencies = statistics.document_frequencies(&texts)?;
        let form =
            |(text, frequency): (&str, u64)| Form { term: self.number, text: text.to_owned(), frequency };
        Ok(texts.into_iter().zip(frequencies).filter(|&(_, df)| df > 0).map(form).collect())
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::bm25::Collection;
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
