//! The passage of a long text: the run of its pieces that holds most of a query.

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::chunked_text::{ChunkedText, Piece};
use super::tuning::{K1, passage as limit};
use crate::text::TermInterner;

/// A passage, as pieces of its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    /// All its pieces.
    pub pieces: Range<usize>,
    /// The shortest run of them that holds the same terms of the query; of equals the first.
    pub core: Range<usize>,
}

/// The passage of a text for a query. `numbers` gives the numbers of a term of the interner that the query asks for, and
/// `weights` has the weight of each number. `None` if the text holds no such term.
///
/// A passage begins with a piece that holds a term of the query. It has at most [`limit::TERMS`] terms, or one piece. The best
/// has the greatest sum of two parts: the weights of its terms, with saturated frequencies, and the weights of the terms in one
/// of its pieces, since words in one sentence belong together. Of equals the first is the best.
pub(super) fn best<N: IntoIterator<Item = u32>>(
    text: ChunkedText<'_>,
    interner: &TermInterner,
    weights: &[f64],
    numbers: impl Fn(u32) -> N,
) -> Option<Window> {
    let found = HoldingPieces::find(text, interner, weights, numbers);
    let mut counts = vec![0u32; weights.len()];
    let mut best: Option<(f64, Range<usize>)> = None;
    for at in 0..found.pieces.len() {
        let holding = found.within(at, end(text, found.pieces[at].piece));
        let value = found.value(holding.clone(), weights, &mut counts);
        if best.as_ref().is_none_or(|&(greatest, _)| value > greatest) {
            best = Some((value, holding));
        }
    }
    let (_, holding) = best?;
    let first = found.pieces[holding.start].piece;
    Some(Window { pieces: first..end(text, first), core: found.core(text, holding) })
}

/// The end of the passage that begins with the piece `first`.
fn end(text: ChunkedText<'_>, first: usize) -> usize {
    let start = text.pieces[first].terms.start;
    let fits = |piece: &&Piece| piece.terms.end - start <= limit::TERMS;
    first + 1 + text.pieces[first + 1..].iter().take_while(fits).count()
}

/// The pieces of a text that hold terms of a query.
struct HoldingPieces {
    pieces: Vec<HoldingPiece>,
    /// The numbers of the terms, for one piece after another.
    terms: Vec<u32>,
}

struct HoldingPiece {
    piece: usize,
    terms: Range<usize>,
    /// The sum of the weights of its distinct terms.
    weight: f64,
}

impl HoldingPieces {
    fn find<N: IntoIterator<Item = u32>>(
        text: ChunkedText<'_>,
        interner: &TermInterner,
        weights: &[f64],
        numbers: impl Fn(u32) -> N,
    ) -> Self {
        let mut found = Self { pieces: Vec::new(), terms: Vec::new() };
        let mut counted_in = vec![usize::MAX; weights.len()];
        for (piece, span) in text.pieces.iter().enumerate() {
            let (start, mut weight) = (found.terms.len(), 0.0);
            let terms =
                text.chunks[span.chunks.range()].iter().flat_map(|&chunk| interner.chunk(chunk).terms);
            for term in terms.flat_map(|&term| numbers(term)) {
                found.terms.push(term);
                if std::mem::replace(&mut counted_in[term as usize], piece) != piece {
                    weight += weights[term as usize];
                }
            }
            if weight > 0.0 {
                found.pieces.push(HoldingPiece { piece, terms: start..found.terms.len(), weight });
            } else {
                found.terms.truncate(start);
            }
        }
        found
    }

    /// Those from `at` on that come before the piece `end`.
    fn within(&self, at: usize, end: usize) -> Range<usize> {
        at..at + self.pieces[at..].iter().take_while(|piece| piece.piece < end).count()
    }

    /// The terms of these pieces.
    fn terms(&self, holding: Range<usize>) -> &[u32] {
        &self.terms[self.pieces[holding.start].terms.start..self.pieces[holding.end - 1].terms.end]
    }

    /// What [`best`] compares. All `counts` are 0 before and after.
    fn value(&self, holding: Range<usize>, weights: &[f64], counts: &mut [u32]) -> f64 {
        let mut value = self.pieces[holding.clone()].iter().map(|piece| piece.weight).fold(0.0, f64::max);
        let terms = self.terms(holding);
        terms.iter().for_each(|&term| counts[term as usize] += 1);
        for &term in terms {
            let frequency = f64::from(std::mem::take(&mut counts[term as usize]));
            value += weights[term as usize] * frequency * (K1 + 1.0) / (frequency + K1);
        }
        value
    }

