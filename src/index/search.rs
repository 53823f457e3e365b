//! The best k records for a weighted set of terms: MaxScore over windows of documents with block bounds
//! (Turtle and Flood 1995; Ding and Suel 2011; the windows follow Lucene's bulk scorer).
//!
//! Windows are taken from the newest documents to the oldest. In each, terms whose bounds together cannot lift a
//! record above the k-th best so far are "non-essential": the others are added up for every document of the window,
//! the non-essential ones only for documents that can still make it.
//!
//! Scores are added as integers, so that the order of addition, and with it the layout of segments, cannot change a ranking.

use std::ops::Range;
use std::sync::Arc;

use super::allowed::Allowed;
use super::cursor::{Accumulator, Cursor, ScoredDoc, WINDOW};
use super::doc_set::DocSet;
use super::index::Index;
use super::memtable::Memtable;
use super::part::Part;
use super::scorer::{FieldNorms, Scale, Scorer, Table, Value, Weight};
use super::segment::{Segment, SegmentView};
use super::{Damaged, bits::Bits};
use crate::rank::WeightedTerm;
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

/// Queries with fewer postings than this in a segment are added up posting by posting.
const FEW_POSTINGS: u32 = 2048;
/// Documents in the first window of all; each is twice as large as the one before, up to [`WINDOW`].
const FIRST_WINDOW: u32 = 1024;
/// Documents of a filter that are looked up together until there are `k` hits, whose scores others must exceed.
const FIRST_FEW: usize = 128;
/// And from then on.
const MOST_FEW: usize = 1024;
/// Non-essential terms may make up one in this many parts of the score to be exceeded.
const SHARE: u32 = 2;

impl Index {
    /// The best `k` live records for `terms`, best first, newer before older at equal scores, with their scores.
    /// With `allowed`, only records in it. `mean_length` is that of the records whose statistics are used.
    ///
    /// # Errors
    /// [`Damaged`] when a segment is.
    pub fn top(
        &self,
        terms: &[WeightedTerm],
        k: usize,
        scoring: Scoring,
        mean_length: f32,
        allowed: Option<&Allowed>,
    ) -> Result<Vec<(Seq, f32)>, Damaged> {
        let value = match scoring {
            Scoring::Bm25 => Value::Bm25(mean_length),
            Scoring::Cosine => Value::Cosine,
        };
        let weights: f32 = terms.iter().map(|term| term.weight.max(0.0)).sum();
        let Some(scale) = Scale::new(weights, value.greatest()) else { return Ok(Vec::new()) };
        if k == 0 {
            return Ok(Vec::new());
        }
        let search = Search { terms, scale, allowed, value, table: self.table.of(value) };
        let mut top = TopK::new(k);
        search.memtable(&self.memtable.docs, &self.memtable.deleted, &mut top);
        if let Some(part) = &self.flushing {
            search.memtable(&part.docs, &part.deleted, &mut top);
        }
        for part in self.segments.iter().rev() {
            search.segment(part, &mut top)?;
        }
        let mut best: Vec<(Seq, f32)> =
            top.into_sorted().into_iter().map(|(seq, score)| (seq, scale.score(score))).collect();
        // Whole numbers tell scores apart that are the same as floats.
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        Ok(best)
    }
}

struct Search<'a> {
    terms: &'a [WeightedTerm],
    scale: Scale,
    allowed: Option<&'a Allowed>,
    value: Value,
    table: Arc<Table>,
}

