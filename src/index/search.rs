//! The best k records for a weighted set of terms: MaxScore over windows of documents with block bounds
//! (Turtle and Flood 1995; Ding and Suel 2011; the windows follow Lucene's bulk scorer).
//!
//! Windows are taken from the newest documents to the oldest. In each, terms whose bounds together cannot lift a
//! record above the k-th best so far are "non-essential": the others are added up for every document of the window,
//! the non-essential ones only for documents that can still make it.
//!
//! Scores are added as integers, so that the order of addition, and with it the layout of segments, cannot change a ranking.

use std::ops::Range;

use super::allowed::{Allowed, DocSet};
use super::inverted::{Index, Part};
use super::norm;
use super::postings::{Block, Postings, bound_value};
use super::segment::{Segment, View};
use super::tail::Tail;
use super::{Damaged, bits::Bits};
use crate::rank::WeightedTerm;
use crate::rank::bm25::{K1, Saturation};
use crate::rank::top_k::TopK;
use crate::record::Seq;

/// What a posting contributes, times its term's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    /// [`crate::rank::bm25::saturation`].
    Bm25,
    /// `(1 + ln tf) / |record|`, the record's vector without idf.
    Cosine,
}

/// Documents in a window.
const WINDOW: u32 = 4096;
/// Queries with fewer postings than this in a segment are added up posting by posting.
const FEW_POSTINGS: u32 = 2048;
/// Non-essential terms may make up one in this many parts of the score to be exceeded.
const SHARE: u32 = 2;

/// Weights are scaled so that no record can score more than this.
const SCALE: f32 = (1u32 << 30) as f32;

/// What one posting adds, and a bound of it.
trait Scorer {
    /// For a posting of `tf` in `doc`, in any scale.
    fn score(&self, tf: u32, doc: u32) -> f32;
    /// At least the score of every posting in a block with this bound.
    fn bound(&self, code: u8) -> f32;
}

struct Bm25<'a, L> {
    saturation: &'a Saturation,
    length: L,
    /// What bounds made for another mean length must be multiplied by to stay bounds.
    stretch: f32,
}

impl<L: Fn(u32) -> u32> Scorer for Bm25<'_, L> {
    #[inline]
    fn score(&self, tf: u32, doc: u32) -> f32 {
        self.saturation.of(tf, (self.length)(doc))
    }

    #[inline]
    fn bound(&self, code: u8) -> f32 {
        bound_value(code) * self.stretch
    }
}

struct Cosine<N> {
    norm: N,
}

impl<N: Fn(u32) -> u8> Scorer for Cosine<N> {
    #[inline]
    fn score(&self, tf: u32, doc: u32) -> f32 {
        // Of a sound segment it is less anyway: this keeps sums within their type when frequency and norm do not fit.
        (norm::sublinear(tf) * norm::inverses()[usize::from((self.norm)(doc))]).min(norm::COSINE_BOUND)
    }

    #[inline]
    fn bound(&self, _: u8) -> f32 {
        norm::COSINE_BOUND
    }
}

impl Index {
    /// The best `k` live records for `terms`, best first, newer before older at equal scores, with their scores.
    /// With `allowed`, only records in it.
    ///
    /// # Errors
    /// [`Damaged`] when a segment is.
    pub fn top(
        &self,
        terms: &[WeightedTerm],
        k: usize,
        scoring: Scoring,
        allowed: Option<&Allowed>,
    ) -> Result<Vec<(Seq, f32)>, Damaged> {
        let greatest = match scoring {
            Scoring::Bm25 => K1 + 1.0,
            Scoring::Cosine => norm::COSINE_BOUND,
        };
        let total: f32 = terms.iter().map(|term| term.weight.max(0.0)).sum::<f32>() * greatest;
        if k == 0 || total <= 0.0 || !total.is_finite() {
            return Ok(Vec::new());
        }
        let search = Search { terms, scale: SCALE / total, allowed, saturation: self.saturation() };
        let mut top = TopK::new(k);
        search.tail(&self.tail.docs, &self.tail.dead, scoring, &mut top);
        if let Some(part) = &self.frozen {
            search.tail(&part.docs, &part.dead, scoring, &mut top);
        }
        for part in self.segments.iter().rev() {
            search.segment(part, scoring, &mut top)?;
        }
        Ok(top.into_sorted().into_iter().map(|(score, seq)| (seq, score as f32 / search.scale)).collect())
    }

