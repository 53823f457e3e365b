//! Texts in the form that ranking needs. A text is read once and ranked by many queries.

use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::Statistics;
use super::chunked_text::{ChunkedText, Piece, Span};
use super::label::label_end;
use super::tuning::passage as limit;
use crate::record::Seq;
use crate::text::{TermInterner, pieces};

/// The texts of records, read.
#[derive(Debug, Default)]
pub struct Texts {
    interner: TermInterner,
    spans: FxHashMap<Seq, TextSpan>,
    /// The chunks of all texts, one text after another.
    chunks: Vec<u32>,
    /// The pieces of all long texts, one text after another.
    pieces: Vec<Piece>,
    /// For each term of the interner: the generation of the statistics in the high half, the document frequency in the low
    /// half; 0 until it is read.
    frequencies: Vec<AtomicU64>,
}

#[derive(Debug, Clone, Copy)]
struct TextSpan {
    chunks: Span,
    pieces: Span,
    /// The number of chunks of the label, which are the first ones.
    label: u32,
    bytes: u32,
    identity: u64,
}

/// A hash of a text without the white space around it.
pub(super) fn identity(text: &str) -> u64 {
    xxh3_64(text.trim().as_bytes())
}

impl Texts {
    /// Reads a record's text if it is not here yet.
    pub fn read(&mut self, seq: Seq, text: &str) {
        self.read_as(seq, text, text.len() > limit::BYTES);
    }

    /// As [`Texts::read`]. `in_pieces` says whether passages of the text are to be found.
    pub(super) fn read_as(&mut self, seq: Seq, text: &str, in_pieces: bool) {
        if self.spans.contains_key(&seq) {
            return;
        }
        let (start, chunks) = (self.chunks.len(), &mut self.chunks);
        let (label, rest) = text.split_at(label_end(text));
        self.interner.read(label, |chunk| chunks.push(chunk));
        let (label, first_piece) = (chunks.len() - start, self.pieces.len());
        if in_pieces {
            self.read_pieces(start, text, rest);
        } else {
            self.interner.read(rest, |chunk| chunks.push(chunk));
        }
        self.keep(seq, start, first_piece, label, text.len(), identity(text));
    }

    /// Reads `rest`, the part of `text` behind its label, whose chunks begin at `start`.
    fn read_pieces(&mut self, start: usize, text: &str, rest: &str) {
        let (mut chunks, mut terms, mut chars) = (start, 0, 0);
        let (mut unread, mut bytes) = (text, text.len() - rest.len());
        for piece in pieces(rest, limit::PIECE_BYTES) {
            self.interner.read(piece, |chunk| self.chunks.push(chunk));
            bytes += piece.len();
            let (whole, behind) = unread.split_at(bytes);
            (unread, bytes) = (behind, 0);
            let first = (chunks, terms, chars);
            let read = &self.chunks[chunks..];
            terms += read.iter().map(|&chunk| self.interner.chunk(chunk).terms.len()).sum::<usize>();
            (chunks, chars) = (self.chunks.len(), chars + whole.chars().count());
            let blank = |around: &str| around.chars().count();
            let before = blank(&whole[..whole.len() - whole.trim_start().len()]);
            let behind = blank(&whole[whole.trim_end().len()..]);
            self.pieces.push(Piece {
                chunks: Span::new(first.0 - start, chunks - start),
                terms: Span::new(first.1, terms),
                chars: Span::new(first.2 + before, chars - behind),
            });
        }
    }

    /// Copies a text from `others` if it is there and not here.
    pub fn adopt(&mut self, others: &Self, seq: Seq) {
        let Some(text) = others.get(seq).filter(|_| !self.spans.contains_key(&seq)) else { return };
        let (start, first_piece) = (self.chunks.len(), self.pieces.len());
        for &chunk in text.chunks {
            self.chunks.push(self.interner.adopt(&others.interner, chunk));
        }
        self.pieces.extend_from_slice(text.pieces);
        self.keep(seq, start, first_piece, text.label, text.bytes, text.identity);
    }

    fn keep(
        &mut self,
        seq: Seq,
        start: usize,
        first_piece: usize,
        label: usize,
        bytes: usize,
        identity: u64,
    ) {
        let chunks = Span::new(start, self.chunks.len());
        let pieces = Span::new(first_piece, self.pieces.len());
        let [label, bytes] = [label, bytes].map(|size| size as u32);
        self.spans.insert(seq, TextSpan { chunks, pieces, label, bytes, identity });
        self.frequencies.resize_with(self.interner.terms(), AtomicU64::default);
    }

