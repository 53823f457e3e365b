//! A posting list, read window by window from its end.

use std::cell::Cell;
use std::ops::Range;

use super::postings::{Block, Postings, tf};
use super::scorer::{MAX_TABLED_NORM, Scorer, TABLED_FREQUENCIES, TABLED_NORMS, Weight};

/// The most documents in a window; a power of two.
pub const WINDOW: usize = 65536;

/// A document that may be among the best, and its score so far.
#[derive(Clone, Copy)]
pub struct ScoredDoc {
    /// The document.
    pub doc: u32,
    /// Its score.
    pub score: u32,
}

thread_local! {
    static ACCUMULATOR: Cell<Option<Accumulator>> = const { Cell::new(None) };
}

/// The scores of a window's documents so far. Between searches all are zero.
pub struct Accumulator {
    /// The documents.
    pub window: Range<u32>,
    /// Their scores, zero where nothing was added.
    pub scores: Box<[u32; WINDOW]>,
    field_norms: Box<[u8; WINDOW]>,
    /// Whether a document of the window has the field norm [`MAX_TABLED_NORM`].
    has_long: bool,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self {
            window: 0..0,
            scores: Box::new([0; WINDOW]),
            field_norms: Box::new([0; WINDOW]),
            has_long: false,
        }
    }
}

impl Accumulator {
    /// Runs `work` with this thread's accumulator: allocating a new one takes longer than many searches.
    pub fn with<T>(work: impl FnOnce(&mut Self) -> T) -> T {
        let mut accumulator = ACCUMULATOR.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let outcome = work(&mut accumulator);
        // This fails only while the thread ends.
        let _ = ACCUMULATOR.try_with(|place| place.set(Some(accumulator)));
        outcome
    }

    /// Moves to a window; the scores must be zero.
    pub fn move_to(&mut self, window: Range<u32>, scorer: &Scorer<'_>) {
        let field_norms = &mut self.field_norms[..window.len().min(WINDOW)];
        scorer.field_norms.copy(window.start, field_norms);
        self.has_long = field_norms
            .iter()
            .fold(false, |has_long, &field_norm| has_long | (field_norm == MAX_TABLED_NORM));
        self.window = window;
    }

    /// Adds to each of `docs`, all in the window, what `score` says for it, its field norm and its part of `more`.
    // Not inlined, so that the loop has all registers.
    #[inline(never)]
    fn add(&mut self, docs: &[u32], more: &[u32], score: impl Fn(u32, u8, u32) -> u32) {
        let (start, scores, field_norms) = (self.window.start, &mut *self.scores, &*self.field_norms);
        for (&doc, &more) in docs.iter().zip(more) {
            let place = doc.wrapping_sub(start) as usize % WINDOW;
            scores[place] += score(doc, field_norms[place], more);
        }
    }
}

/// A term's posting list, and the window that it stands at.
pub struct Cursor<'a> {
    /// The list.
    pub postings: Postings<'a>,
    weight: Weight,
    /// The number of the decoded block, and whether its frequencies are decoded too.
    decoded: (usize, bool),
    block: Block,
    /// Blocks that overlap the window.
    range: Range<usize>,
    /// What a document of the window gets from this term at most.
    pub bound: u32,
}

impl<'a> Cursor<'a> {
    /// Behind the last document.
    pub fn new(postings: Postings<'a>, weight: Weight) -> Self {
        let end = postings.blocks();
        Self {
            postings,
            weight,
            decoded: (usize::MAX, false),
            block: Block::default(),
            range: end..end,
            bound: 0,
        }
    }

    /// Moves to the next older window, which begins at document `first`.
    pub fn move_to(&mut self, first: u32, scorer: &Scorer<'_>) {
        let end = (self.range.start + 1).min(self.postings.blocks());
        let mut start = self.range.start;
        let mut code = if start < end { self.postings.meta(start).bound } else { 0 };
        while start > 0 {
            let meta = self.postings.meta(start - 1);
            if meta.last < first {
                break;
            }
            code = code.max(meta.bound);
            start -= 1;
        }
        self.range = start..end;
        self.bound = if start < end { self.weight.bound(scorer, code) } else { 0 };
    }

    /// Makes all blocks the window, and leaves the bound as it is.
    pub fn widen(&mut self) {
        self.range = 0..self.postings.blocks();
    }

    /// Makes the blocks around these documents, which are in ascending order and will be looked up, the window. If there are more
    /// blocks than documents, the highest bound is taken: to find the closest would take longer than to look the documents up.
    pub fn move_to_docs(&mut self, docs: &[u32], scorer: &Scorer<'_>) {
        let (Some(&first), Some(&last)) = (docs.first(), docs.last()) else { return };
        let start = self.postings.block_of(first, 0);
        let end = (self.postings.block_of(last, start) + 1).min(self.postings.blocks());
        self.range = start.min(end)..end;
        let code = if self.range.len() > docs.len() {
            Some(u8::MAX)
        } else {
            self.range.clone().map(|b| self.postings.meta(b).bound).max()
        };
        self.bound = code.map_or(0, |code| self.weight.bound(scorer, code));
    }