    fn saturation(&self) -> Saturation {
        Saturation::new(self.collection().mean_length())
    }
}

struct Search<'a> {
    terms: &'a [WeightedTerm],
    scale: f32,
    allowed: Option<&'a Allowed>,
    saturation: Saturation,
}

impl Search<'_> {
    /// Adds up every posting: the tail is small.
    fn tail(&self, tail: &Tail, dead: &Bits, scoring: Scoring, top: &mut TopK) {
        let docs = tail.docs();
        match scoring {
            Scoring::Bm25 => {
                let length = |doc| tail.length(doc);
                self.tail_with(tail, dead, &Bm25 { saturation: &self.saturation, length, stretch: 1.0 }, top);
            }
            Scoring::Cosine => {
                let norm = |doc: u32| docs.norms.get(doc as usize).copied().unwrap_or(0);
                self.tail_with(tail, dead, &Cosine { norm }, top);
            }
        }
    }

    fn tail_with(&self, tail: &Tail, dead: &Bits, scorer: &impl Scorer, top: &mut TopK) {
        let seqs = &tail.docs().seqs;
        let lists: Vec<(f32, &[(u32, u32)])> = self
            .terms
            .iter()
            .filter(|term| term.weight > 0.0)
            .filter_map(|term| Some((term.weight * self.scale, tail.postings(&term.text)?.1)))
            .collect();
        if lists.is_empty() {
            return;
        }
        let mut scores = vec![0u32; seqs.len()];
        for (weight, list) in lists {
            for &(doc, tf) in list {
                scores[doc as usize] += (weight * scorer.score(tf, doc)) as u32;
            }
        }
        let (Some(&first), Some(&last)) = (seqs.first(), seqs.last()) else { return };
        let mut offer = |doc: usize, seq: Seq| {
            let hidden = || dead.get(doc as u32) || self.allowed.is_some_and(|allowed| !allowed.holds(seq));
            if scores[doc] > top.floor() && !hidden() {
                top.push(scores[doc], seq);
            }
        };
        match self.allowed.and_then(|allowed| allowed.listed(first, last)) {
            Some(listed) => {
                for &seq in listed.iter().rev() {
                    if let Ok(doc) = seqs.binary_search(&seq) {
                        offer(doc, seq);
                    }
                }
            }
            None => seqs.iter().enumerate().rev().for_each(|(doc, &seq)| offer(doc, seq)),
        }
    }

    fn segment(
        &self,
        part: &Part<std::sync::Arc<Segment>>,
        scoring: Scoring,
        top: &mut TopK,
    ) -> Result<(), Damaged> {
        let segment = &part.docs;
        let view = segment.view()?;
        let cursors = self.cursors(view)?;
        if cursors.is_empty() {
            return Ok(());
        }
        let docs = self.allowed.map(|allowed| allowed.in_segment(segment.footer().name, view));
        let documents = Documents { view, dead: &part.dead, allowed: docs.as_deref() };
        match scoring {
            Scoring::Bm25 => {
                let stretch = (self.saturation.mean_length() / segment.footer().mean_length).max(1.0);
                let length = |doc| view.length(doc);
                documents.search(cursors, &Bm25 { saturation: &self.saturation, length, stretch }, top);
            }
            Scoring::Cosine => {
                let norm = |doc| view.norm(doc);
                documents.search(cursors, &Cosine { norm }, top);
            }
        }
        Ok(())
    }

    fn cursors<'v>(&self, view: View<'v>) -> Result<Vec<Cursor<'v>>, Damaged> {
        let mut cursors = Vec::with_capacity(self.terms.len());
        for term in self.terms.iter().filter(|term| term.weight > 0.0) {
            if let Some(id) = view.find(&term.text) {
                cursors.push(Cursor::new(view.postings(id)?, term.weight * self.scale));
            }
        }
        Ok(cursors)
    }
}

/// A segment's documents and which of them may be found.
struct Documents<'a> {
    view: View<'a>,
    dead: &'a Bits,
    allowed: Option<&'a DocSet>,
}

/// A document that may yet be among the best, and what it has so far.
#[derive(Clone, Copy)]
struct Candidate {
    doc: u32,
    score: u32,
}

