//! Takes a sentence of a query apart: words, terms, compounds, and neighbouring words that may be written as one.

use std::ops::Range;

use super::parsed_query::{Identifier, ParsedQuery};
use super::sentence::{QueryWord, Sentence};
use super::sentence_set::SentenceSet;
use crate::rank::tuning;
use crate::text::{Word, is_stopword, joined, word_grams, words};

/// What a query is parsed for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Detail {
    /// Its terms, for the first stage.
    Terms,
    /// Its words and their grams too.
    Words,
}

impl ParsedQuery {
    /// Adds a sentence. Returns false if it has no terms but stop words.
    pub fn add_sentence(&mut self, text: &str, detail: Detail, stopped: impl Fn(&str) -> bool) -> bool {
        let mut parser = SentenceParser::new(self, text, detail, stopped);
        words(text, |word| parser.add(word));
        let mut sentence = parser.sentence;
        if sentence.sequence.is_empty() {
            return false;
        }
        let mut sorted = sentence.sequence.clone();
        sorted.sort_unstable();
        sentence.counts = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect();
        self.sentences.push(sentence);
        true
    }
}

/// Takes a sentence apart, one word after another.
struct SentenceParser<'a, F> {
    query: &'a mut ParsedQuery,
    text: &'a str,
    detail: Detail,
    stopped: F,
    sentence: Sentence,
    bit: SentenceSet,
    first: bool,
    /// Whether capitals have a meaning, once it is known.
    mixed: Option<bool>,
    compound: Option<OpenCompound>,
    /// The word before, folded, and where its terms are in the sentence; nowhere if no word may be joined to it.
    before: (String, Range<usize>),
}

/// A compound some of whose parts are still to come.
struct OpenCompound {
    /// Its term.
    text: String,
    /// Its number if it is an identifier.
    identifier: Option<u32>,
    missing: usize,
    size: usize,
    parts: Vec<u32>,
}

impl<'a, F: Fn(&str) -> bool> SentenceParser<'a, F> {
    fn new(query: &'a mut ParsedQuery, text: &'a str, detail: Detail, stopped: F) -> Self {
        let bit = 1 << query.sentences.len();
        Self {
            query,
            text,
            detail,
            stopped,
            sentence: Sentence::default(),
            bit,
            first: true,
            mixed: None,
            compound: None,
            before: (String::new(), 0..0),
        }
    }

    fn add(&mut self, word: Word<'_>) {
        if word.parts() > 0 {
            return self.open(word);
        }
        let leads = std::mem::take(&mut self.first);
        let name = word.is_capitalized() && !leads;
        let never_stopped = word.is_never_stopped(leads) && self.is_mixed();
        let folded = word.folded();
        let (start, mut size) = (self.sentence.sequence.len(), 0);
        if never_stopped || !(self.stopped)(&folded) {
            let share = self
                .compound
                .as_ref()
                .filter(|one| one.identifier.is_some())
                .map_or(1.0, |one| 1.0 / one.size as f64);
            word.terms(|surface, term| {
                size += 1;
                if never_stopped || surface == folded || !(self.stopped)(surface) {
                    self.ask(term, name, share);
                }
            });
        }
        let terms = start..self.sentence.sequence.len();
        if self.detail == Detail::Words && size > 0 && word.has_grams() {
            let (mut grams, ids) = (Vec::new(), &mut self.query.grams_by_hash);
            word_grams(&folded, |gram| grams.push(ids.insert(gram.into())));
            let terms = self.sentence.sequence[terms.clone()].to_vec();
            self.sentence.words.push(QueryWord { terms, size, grams });
        }
        if self.compound.is_some() {
            self.continue_compound(terms);
            return;
        }
        if let (Some((letters, digits)), Some(&whole)) =
            (word.letters_and_digits(), self.sentence.sequence.get(start))
        {
            let parts =
                [letters, digits].map(|part| self.ask(&part.to_ascii_lowercase(), name, 0.5)).to_vec();
            self.query.add_identifier(Identifier { whole, parts, is_word: true });
        }
        self.join(&folded, terms, word.has_grams());
    }