    #[inline]
    fn decode_docs(&mut self, block: usize) {
        if self.decoded.0 != block {
            self.postings.decode_docs(block, &mut self.block);
            self.decoded = (block, false);
        }
    }

    #[inline]
    fn decode_tfs(&mut self) {
        if !self.decoded.1 {
            self.postings.decode_tfs(self.decoded.0, &mut self.block);
            self.decoded.1 = true;
        }
    }

    /// Calls `each` with document and score of every posting.
    pub fn for_each(&self, scorer: &Scorer<'_>, mut each: impl FnMut(u32, u32)) {
        self.postings.for_each(|doc, tf| each(doc, self.weight.score(scorer, tf, doc)));
    }

    /// Adds this term's score to every document of the window.
    pub fn add_to(&mut self, accumulator: &mut Accumulator, scorer: &Scorer<'_>) {
        let Range { start, end } = accumulator.window;
        for b in self.range.clone() {
            self.decode_docs(b);
            let docs = &self.block.docs[..self.block.len];
            let (Some(&first), Some(&last)) = (docs.first(), docs.last()) else { continue };
            let from = if first >= start { 0 } else { docs.partition_point(|&doc| doc < start) };
            let to = if last < end { docs.len() } else { docs.partition_point(|&doc| doc < end) };
            if from < to {
                self.add_block(accumulator, from..to, scorer);
            }
        }
    }

    /// Adds a part of the decoded block.
    fn add_block(&mut self, accumulator: &mut Accumulator, part: Range<usize>, scorer: &Scorer<'_>) {
        let Block { most, .. } = self.block;
        if most > 1 {
            self.decode_tfs();
        }
        let (weight, table) = (self.weight, scorer.table);
        let (docs, more) = (&self.block.docs[part.clone()], &self.block.more[part]);
        if most > TABLED_FREQUENCIES as u32 || accumulator.has_long {
            let tf = |more| if most > 1 { tf(more) } else { 1 };
            accumulator.add(docs, more, |doc, _, more| weight.score(scorer, tf(more), doc));
        } else if most > 1 {
            let place = |field_norm: u8, more: u32| {
                (more as usize * TABLED_NORMS + usize::from(field_norm)) % table.len()
            };
            accumulator.add(docs, more, |_, field_norm, more| weight.times(table[place(field_norm, more)]));
        } else {
            accumulator.add(docs, more, |_, field_norm, _| weight.times(table[usize::from(field_norm)]));
        }
    }

    /// Adds this term's score to the candidates that hold it. They are in ascending order of documents.
    pub fn probe(&mut self, mut candidates: &mut [ScoredDoc], scorer: &Scorer<'_>) {
        let mut b = self.range.start;
        while let Some(first) = candidates.first() {
            b = self.seek(first.doc, b);
            if b >= self.range.end {
                return;
            }
            self.decode_docs(b);
            let within = count_up_to(candidates, self.postings.meta(b).last);
            let (near, rest) = candidates.split_at_mut(within);
            if near.len() > self.block.len {
                self.add_where_held(near, scorer);
            } else {
                self.add_where_found(near, scorer);
            }
            candidates = rest;
        }
    }

    /// Looks each candidate up in the decoded block.
    fn add_where_found(&mut self, candidates: &mut [ScoredDoc], scorer: &Scorer<'_>) {
        for candidate in candidates {
            if let Ok(i) = self.block.docs[..self.block.len].binary_search(&candidate.doc) {
                self.decode_tfs();
                candidate.score += self.weight.score(scorer, tf(self.block.more[i]), candidate.doc);
            }
        }
    }

    /// Looks each document of the decoded block up among the candidates.
    fn add_where_held(&mut self, candidates: &mut [ScoredDoc], scorer: &Scorer<'_>) {
        let (Some(first), Some(last)) = (candidates.first(), candidates.last()) else { return };
        let docs = &self.block.docs[..self.block.len];
        let part = docs.partition_point(|&doc| doc < first.doc)..docs.partition_point(|&doc| doc <= last.doc);
        for i in part {
            let doc = self.block.docs[i];
            if let Ok(at) = candidates.binary_search_by_key(&doc, |candidate| candidate.doc) {
                self.decode_tfs();
                candidates[at].score += self.weight.score(scorer, tf(self.block.more[i]), doc);
            }
        }
    }

    /// The first block from `b` on that reaches `doc`.
    fn seek(&self, doc: u32, b: usize) -> usize {
        const STEPS: usize = 8;
        for near in b..b + STEPS {
            if near >= self.range.end || self.postings.meta(near).last >= doc {
                return near;
            }
        }
        self.postings.block_of(doc, b + STEPS)
    }
}

/// How many candidates lie at or before `last`. Searches from the beginning, because they are mostly few.
fn count_up_to(candidates: &[ScoredDoc], last: u32) -> usize {
    let mut end = 2;
    while candidates.get(end).is_some_and(|candidate| candidate.doc <= last) {
        end *= 4;
    }
    candidates[..end.min(candidates.len())].partition_point(|candidate| candidate.doc <= last)
}
