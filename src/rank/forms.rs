//! Forms: terms of the store that stand for terms of a query, namely inflected forms, spellings without the typing error,
//! compounds and the parts of compounds.
//!
//! A term has forms if no record holds it. Only English has a stemmer, so terms with letters other than a to z have inflected
//! forms even if records hold them.

use unicode_normalization::char::is_combining_mark;

use super::Statistics;
use super::boilerplate::is_boilerplate;
use super::query::ParsedQuery;
use super::tuning::forms as limit;

/// A term of the store that stands for one or more terms of the query.
#[derive(Debug, PartialEq)]
pub(super) struct Form {
    /// The numbers of the query's terms.
    pub terms: Vec<u32>,
    pub text: String,
    /// Its document frequency.
    pub frequency: u64,
}

impl Form {
    /// The numbers of the query's terms, each once.
    pub fn numbers(&self) -> Vec<usize> {
        let mut numbers: Vec<usize> = self.terms.iter().map(|&number| number as usize).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

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
    let edges = scan.then(|| Edges::of(&words));
    statistics.terms_with(&prefixes, &mut |text| {
        if edges.as_ref().is_none_or(|edges| edges.meet(text)) {
            words.iter_mut().for_each(|word| word.compare(text, scan));
        }
    })?;
    let forms: Result<Vec<Vec<Form>>, _> = words.into_iter().map(|word| word.forms(statistics)).collect();
    Ok(forms?.into_iter().flatten().collect())
}

/// The first two bytes of words, and the last two: a form of a word has the same first ones, or the same last ones. Nearly all
/// terms of a store have neither, and need no comparison.
struct Edges {
    heads: Pairs,
    tails: Pairs,
}

/// A set of pairs of bytes.
struct Pairs(Box<[u64; 1 << 10]>);

impl Pairs {
    fn new() -> Self {
        Self(Box::new([0; 1 << 10]))
    }

    fn insert(&mut self, pair: u16) {
        self.0[usize::from(pair >> 6)] |= 1 << (pair & 63);
    }

    #[inline]
    fn contains(&self, pair: u16) -> bool {
        self.0[usize::from(pair >> 6)] >> (pair & 63) & 1 != 0
    }
}

impl Edges {
    fn of(words: &[FormSearch<'_>]) -> Self {
        let mut found = Self { heads: Pairs::new(), tails: Pairs::new() };
        for (head, tail) in words.iter().filter_map(|word| edges(word.text)) {
            found.heads.insert(head);
            found.tails.insert(tail);
        }
        found
    }

    #[inline]
    fn meet(&self, text: &str) -> bool {
        edges(text).is_some_and(|(head, tail)| self.heads.contains(head) || self.tails.contains(tail))
    }
}

#[inline]
fn edges(text: &str) -> Option<(u16, u16)> {
    let bytes = text.as_bytes();
    Some((u16::from_le_bytes(*bytes.first_chunk()?), u16::from_le_bytes(*bytes.last_chunk()?)))
}

struct FormSearch<'a> {
    number: u32,
    text: &'a str,
    letters: Vec<char>,
    /// Length in bytes of the prefix that all forms share.
    start: usize,
    /// Whether records hold it.
    known: bool,
    /// Similar terms with their similarities.
    found: Vec<(f64, String)>,
}

impl<'a> FormSearch<'a> {
    /// `None` if the term is too short or no word.
    fn new(number: u32, text: &'a str, known: bool) -> Option<Self> {
        let letters: Vec<char> = text.chars().collect();
        let is_word = letters.len() >= limit::LETTERS && letters.iter().all(|&c| is_letter(c));
        let start = letters.iter().take(limit::START).map(|c| c.len_utf8()).sum();
        is_word.then_some(Self { number, text, letters, start, known, found: Vec::new() })
    }