impl Documents<'_> {
    fn search(&self, mut cursors: Vec<Cursor<'_>>, scorer: &impl Scorer, top: &mut TopK) {
        if let Some(DocSet::Few(few)) = self.allowed {
            self.search_few(few, &mut cursors, scorer, top);
        } else if cursors.iter().map(|cursor| cursor.postings.df).sum::<u32>() < FEW_POSTINGS {
            self.add_up(&cursors, scorer, top);
        } else {
            Windows::new(self, cursors, scorer).run(top);
        }
    }

    fn findable(&self, doc: u32) -> bool {
        let allowed = match self.allowed {
            None => true,
            Some(DocSet::Many(bits)) => bits.get(doc),
            Some(DocSet::Few(few)) => few.binary_search(&doc).is_ok(),
            Some(DocSet::Except(bits)) => !bits.get(doc),
        };
        allowed && !self.dead.get(doc)
    }

    /// Looks each of a few documents up in every posting list.
    fn search_few(&self, few: &[u32], cursors: &mut [Cursor<'_>], scorer: &impl Scorer, top: &mut TopK) {
        let live = few.iter().filter(|&&doc| !self.dead.get(doc));
        let mut candidates: Vec<Candidate> = live.map(|&doc| Candidate { doc, score: 0 }).collect();
        for cursor in cursors {
            cursor.range = 0..cursor.postings.blocks();
            cursor.probe(&mut candidates, scorer);
        }
        for candidate in candidates.iter().filter(|candidate| candidate.score > 0) {
            top.push(candidate.score, self.view.seq(candidate.doc));
        }
    }

    /// Sorts all postings by document and adds them up.
    fn add_up(&self, cursors: &[Cursor<'_>], scorer: &impl Scorer, top: &mut TopK) {
        let mut scored: Vec<(u32, u32)> = Vec::with_capacity(FEW_POSTINGS as usize);
        for cursor in cursors {
            cursor
                .postings
                .for_each(|doc, tf| scored.push((doc, (cursor.weight * scorer.score(tf, doc)) as u32)));
        }
        scored.sort_unstable();
        for group in scored.chunk_by(|a, b| a.0 == b.0).rev() {
            let doc = group[0].0;
            let score = group.iter().map(|&(_, score)| score).sum();
            if score > top.floor() && self.findable(doc) {
                top.push(score, self.view.seq(doc));
            }
        }
    }
}

/// A posting list, read window by window from its end.
struct Cursor<'a> {
    postings: Postings<'a>,
    weight: f32,
    block: Block,
    decoded: usize,
    /// Blocks that overlap the window.
    range: Range<usize>,
    /// At least what any document of the window gets from this term.
    bound: u32,
}

impl<'a> Cursor<'a> {
    fn new(postings: Postings<'a>, weight: f32) -> Self {
        let end = postings.blocks();
        Self { postings, weight, block: Block::default(), decoded: usize::MAX, range: end..end, bound: 0 }
    }

    /// Moves to the next older window, which begins at document `first`.
    fn move_to(&mut self, first: u32, scorer: &impl Scorer) {
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
        // One more than computed: rounding must not make it too small.
        self.bound = if start < end { (self.weight * scorer.bound(code)) as u32 + 1 } else { 0 };
    }

    #[inline]
    fn decode(&mut self, block: usize) {
        if self.decoded != block {
            self.postings.decode(block, &mut self.block);
            self.decoded = block;
        }
    }

    /// Adds this term's score to every document from `window.start` to `window.end`.
    fn add_to(&mut self, scores: &mut [u32], window: Range<u32>, scorer: &impl Scorer) {
        for b in self.range.clone() {
            self.decode(b);
            let docs = &self.block.docs[..self.block.len];
            let from = docs.partition_point(|&doc| doc < window.start);
            let to = if docs.last().is_some_and(|&last| last < window.end) {
                docs.len()
            } else {
                docs.partition_point(|&doc| doc < window.end)
            };
            let Some(docs) = docs.get(from..to) else { continue };
            for (&doc, &tf) in docs.iter().zip(&self.block.tfs[from..to]) {
                if let Some(score) = scores.get_mut((doc - window.start) as usize) {
                    *score += (self.weight * scorer.score(tf, doc)) as u32;
                }
            }
        }
    }