impl Search<'_> {
    fn scorer<'s>(&'s self, lengths: FieldNorms<'s>, norms: &'s [u8], bounds_for: Option<f32>) -> Scorer<'s> {
        let (field_norms, stretch) = match self.value {
            Value::Bm25(mean) => (lengths, bounds_for.map_or(1.0, |made_for| (mean / made_for).max(1.0))),
            Value::Cosine => (FieldNorms::Norms(norms), 1.0),
        };
        Scorer { value: self.value, table: &self.table, field_norms, stretch }
    }

    fn weighty(&self) -> impl Iterator<Item = (&str, Weight)> {
        let weighty = self.terms.iter().filter(|term| term.weight > 0.0);
        weighty.map(|term| (&*term.text, self.scale.weight(term.weight)))
    }

    /// Adds up every posting: the memtable is small.
    fn memtable(&self, memtable: &Memtable, deleted: &Bits, top: &mut TopK<u32>) {
        let docs = memtable.docs();
        let seqs = &docs.seqs;
        let scorer = self.scorer(FieldNorms::Lengths(&docs.lengths), &docs.norms, None);
        let lists: Vec<(Weight, &[(u32, u32)])> =
            self.weighty().filter_map(|(text, weight)| Some((weight, memtable.postings(text)?.1))).collect();
        if lists.is_empty() {
            return;
        }
        let mut scores = vec![0u32; seqs.len()];
        for (weight, list) in lists {
            for &(doc, tf) in list {
                scores[doc as usize] += weight.score(&scorer, tf, doc);
            }
        }
        let (Some(&first), Some(&last)) = (seqs.first(), seqs.last()) else { return };
        let mut offer = |doc: usize, seq: Seq| {
            let hidden =
                || deleted.get(doc as u32) || self.allowed.is_some_and(|allowed| !allowed.holds(seq));
            if scores[doc] > top.threshold() && !hidden() {
                top.push(scores[doc], seq);
            }
        };
        match self.allowed.and_then(|allowed| allowed.listed(first, last)) {
            // To look each one up pays for few.
            Some(listed) if listed.len() < seqs.len() / 8 => {
                for &seq in listed.iter().rev() {
                    if let Ok(doc) = seqs.binary_search(&seq) {
                        offer(doc, seq);
                    }
                }
            }
            _ => seqs.iter().enumerate().rev().for_each(|(doc, &seq)| offer(doc, seq)),
        }
    }

    fn segment(&self, part: &Part<Arc<Segment>>, top: &mut TopK<u32>) -> Result<(), Damaged> {
        let segment = &part.docs;
        let view = segment.view()?;
        let cursors = self.cursors(view)?;
        if cursors.is_empty() {
            return Ok(());
        }
        let docs = self.allowed.map(|allowed| allowed.in_segment(segment.footer().name, view));
        let documents = Documents { view, deleted: &part.deleted, allowed: docs.as_deref() };
        let made_for = Some(segment.footer().mean_length);
        let scorer = self.scorer(FieldNorms::Stored(view.lengths()), view.norms(), made_for);
        documents.search(cursors, &scorer, top);
        Ok(())
    }

    fn cursors<'v>(&self, view: SegmentView<'v>) -> Result<Vec<Cursor<'v>>, Damaged> {
        let mut cursors = Vec::with_capacity(self.terms.len());
        for (text, weight) in self.weighty() {
            if let Some(id) = view.terms.find(text) {
                cursors.push(Cursor::new(view.postings(id)?, weight));
            }
        }
        Ok(cursors)
    }
}

/// A segment's documents and which of them may be found.
struct Documents<'a> {
    view: SegmentView<'a>,
    deleted: &'a Bits,
    allowed: Option<&'a DocSet>,
}