    /// See [`Window::core`].
    fn core(&self, text: ChunkedText<'_>, holding: Range<usize>) -> Range<usize> {
        let all = self.terms(holding.clone()).iter().collect::<FxHashSet<_>>().len();
        let mut least: Option<(u32, Range<usize>)> = None;
        for at in holding.clone() {
            let mut seen: FxHashSet<u32> = FxHashSet::default();
            let last = self.pieces[at..holding.end].iter().find(|piece| {
                seen.extend(&self.terms[piece.terms.clone()]);
                seen.len() == all
            });
            let Some(last) = last else { break };
            let first = self.pieces[at].piece;
            let terms = text.pieces[last.piece].terms.end - text.pieces[first].terms.start;
            if least.as_ref().is_none_or(|&(fewest, _)| terms < fewest) {
                least = Some((terms, first..last.piece + 1));
            }
        }
        least.map_or(0..0, |(_, core)| core)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Texts;
    use crate::text::term_hash;

    /// The passage of a text, its core, for terms with these weights.
    fn passage(text: &str, asked: &[(&str, f64)]) -> Option<(String, String)> {
        let mut texts = Texts::default();
        texts.read_as(0, text, true);
        let (chunked, interner) = (texts.get(0)?, texts.interner());
        let weights: Vec<f64> = asked.iter().map(|&(_, weight)| weight).collect();
        let hashes: Vec<u64> = asked.iter().map(|&(term, _)| term_hash(term)).collect();
        let number = |term| hashes.iter().position(|&hash| hash == interner.hash(term)).map(|at| at as u32);
        let window = best(chunked, interner, &weights, number)?;
        let part = |pieces| {
            let characters = chunked.characters(pieces);
            text.chars().skip(characters.start).take(characters.len()).collect()
        };
        Some((part(window.pieces), part(window.core)))
    }

    fn core(text: &str, asked: &[(&str, f64)]) -> String {
        passage(text, asked).unwrap_or_default().1
    }

    #[test]
    fn the_passage_holds_most_of_the_query() {
        let filler = "Nothing of it is here. ".repeat(100);
        let text = format!("The red door. {filler}The red car is fast. {filler}A car. {filler}");
        let (all, core) = passage(&text, &[("red", 1.0), ("car", 1.0)]).unwrap_or_default();
        assert_eq!(core, "The red car is fast.");
        assert!(all.starts_with("The red car is fast. Nothing of it"), "{all}");
        let terms = all.split_whitespace().count();
        assert!((140..=150).contains(&terms), "{terms}");
    }

    #[test]
    fn a_rare_word_outweighs_common_ones() {
        let text = format!("A big car. {}The zeppelin.", "Nothing of it is here. ".repeat(100));
        assert_eq!(core(&text, &[("big", 1.0), ("car", 1.0), ("zeppelin", 5.0)]), "The zeppelin.");
        assert_eq!(core(&text, &[("big", 3.0), ("car", 3.0), ("zeppelin", 5.0)]), "A big car.");
    }

    #[test]
    fn words_in_one_sentence_belong_together() {
        let gap = "Nothing of it is here. ".repeat(100);
        let text = format!("A red door. A big hat. A car. {gap}A big red car. {gap}");
        assert_eq!(core(&text, &[("red", 1.0), ("big", 1.0), ("car", 1.0)]), "A big red car.");
    }

    #[test]
    fn the_label_is_in_the_first_piece() {
        assert_eq!(core("Alice: She left. Then rain.", &[("alic", 1.0)]), "Alice:");
    }

    #[test]
    fn characters_are_not_bytes() {
        assert_eq!(core("  𠮷野家。 😀 你好吗？ 好。", &[("你好", 1.0)]), "😀 你好吗？");
        assert_eq!(core(&"长".repeat(3000), &[("长", 1.0)]).chars().count(), 166);
    }

    #[test]
    fn without_a_word_of_the_query_there_is_none() {
        for text in ["", " \n", "?!", "nothing like it"] {
            assert_eq!(passage(text, &[("car", 1.0)]), None);
        }
    }
}