    /// Adds a term of the sentence.
    fn ask(&mut self, term: &str, name: bool, share: f64) -> u32 {
        let number = self.query.number(term);
        let term = &mut self.query.terms[number as usize];
        term.sentences |= self.bit;
        term.names |= if name { self.bit } else { 0 };
        term.share = term.share.max(share);
        self.sentence.sequence.push(number);
        number
    }

    fn is_mixed(&mut self) -> bool {
        *self.mixed.get_or_insert_with(|| has_lower_case_subject(self.text))
    }

    /// Begins a compound. An identifier is a term; another compound is found by its parts or written as one word.
    fn open(&mut self, word: Word<'_>) {
        let name = word.is_capitalized() && !self.first;
        let mut text = String::new();
        word.terms(|_, term| term.clone_into(&mut text));
        let identifier = word.is_identifier().then(|| self.ask(&text, name, 1.0));
        let missing = word.parts();
        self.compound = Some(OpenCompound { text, identifier, missing, size: missing, parts: Vec::new() });
        self.before.1 = 0..0;
    }

    fn continue_compound(&mut self, terms: Range<usize>) {
        let Some(open) = &mut self.compound else { return };
        open.parts.extend_from_slice(&self.sentence.sequence[terms]);
        open.missing -= 1;
        if open.missing > 0 {
            return;
        }
        let Some(open) = self.compound.take() else { return };
        match open.identifier {
            Some(whole) => self.query.add_identifier(Identifier { whole, parts: open.parts, is_word: false }),
            None if open.parts.is_empty() => _ = self.ask(&open.text, false, 1.0),
            None => self.query.joined.push((open.text, open.parts)),
        }
    }

    /// Remembers that this word and the one before may be written as one. Only the second may be a stop word: "log in".
    fn join(&mut self, folded: &str, terms: Range<usize>, is_word: bool) {
        let (before, before_terms) = &mut self.before;
        if is_word
            && !(*before_terms).is_empty()
            && self.query.joined.len() < tuning::writings::JOINED
            && let Some(joined) = joined(before, folded)
        {
            let sequence = &self.sentence.sequence;
            let parts = [&sequence[before_terms.clone()], &sequence[terms.clone()]].concat();
            self.query.joined.push((joined, parts));
        }
        folded.clone_into(before);
        *before_terms = if is_word { terms } else { 0..0 };
    }
}

/// Whether a word that is no stop word begins in lower case. Otherwise, as in a headline, capitals mean nothing.
fn has_lower_case_subject(text: &str) -> bool {
    let mut found = false;
    words(text, |word| {
        found |= !found && word.parts() == 0 && word.is_lower_case() && !is_stopword(&word.folded());
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_capitalized_within_a_sentence() {
        let query = ParsedQuery::new("Does Alice cook? Bob and alice eat.");
        let names: Vec<(&str, SentenceSet)> =
            query.terms.iter().map(|term| (&*term.text, term.names)).collect();
        assert_eq!(names, [("alic", 1), ("cook", 0), ("bob", 0), ("eat", 0)]);
    }

    #[test]
    fn stop_words_that_are_names_are_looked_for() {
        let table = [
            ("What are the plans in May?", "plan may"),
            ("May I call IT about this?", "call it"),
            ("US visa for Will", "us visa will"),
            ("Should I take vitamin D", "take vitamin d"),
            ("A trip in a car", "trip car"),
            ("WHO IS IT FOR", "who is it for"),
            ("WHERE IS THE CAR", "car"),
            ("What TO cook? You MUST NOT use salt", "cook"),
            ("В каком году", "году"),
        ];
        for (query, terms) in table {
            assert_eq!(ParsedQuery::new(query).texts()[0], terms, "{query}");
        }
    }
}
