//! A text as chunks.

use std::ops::Range;

/// A text as chunks.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChunkedText<'a> {
    /// Its chunks in order, as ids of [`Texts::interner`](super::Texts::interner).
    pub chunks: &'a [u32],
    /// Its pieces in order; none if it is short, and then one passage.
    pub(super) pieces: &'a [Piece],
    /// The number of chunks of its label, which are the first ones; see [`label_end`](super::label::label_end).
    pub label: usize,
    /// Its length in bytes.
    pub bytes: usize,
    /// Equal for equal texts, see [`identity`](super::texts::identity).
    pub identity: u64,
}

impl ChunkedText<'_> {
    /// The characters of these pieces.
    pub(super) fn characters(&self, pieces: Range<usize>) -> Range<usize> {
        let pieces = &self.pieces[pieces];
        let (first, last) = (pieces.first(), pieces.last());
        first.map_or(0, |piece| piece.chars.range().start)..last.map_or(0, |piece| piece.chars.range().end)
    }
}

/// A range that fits in less space. Positions fit in u32: texts are dropped with the query, or when they take a few MB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A piece of a long text: a sentence or a part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    /// Its chunks among those of the text. The label is in the first piece.
    pub chunks: Span,
    /// Its terms among those of the text.
    pub terms: Span,
    /// Its characters in the text, without white space around them.
    pub chars: Span,
}
