//! The part of a text that is its passage.

use std::ops::Range;

use super::known_terms::KnownTerms;
use crate::rank::chunked_text::ChunkedText;
use crate::rank::window;
use crate::text::TermInterner;

/// The part of a text that is its passage.
#[derive(Debug)]
pub struct TextPart<'a> {
    pub label: &'a [u32],
    /// The chunks behind the label.
    pub rest: &'a [u32],
    /// The position in the text of the first term of `rest`, if the label is not directly before it.
    pub first_term: u32,
    /// The characters of the shortest part of a long text that holds the same words of the query.
    pub characters: Option<Range<usize>>,
}

impl<'a> TextPart<'a> {
    /// `weights` are those of the query's terms.
    pub fn of(
        text: ChunkedText<'a>,
        known: &KnownTerms<'_>,
        interner: &TermInterner,
        weights: &[f64],
    ) -> Self {
        let (label, rest) = text.chunks.split_at(text.label);
        let whole = Self { label, rest, first_term: 0, characters: None };
        if text.pieces.is_empty() {
            return whole;
        }
        let Some(window) = window::best(text, interner, weights, |term| known.numbers(term).iter().copied())
        else {
            return whole;
        };
        let (first, last) = (text.pieces[window.pieces.start], text.pieces[window.pieces.end - 1]);
        Self {
            label,
            rest: &text.chunks[first.chunks.range().start.max(text.label)..last.chunks.range().end],
            first_term: first.terms.start,
            characters: Some(text.characters(window.core)),
        }
    }

    /// The number of its chunks.
    pub fn len(&self) -> usize {
        self.label.len() + self.rest.len()
    }
}