    /// The text of a record, if it is here.
    pub fn get(&self, seq: Seq) -> Option<ChunkedText<'_>> {
        let &TextSpan { chunks, pieces, label, bytes, identity } = self.spans.get(&seq)?;
        let (chunks, pieces) = (&self.chunks[chunks.range()], &self.pieces[pieces.range()]);
        Some(ChunkedText { chunks, pieces, label: label as usize, bytes: bytes as usize, identity })
    }

    /// Whether the text of a record has a term; `None` if it was not read.
    pub fn has_terms(&self, seq: Seq) -> Option<bool> {
        let has_terms = |&chunk: &u32| !self.interner.chunk(chunk).terms.is_empty();
        Some(self.get(seq)?.chunks.iter().any(has_terms))
    }

    /// Hashes of the terms of a text's label.
    pub fn label(&self, seq: Seq) -> impl Iterator<Item = u64> {
        let chunks = self.get(seq).map_or(&[][..], |text| &text.chunks[..text.label]);
        chunks
            .iter()
            .flat_map(|&chunk| self.interner.chunk(chunk).terms)
            .map(|&term| self.interner.hash(term))
    }

    /// The terms and grams of the chunks.
    pub fn interner(&self) -> &TermInterner {
        &self.interner
    }

    /// The document frequency of a term of the interner. It is read once in each generation of the statistics.
    ///
    /// # Errors
    /// The statistics cannot be read.
    pub fn frequency<S: Statistics>(&self, term: u32, statistics: &S) -> Result<u64, S::Error> {
        let generation = statistics.generation();
        if let Some(known) = self.known(term, generation) {
            return Ok(known);
        }
        let frequency = statistics.document_frequency(self.interner.term(term))?;
        self.keep_frequency(term, generation, frequency);
        Ok(frequency)
    }

    /// Reads the document frequencies of those terms whose frequencies are not known, all at once, which is faster.
    ///
    /// # Errors
    /// The statistics cannot be read.
    pub fn look_up<S: Statistics>(
        &self,
        terms: impl Iterator<Item = u32>,
        statistics: &S,
    ) -> Result<(), S::Error> {
        let generation = statistics.generation();
        let mut unknown: Vec<u32> = terms.filter(|&term| self.known(term, generation).is_none()).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let texts: Vec<&str> = unknown.iter().map(|&term| self.interner.term(term)).collect();
        for (term, frequency) in unknown.iter().zip(statistics.document_frequencies(&texts)?) {
            self.keep_frequency(*term, generation, frequency);
        }
        Ok(())
    }

    fn known(&self, term: u32, generation: u32) -> Option<u64> {
        let known = self.frequencies[term as usize].load(Ordering::Relaxed);
        (known != 0 && known >> 32 == u64::from(generation)).then_some(known & u64::from(u32::MAX))
    }

    fn keep_frequency(&self, term: u32, generation: u32, frequency: u64) {
        let memo = u64::from(generation) << 32 | frequency.min(u32::MAX.into());
        self.frequencies[term as usize].store(memo, Ordering::Relaxed);
    }

    /// Bytes on the heap, about.
    pub fn bytes(&self) -> usize {
        self.interner.bytes()
            + self.spans.capacity() * (size_of::<(Seq, TextSpan)>() + 2)
            + self.chunks.capacity() * size_of::<u32>()
            + self.pieces.capacity() * size_of::<Piece>()
            + self.frequencies.capacity() * size_of::<AtomicU64>()
    }
}

#[cfg(test)]
impl Texts {
    /// These texts, as records numbered from 0.
    pub(super) fn of(texts: &[&str]) -> Self {
        let mut read = Self::default();
        (0..).zip(texts).for_each(|(seq, text)| read.read(seq, text));
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::fake_statistics::FakeStatistics;
    use crate::text::term_hash;

    #[test]
    fn a_text_is_the_same_wherever_it_was_read() {
        let one = Texts::of(&["Zoë: red, red car", "no label"]);
        let mut other = Texts::of(&["a car"]);
        other.adopt(&one, 1);
        other.adopt(&one, 9);
        other.adopt(&one, 0);
        assert_eq!(other.get(0).map(|text| text.bytes), Some(5), "it was read already");
        let terms = |texts: &Texts, seq| -> Vec<String> {
            let chunks = texts.get(seq).into_iter().flat_map(|text| text.chunks);
            let terms = chunks.flat_map(|&chunk| texts.interner.chunk(chunk).terms);
            terms.map(|&term| texts.interner.term(term).to_owned()).collect()
        };
        assert_eq!(terms(&one, 0), ["zoe", "red", "red", "car"]);
        assert_eq!(terms(&other, 1), ["no", "label"]);
        assert_eq!(one.label(0).collect::<Vec<_>>(), [term_hash("zoe")]);
        assert!(one.label(1).next().is_none() && other.get(9).is_none());
    }

    #[test]
    fn a_frequency_is_read_once_in_each_generation() {
        let texts = Texts::of(&["car"]);
        let mut statistics = FakeStatistics { other_frequency: 7, ..FakeStatistics::default() };
        for generation in [0, 0, 1, 1, 1] {
            statistics.generation = generation;
            assert_eq!(texts.frequency(0, &statistics), Ok(7));
        }
        assert_eq!(statistics.lookups.get(), 2);
    }

    #[test]
    fn frequencies_that_were_read_together_are_known() {
        let texts = Texts::of(&["red car", "red bike"]);
        let statistics = FakeStatistics { other_frequency: 7, ..FakeStatistics::default() };
        let Ok(()) = texts.look_up([0, 1, 0].into_iter(), &statistics);
        let Ok(()) = texts.look_up([0, 1, 2].into_iter(), &statistics);
        (0..3).for_each(|term| assert_eq!(texts.frequency(term, &statistics), Ok(7)));
        assert_eq!(statistics.lookups.get(), 3);
    }
}
