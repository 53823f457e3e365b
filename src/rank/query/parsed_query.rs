//! [`ParsedQuery`]: the terms, sentences and word grams of a query.

use super::sentence::Sentence;
use super::term::QueryTerm;
use crate::rank::form::Form;
use crate::rank::hash_ids::HashIds;
use crate::text::{is_particle, term_hash};

/// A parsed query, independent of any store. Terms and grams have numbers.
#[derive(Debug, Default)]
pub struct ParsedQuery {
    pub terms: Vec<QueryTerm>,
    pub sentences: Vec<Sentence>,
    pub terms_by_hash: HashIds,
    pub grams_by_hash: HashIds,
    /// Terms of the store that are forms of a query term. They have numbers of their own.
    pub forms_by_hash: HashIds,
    /// For each form the numbers of the query's terms.
    pub forms: Vec<Vec<u32>>,
    pub identifiers: Vec<Identifier>,
    /// Other writings of its words: neighbouring words and the parts of compounds as one word, and umlauts spelled out. Each with the
    /// terms that it stands for.
    pub joined: Vec<(String, Vec<u32>)>,
}

/// A word of the query that names one thing as a whole, see [`Word::is_identifier`](crate::text::Word::is_identifier).
#[derive(Debug)]
pub struct Identifier {
    pub whole: u32,
    pub parts: Vec<u32>,
    /// Whether the query has it as one word, as "RTX4090".
    pub is_word: bool,
}

impl ParsedQuery {
    /// The number of a term, which is added if it is new.
    pub fn number(&mut self, term: &str) -> u32 {
        let number = self.terms_by_hash.insert(term_hash(term));
        if number as usize == self.terms.len() {
            self.terms.push(QueryTerm {
                text: term.to_owned(),
                sentences: 0,
                names: 0,
                share: 0.0,
                guessed: false,
                particle: is_particle(term),
            });
        }
        number
    }

    pub fn add_identifier(&mut self, identifier: Identifier) {
        if !self.is_identifier(identifier.whole) {
            self.identifiers.push(identifier);
        }
    }

    /// Whether a term is an identifier as a whole.
    pub fn is_identifier(&self, term: u32) -> bool {
        self.identifiers.iter().any(|identifier| identifier.whole == term)
    }

    /// How often it asks for each term.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.terms.len()];
        let asked = self.sentences.iter().flat_map(|sentence| &sentence.counts);
        asked.for_each(|&(term, count)| counts[term as usize] += count);
        counts
    }

    /// Adds a form of a term. Returns false if it is a term of the query, or a form of one, already.
    pub fn add_form(&mut self, form: &Form) -> bool {
        let hash = term_hash(&form.text);
        let new = self.terms_by_hash.find(hash).or(self.forms_by_hash.find(hash)).is_none();
        if new {
            self.forms_by_hash.insert(hash);
            self.forms.push(form.terms.clone());
        }
        new
    }
}

#[cfg(test)]
impl ParsedQuery {
    /// The terms of each sentence.
    pub fn texts(&self) -> Vec<String> {
        let text = |sentence: &Sentence| {
            let terms: Vec<&str> =
                sentence.sequence.iter().map(|&term| &*self.terms[term as usize].text).collect();
            terms.join(" ")
        };
        self.sentences.iter().map(text).collect()
    }
}