impl Documents<'_> {
    fn search(&self, cursors: Vec<Cursor<'_>>, scorer: &Scorer<'_>, top: &mut TopK<u32>) {
        let postings = cursors.iter().map(|cursor| cursor.postings.df).fold(0, u32::saturating_add);
        match self.allowed {
            Some(DocSet::Few(few)) if few.len() < postings as usize => {
                Accumulator::with(|accumulator| {
                    Windows::new(self, cursors, scorer, accumulator).run_few(few, top)
                });
            }
            _ if postings < FEW_POSTINGS => self.add_up(&cursors, postings, scorer, top),
            _ => Accumulator::with(|accumulator| Windows::new(self, cursors, scorer, accumulator).run(top)),
        }
    }

    fn findable(&self, doc: u32) -> bool {
        self.allowed.is_none_or(|allowed| allowed.holds(doc)) && !self.deleted.get(doc)
    }

    /// Sorts all postings by document and adds them up.
    fn add_up(&self, cursors: &[Cursor<'_>], postings: u32, scorer: &Scorer<'_>, top: &mut TopK<u32>) {
        let mut scored: Vec<(u32, u32)> = Vec::with_capacity(postings as usize);
        for cursor in cursors {
            cursor.for_each(scorer, |doc, score| scored.push((doc, score)));
        }
        // This sort merges what is in order already, as each list is.
        scored.sort_by_key(|&(doc, _)| doc);
        for group in scored.chunk_by(|a, b| a.0 == b.0).rev() {
            let doc = group[0].0;
            let score = group.iter().map(|&(_, score)| score).sum();
            if score > top.threshold() && self.findable(doc) {
                top.push(score, self.view.seq(doc));
            }
        }
    }
}

struct Windows<'a> {
    documents: &'a Documents<'a>,
    cursors: Vec<Cursor<'a>>,
    /// Cursors from the lowest bound to the highest.
    order: Vec<usize>,
    scorer: &'a Scorer<'a>,
    accumulator: &'a mut Accumulator,
    candidates: Vec<ScoredDoc>,
}

impl<'a> Windows<'a> {
    fn new(
        documents: &'a Documents<'a>,
        cursors: Vec<Cursor<'a>>,
        scorer: &'a Scorer<'a>,
        accumulator: &'a mut Accumulator,
    ) -> Self {
        // The heaviest terms come first, and mostly have the highest bounds.
        let order = (0..cursors.len()).rev().collect();
        Self { documents, cursors, order, scorer, accumulator, candidates: Vec::new() }
    }

    /// The first windows are small if nothing is known yet that scores must exceed.
    fn run(mut self, top: &mut TopK<u32>) {
        let mut size = if top.threshold() == 0 { FIRST_WINDOW } else { WINDOW as u32 };
        let mut end = self.documents.view.records();
        while end > 0 {
            let start = end.saturating_sub(size);
            self.window(start..end, top);
            end = start;
            size = (2 * size).min(WINDOW as u32);
        }
    }

    /// Looks the documents up in the posting lists, some at a time, instead of adding up all there are.
    fn run_few(mut self, mut few: &[u32], top: &mut TopK<u32>) {
        while !few.is_empty() {
            let size = if top.threshold() == 0 { FIRST_FEW } else { MOST_FEW };
            let (older, newest) = few.split_at(few.len().saturating_sub(size));
            let live = newest.iter().filter(|&&doc| !self.documents.deleted.get(doc));
            self.candidates.extend(live.map(|&doc| ScoredDoc { doc, score: 0 }));
            self.look_up(newest, top.threshold());
            self.offer(top);
            few = older;
        }
    }

    /// Adds the scores of all terms to the candidates, which are among `docs`. If there are many, those that can no longer exceed
    /// `threshold` are left out.
    fn look_up(&mut self, docs: &[u32], threshold: u32) {
        if threshold == 0 || docs.len() <= FIRST_FEW {
            for cursor in &mut self.cursors {
                cursor.widen();
                cursor.probe(&mut self.candidates, self.scorer);
            }
        } else {
            self.cursors.iter_mut().for_each(|cursor| cursor.move_to_docs(docs, self.scorer));
            self.sort();
            let most = self.cursors.iter().map(|cursor| cursor.bound).sum();
            self.refine(self.order.len(), threshold, most);
        }
    }

