//! A posting list, read window by window from its end.

use std::ops::Range;

use super::postings::{Block, Postings};
use super::scorer::{COLUMNS, MANY, ROWS, Scorer, Weight};

/// The most documents in a window; a power of two.
pub const WINDOW: usize = 16384;

/// A document that may yet be among the best, and what it has so far.
#[derive(Clone, Copy)]
pub struct Candidate {
    /// The document.
    pub doc: u32,
    /// Its score.
    pub score: u32,
}

/// What the documents of a window have so far.
pub struct Sums {
    /// The documents.
    pub window: Range<u32>,
    /// Their scores, zero where nothing was added.
    pub scores: Box<[u32; WINDOW]>,
    columns: Box<[u8; WINDOW]>,
    /// Is a document's column [`MANY`]?
    many: bool,
}

impl Default for Sums {
    fn default() -> Self {
        Self { window: 0..0, scores: Box::new([0; WINDOW]), columns: Box::new([0; WINDOW]), many: false }
    }
}

impl Sums {
    /// Moves to a window; the scores must be zero.
    pub fn move_to(&mut self, window: Range<u32>, scorer: &Scorer<'_>) {
        let columns = &mut self.columns[..window.len().min(WINDOW)];
        scorer.columns.copy(window.start, columns);
        self.many = columns.iter().fold(false, |many, &column| many | (column == MANY));
        self.window = window;
    }

    /// Adds to each of `docs`, all in the window, what `score` says for it, its column and its frequency.
    // Not inlined: so it has all registers for itself.
    #[inline(never)]
    fn add(&mut self, docs: &[u32], tfs: &[u32], score: impl Fn(u32, u8, u32) -> u32) {
        let (start, scores, columns) = (self.window.start, &mut *self.scores, &*self.columns);
        for (&doc, &tf) in docs.iter().zip(tfs) {
            let place = doc.wrapping_sub(start) as usize % WINDOW;
            scores[place] += score(doc, columns[place], tf);
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
    /// At least what any document of the window gets from this term.
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

    /// Makes all blocks the window.
    pub fn widen(&mut self) {
        self.range = 0..self.postings.blocks();
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
    pub fn add_to(&mut self, sums: &mut Sums, scorer: &Scorer<'_>) {
        let Range { start, end } = sums.window;
        for b in self.range.clone() {
            self.decode_docs(b);
            let docs = &self.block.docs[..self.block.len];
            let (Some(&first), Some(&last)) = (docs.first(), docs.last()) else { continue };
            let from = if first >= start { 0 } else { docs.partition_point(|&doc| doc < start) };
            let to = if last < end { docs.len() } else { docs.partition_point(|&doc| doc < end) };
            if from < to {
                self.add_block(sums, from..to, scorer);
            }
        }
    }

    /// Adds a part of the decoded block.
    fn add_block(&mut self, sums: &mut Sums, part: Range<usize>, scorer: &Scorer<'_>) {
        let Block { most, .. } = self.block;
        if most > 1 {
            self.decode_tfs();
        }
        let (weight, table) = (self.weight, scorer.table);
        let (docs, tfs) = (&self.block.docs[part.clone()], &self.block.tfs[part]);
        if most > ROWS as u32 || sums.many {
            let tf = |tf| if most > 1 { tf } else { 1 };
            sums.add(docs, tfs, |doc, _, held| weight.score(scorer, tf(held), doc));
        } else if most > 1 {
            let row = |tf: u32| tf.wrapping_sub(1) as usize % ROWS * COLUMNS;
            sums.add(docs, tfs, |_, column, tf| weight.times(table[row(tf) + usize::from(column)]));
        } else {
            sums.add(docs, tfs, |_, column, _| weight.times(table[usize::from(column)]));
        }
    }

    /// Adds this term's score to the candidates that hold it; they rise in document.
    pub fn probe(&mut self, candidates: &mut [Candidate], scorer: &Scorer<'_>) {
        let mut b = self.range.start;
        for candidate in candidates {
            b = self.seek(candidate.doc, b);
            if b >= self.range.end {
                return;
            }
            self.decode_docs(b);
            if let Ok(i) = self.block.docs[..self.block.len].binary_search(&candidate.doc) {
                self.decode_tfs();
                candidate.score += self.weight.score(scorer, self.block.tfs[i], candidate.doc);
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
