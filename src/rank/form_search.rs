//! The search for the forms of one word.

use unicode_normalization::char::is_combining_mark;

use super::Statistics;
use super::form::Form;
use super::tuning::forms as limit;

/// A word and the terms that are similar to it so far.
pub(super) struct FormSearch<'a> {
    number: u32,
    pub text: &'a str,
    letters: Vec<char>,
    /// Length in bytes of the prefix that all forms share.
    pub start: usize,
    /// Whether records hold it.
    known: bool,
    /// Similar terms with their similarities.
    found: Vec<(f64, String)>,
}

impl<'a> FormSearch<'a> {
    /// `None` if the term is too short or no word.
    pub fn new(number: u32, text: &'a str, known: bool) -> Option<Self> {
        let letters: Vec<char> = text.chars().collect();
        let is_word = letters.len() >= limit::LETTERS && letters.iter().all(|&c| is_letter(c));
        let start = letters.iter().take(limit::START).map(|c| c.len_utf8()).sum();
        is_word.then_some(Self { number, text, letters, start, known, found: Vec::new() })
    }

    /// Keeps `text` if it is similar. It may be a compound that ends with this word if `scan` is true: all terms are compared
    /// then. The first comparison of each kind nearly always fails, so it is cheap.
    #[inline]
    pub fn compare(&mut self, text: &str, scan: bool) {
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
    pub fn forms<S: Statistics>(mut self, statistics: &S) -> Result<Vec<Form>, S::Error> {
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