    /// Keeps `text` if it is similar. It may be a compound that ends with this word if `scan` is true: all terms are compared
    /// then. The first comparison of each kind nearly always fails, so it is cheap.
    #[inline]
    fn compare(&mut self, text: &str, scan: bool) {
        let (own, other) = (self.text.as_bytes(), text.as_bytes());
        let similarity = if own.first() == other.first() && other.starts_with(&own[..self.start]) {
            self.similarity(text).filter(|_| own != other)
        } else if own.last() == other.last() && scan && !self.known && other.ends_with(own) {
            // A compound that ends with this word.
            Some(own.len() as f64 / other.len() as f64)
        } else {
            None
        };
        if let Some(similarity) = similarity {
            self.found.push((similarity, text.to_owned()));
        }
    }

    /// The similarity of a term with the same prefix, in `0..=1`; `None` if it is no form of this word.
    fn similarity(&self, text: &str) -> Option<f64> {
        let length = self.letters.len();
        let other = if text.is_ascii() { text.len() } else { text.chars().count() };
        let longest = length.max(other);
        let shared = text.chars().zip(&self.letters).take_while(|(a, b)| a == *b).count();
        let prefix = shared as f64 / longest as f64;
        let inflected = shared >= 3 && prefix >= limit::PREFIX && longest - shared <= limit::ENDING;
        let mistyped = !self.known && self.is_one_error_from(text, other, shared);
        let compound = !self.known && shared == length && length > limit::LETTERS;
        let like = (inflected || mistyped || compound) && text.chars().all(is_letter);
        let same = if mistyped { 1.0 - 1.0 / longest as f64 } else { prefix };
        like.then_some((same + prefix) / 2.0)
    }

    /// Whether one typing error turns this word into `text`: a missing, additional or different letter, or two neighbours
    /// swapped. `text` has `length` letters and shares the first `shared` with this word.
    fn is_one_error_from(&self, text: &str, length: usize, shared: usize) -> bool {
        if length.abs_diff(self.letters.len()) > 1 {
            return false;
        }
        let (own, rest) = (&self.letters[shared..], length - shared);
        let ending = text.chars().rev().zip(own.iter().rev()).take(rest).take_while(|(a, b)| a == *b).count();
        match (own.len() - ending, rest - ending) {
            (0 | 1, 0 | 1) => true,
            (2, 2) => text.chars().skip(shared).take(2).eq([own[1], own[0]]),
            _ => false,
        }
    }

    /// The most similar terms; if there are none, the parts of the word.
    fn forms<S: Statistics>(mut self, statistics: &S) -> Result<Vec<Form>, S::Error> {
        self.found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        self.found.dedup();
        let mut forms = Vec::new();
        let mut least = 0.0;
        // In batches: the first batch is usually enough. Terms that only deleted and invisible records hold do not count.
        for batch in self.found.chunks(limit::FORMS) {
            let held = self.held(batch.iter().map(|(_, text)| &**text).collect(), statistics)?;
            for form in held {
                let similarity =
                    batch.iter().find(|(_, text)| *text == form.text).map_or(0.0, |found| found.0);
                if forms.is_empty() {
                    least = similarity - limit::NEAR;
                }
                if similarity < least {
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

    /// The parts of a compound: the longest ending and the longest beginning that records hold.
    fn parts<S: Statistics>(&self, statistics: &S) -> Result<Vec<Form>, S::Error> {
        let cuts: Vec<usize> = self.text.char_indices().map(|(at, _)| at).collect();
        let least = limit::LETTERS.min(cuts.len());
        let ends = cuts[1..=cuts.len() - least].iter().map(|&at| &self.text[at..]).collect();
        let beginnings = cuts[least..].iter().rev().map(|&at| &self.text[..at]).collect();
        let first = |parts| Ok(self.held(parts, statistics)?.into_iter().next());
        Ok(first(ends)?.into_iter().chain(first(beginnings)?).collect())
    }

    /// The terms among `texts` that records hold.
    fn held<S: Statistics>(&self, texts: Vec<&str>, statistics: &S) -> Result<Vec<Form>, S::Error> {
        let frequencies = statistics.document_frequencies(&texts)?;
        let form = |(text, frequency): (&str, u64)| Form {
            terms: vec![self.number],
            text: text.to_owned(),
            frequency,
        };
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