    /// Adds this term's score to the candidates that hold it; they rise in document.
    fn probe(&mut self, candidates: &mut [Candidate], scorer: &impl Scorer) {
        let mut b = self.range.start;
        for candidate in candidates {
            b = self.seek(candidate.doc, b);
            if b >= self.range.end {
                return;
            }
            self.decode(b);
            if let Ok(i) = self.block.docs[..self.block.len].binary_search(&candidate.doc) {
                candidate.score += (self.weight * scorer.score(self.block.tfs[i], candidate.doc)) as u32;
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

struct Windows<'a, S> {
    documents: &'a Documents<'a>,
    cursors: Vec<Cursor<'a>>,
    /// Cursors from the lowest bound to the highest.
    order: Vec<usize>,
    scorer: &'a S,
    scores: Vec<u32>,
    candidates: Vec<Candidate>,
}

impl<'a, S: Scorer> Windows<'a, S> {
    fn new(documents: &'a Documents<'a>, cursors: Vec<Cursor<'a>>, scorer: &'a S) -> Self {
        let order = (0..cursors.len()).collect();
        let scores = vec![0; WINDOW as usize];
        Self { documents, cursors, order, scorer, scores, candidates: Vec::new() }
    }

    fn run(mut self, top: &mut TopK) {
        let mut end = self.documents.view.records();
        while end > 0 {
            let start = (end - 1) / WINDOW * WINDOW;
            self.window(start..end, top);
            end = start;
        }
    }

    fn window(&mut self, window: Range<u32>, top: &mut TopK) {
        for cursor in &mut self.cursors {
            cursor.move_to(window.start, self.scorer);
        }
        let floor = top.floor();
        let (idle, slack) = self.split(floor);
        if idle == self.order.len() {
            return;
        }
        for &i in &self.order[idle..] {
            self.cursors[i].add_to(&mut self.scores, window.clone(), self.scorer);
        }
        self.collect(window, floor.saturating_sub(slack));
        self.refine(idle, floor, slack);
        for candidate in self.candidates.drain(..).rev() {
            if candidate.score > top.floor() {
                top.push(candidate.score, self.documents.view.seq(candidate.doc));
            }
        }
    }

    /// Orders the cursors by bound; returns how many of the first are non-essential, and the sum of their bounds. That sum
    /// stays well below the floor, though it may come up to it: then few documents pass on the essential terms alone,
    /// and looking terms up for each of them costs less.
    fn split(&mut self, floor: u32) -> (usize, u32) {
        let cursors = &self.cursors;
        // Nearly in order from the window before: insertion sort is quickest.
        for i in 1..self.order.len() {
            let mut j = i;
            while j > 0 && cursors[self.order[j - 1]].bound > cursors[self.order[j]].bound {
                self.order.swap(j - 1, j);
                j -= 1;
            }
        }
        let mut slack = 0;
        for (idle, &i) in self.order.iter().enumerate() {
            if slack + cursors[i].bound > floor / SHARE {
                return (idle, slack);
            }
            slack += cursors[i].bound;
        }
        (self.order.len(), slack)
    }

    /// Takes the documents that score more than `cut` and clears the scores.
    fn collect(&mut self, window: Range<u32>, cut: u32) {
        const STRIDE: usize = 16;
        for (i, stride) in self.scores[..window.len().next_multiple_of(STRIDE)].chunks_mut(STRIDE).enumerate()
        {
            if stride.iter().fold(0, |most, &score| most.max(score)) > cut {
                for (j, &score) in stride.iter().enumerate() {
                    let doc = window.start + (i * STRIDE + j) as u32;
                    if score > cut && self.documents.findable(doc) {
                        self.candidates.push(Candidate { doc, score });
                    }
                }
            }
            stride.fill(0);
        }
    }

    /// Adds the non-essential terms, strongest first, to the candidates that can still exceed `floor`.
    fn refine(&mut self, idle: usize, floor: u32, mut slack: u32) {
        for &i in self.order[..idle].iter().rev() {
            self.candidates.retain(|candidate| candidate.score + slack > floor);
            if self.candidates.is_empty() {
                return;
            }
            self.cursors[i].probe(&mut self.candidates, self.scorer);
            slack -= self.cursors[i].bound;
        }
    }
}