    fn window(&mut self, window: Range<u32>, top: &mut TopK<u32>) {
        for cursor in &mut self.cursors {
            cursor.move_to(window.start, self.scorer);
        }
        let threshold = top.threshold();
        let (non_essential, bound) = self.split(threshold);
        if non_essential == self.order.len() {
            return;
        }
        self.accumulator.move_to(window, self.scorer);
        for &i in &self.order[non_essential..] {
            self.cursors[i].add_to(self.accumulator, self.scorer);
        }
        self.collect(threshold.saturating_sub(bound));
        self.refine(non_essential, threshold, bound);
        self.offer(top);
    }

    /// Shows the candidates, newest first.
    fn offer(&mut self, top: &mut TopK<u32>) {
        for candidate in self.candidates.drain(..).rev() {
            if candidate.score > top.threshold() {
                top.push(candidate.score, self.documents.view.seq(candidate.doc));
            }
        }
    }

    /// Orders the cursors by bound. They are nearly in order from the window before: insertion sort is quickest.
    fn sort(&mut self) {
        let cursors = &self.cursors;
        for i in 1..self.order.len() {
            let mut j = i;
            while j > 0 && cursors[self.order[j - 1]].bound > cursors[self.order[j]].bound {
                self.order.swap(j - 1, j);
                j -= 1;
            }
        }
    }

    /// Orders the cursors by bound; returns how many of the first are non-essential, and the sum of their bounds. That sum
    /// stays well below the threshold, though it may come up to it: then few documents pass on the essential terms alone,
    /// and looking terms up for each of them costs less.
    fn split(&mut self, threshold: u32) -> (usize, u32) {
        self.sort();
        let mut bound = 0;
        for (non_essential, &i) in self.order.iter().enumerate() {
            if bound + self.cursors[i].bound > threshold / SHARE {
                return (non_essential, bound);
            }
            bound += self.cursors[i].bound;
        }
        (self.order.len(), bound)
    }

    /// Takes the documents that score more than `cut` and clears the scores.
    fn collect(&mut self, cut: u32) {
        const STRIDE: usize = 16;
        let window = &self.accumulator.window;
        let used = &mut self.accumulator.scores[..window.len().next_multiple_of(STRIDE)];
        for (first, stride) in (window.start..).step_by(STRIDE).zip(used.chunks_exact_mut(STRIDE)) {
            // Signed, which processors compare more quickly; no score comes near 2^31.
            if stride.iter().fold(false, |any, &score| any | (score as i32 > cut as i32)) {
                let mut taken = [ScoredDoc { doc: 0, score: 0 }; STRIDE];
                let mut count = 0;
                for (doc, &score) in (first..).zip(&*stride) {
                    // Without a branch, which processors would often predict wrong.
                    taken[count % STRIDE] = ScoredDoc { doc, score };
                    count += usize::from(score > cut);
                }
                self.candidates.extend_from_slice(&taken[..count.min(STRIDE)]);
            }
            stride.fill(0);
        }
        let documents = self.documents;
        self.candidates.retain(|candidate| documents.findable(candidate.doc));
    }

    /// Adds the non-essential terms, strongest first, to the candidates that can still exceed `threshold`.
    fn refine(&mut self, non_essential: usize, threshold: u32, mut bound: u32) {
        for &i in self.order[..non_essential].iter().rev() {
            if bound <= threshold {
                keep_above(&mut self.candidates, threshold - bound);
            }
            if self.candidates.is_empty() {
                return;
            }
            self.cursors[i].probe(&mut self.candidates, self.scorer);
            bound -= self.cursors[i].bound;
        }
    }
}

/// Keeps the candidates that score more than `cut`. Without a branch for each, as in [`Windows::collect`].
fn keep_above(candidates: &mut Vec<ScoredDoc>, cut: u32) {
    let mut kept = 0;
    for i in 0..candidates.len() {
        let candidate = candidates[i];
        candidates[kept] = candidate;
        kept += usize::from(candidate.score > cut);
    }
    candidates.truncate(kept);
}
