//! [`Index`]: segments, memtable and the deleted documents, kept in step with the change feed.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::Damaged;
use super::bits::Bits;
use super::builder;
use super::memtable::Memtable;
use super::postings::Block;
use super::scorer::LastTable;
use super::segment::{Segment, TermId, View};
use crate::rank::Statistics;
use crate::rank::bm25::Collection;
use crate::record::Seq;
use crate::text::Bag;

/// How far an index has followed the change feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The highest sequence number taken in.
    pub seq: Seq,
    /// The last deletion taken in.
    pub deletion: i64,
}

/// The index over all live records.
#[derive(Debug)]
pub struct Index {
    /// Oldest first; their ranges of sequence numbers do not overlap.
    pub(super) segments: Vec<Part<Arc<Segment>>>,
    /// A full memtable that is being written as a segment; lies between `segments` and `memtable`.
    pub(super) flushing: Option<Part<Arc<Memtable>>>,
    pub(super) memtable: Part<Memtable>,
    pub(super) table: LastTable,
    position: Position,
    collection: Collection,
    /// Counts changes of the live records.
    generation: u32,
}

/// Documents and which of them are deleted.
#[derive(Debug)]
pub(super) struct Part<D> {
    pub docs: D,
    pub deleted: Bits,
    /// The deleted in order of their deleted_docs, so that what is derived from `deleted` can follow it.
    deleted_docs: Vec<u32>,
    /// Per term, how many of the first `usize` deleted_docs held it.
    deleted_df: Mutex<FxHashMap<TermId, (usize, u32)>>,
    /// The range of sequence numbers that it answers for.
    seqs: (Seq, Seq),
    /// Deletions up to this one were left out when it was made.
    pub deletion: i64,
}

impl<D> Part<D> {
    fn new(docs: D, seqs: (Seq, Seq), deletion: i64) -> Self {
        Self {
            docs,
            seqs,
            deletion,
            deleted: Bits::default(),
            deleted_docs: Vec::new(),
            deleted_df: Mutex::default(),
        }
    }

    /// Marks a document deleted; false when it was.
    fn delete(&mut self, doc: u32) -> bool {
        let new = self.deleted.set(doc);
        if new {
            self.deleted_docs.push(doc);
        }
        new
    }

    /// Dead documents among the postings of `term`, counted once per death.
    fn deleted_df(&self, term: TermId, holds: impl FnOnce(&[u32]) -> u32) -> u32 {
        if self.deleted_docs.is_empty() {
            return 0;
        }
        let mut counts = self.deleted_df.lock();
        let (seen, count) = counts.entry(term).or_default();
        if *seen < self.deleted_docs.len() {
            let mut fresh = self.deleted_docs[*seen..].to_vec();
            fresh.sort_unstable();
            *count += holds(&fresh);
            *seen = self.deleted_docs.len();
        }
        *count
    }
}

/// What an index takes and holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Distinct terms, those of several segments counted in each.
    pub terms: u64,
    /// Bytes on the heap, about.
    pub heap: u64,
    /// Bytes of mapped files.
    pub mapped: u64,
    /// Segments.
    pub segments: u64,
    /// Records in the memtable.
    pub memtable: u64,
}

/// A memtable taken out to be written as a segment.
#[derive(Debug, Clone)]
pub struct Flush {
    memtable: Arc<Memtable>,
    /// The range that it answers for.
    pub seqs: RangeInclusive<Seq>,
    /// Deletions up to this one are not in it.
    pub deletion: i64,
}

impl Flush {
    /// Writes it as a segment.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write<W: Write>(&self, out: W, name: u64) -> io::Result<W> {
        self.memtable.write(out, name, self.seqs.clone())
    }
}

/// Segments to be merged into one, and the deleted documents among them now.
#[derive(Debug)]
pub struct Merge {
    sources: Vec<(Arc<Segment>, Bits)>,
    /// The range that the outcome answers for.
    pub seqs: RangeInclusive<Seq>,
    /// Deletions up to this one are left out.
    pub deletion: i64,
}

impl Merge {
    /// Names of the segments that the outcome replaces.
    pub fn names(&self) -> Vec<u64> {
        self.sources.iter().map(|(segment, _)| segment.footer().name).collect()
    }

    /// Writes the merged segment.
    ///
    /// # Errors
    /// What `out` says, or [`io::ErrorKind::InvalidData`] when a source is damaged.
    pub fn write<W: Write>(&self, out: W, name: u64) -> io::Result<W> {
        let views: Result<Vec<_>, Damaged> =
            self.sources.iter().map(|(segment, deleted)| Ok((segment.view()?, deleted))).collect();
        builder::merge(&views?, out, name, self.seqs.clone())
    }
}

impl Default for Index {
    /// Over nothing.
    fn default() -> Self {
        Self {
            segments: Vec::new(),
            flushing: None,
            memtable: Part::new(Memtable::default(), (1, Seq::MAX), 0),
            table: LastTable::default(),
            position: Position::default(),
            collection: Collection::default(),
            generation: 0,
        }
    }
}

impl Index {
    /// An index over `segments` (oldest first, with the deletion that each was made at), which has still to be
    /// caught up from [`Index::position`].
    ///
    /// # Errors
    /// [`Damaged`] when segments overlap.
    pub fn new(segments: Vec<(Arc<Segment>, i64)>) -> Result<Self, Damaged> {
        let mut index = Self::default();
        let mut deletion = i64::MAX;
        for (segment, made_at) in segments {
            let footer = segment.footer();
            if *footer.seqs.start() <= index.position.seq {
                return Err(Damaged("segments overlap"));
            }
            index.position.seq = *footer.seqs.end();
            index.collection.records += u64::from(footer.records);
            index.collection.terms += footer.terms;
            deletion = deletion.min(made_at);
            let seqs = (*footer.seqs.start(), *footer.seqs.end());
            index.segments.push(Part::new(segment, seqs, made_at));
        }
        index.position.deletion = if index.segments.is_empty() { 0 } else { deletion };
        index.memtable = index.new_memtable();
        Ok(index)
    }

    fn new_memtable(&self) -> Part<Memtable> {
        Part::new(Memtable::default(), (self.position.seq + 1, Seq::MAX), self.position.deletion)
    }

    /// How far the feed has been followed.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Sets what deletions have been taken in, when they came without rows to remove.
    pub fn set_position(&mut self, position: Position) {
        self.position = position;
    }

    /// Records in the memtable, deleted ones included.
    pub fn memtable_records(&self) -> u32 {
        self.memtable.docs.records()
    }

    /// Takes in a record with its terms and its vector. One that is not newer than all before is there already: nothing
    /// happens.
    pub fn add(&mut self, seq: Seq, terms: &Bag, vector: Option<&[f32]>) {
        if seq <= self.position.seq {
            return;
        }
        self.generation = self.generation.wrapping_add(1);
        self.memtable.docs.add(seq, terms);
        vector.into_iter().for_each(|vector| self.memtable.docs.add_vector(vector));
        self.position.seq = seq;
        self.collection.records += 1;
        self.collection.terms += u64::from(self.memtable.docs.docs().lengths.last().copied().unwrap_or(0));
    }

    /// Removes all records of a range of sequence numbers; those that are not there are none.
    ///
    /// # Errors
    /// [`Damaged`] when a segment cannot be read.
    pub fn remove(&mut self, seqs: RangeInclusive<Seq>) -> Result<(), Damaged> {
        self.generation = self.generation.wrapping_add(1);
        let (collection, first, last) = (&mut self.collection, *seqs.start(), *seqs.end());
        let mut uncount = |length: u32| {
            // A damaged segment may count others than it holds.
            collection.records = collection.records.saturating_sub(1);
            collection.terms = collection.terms.saturating_sub(u64::from(length));
        };
        for part in &mut self.segments {
            let segment = Arc::clone(&part.docs);
            let view = segment.view()?;
            for doc in view.first_doc(first.max(part.seqs.0))..view.records() {
                if view.seq(doc) > last {
                    break;
                }
                if part.delete(doc) {
                    uncount(view.length(doc));
                }
            }
        }
        if let Some(part) = &mut self.flushing {
            let memtable = Arc::clone(&part.docs);
            for doc in memtable.range(first, last).filter(|&doc| part.delete(doc)) {
                uncount(memtable.length(doc));
            }
        }
        for doc in self.memtable.docs.range(first, last) {
            if self.memtable.delete(doc) {
                uncount(self.memtable.docs.length(doc));
            }
        }
        Ok(())
    }

    fn df_in_memtables(&self, term: &str) -> u64 {
        let flushing = self.flushing.as_ref().map_or(0, |part| part.live_df_in_memtable(&part.docs, term));
        flushing + self.memtable.live_df_in_memtable(&self.memtable.docs, term)
    }

    /// Every term of a live record with the number of live records that hold it, unordered.
    ///
    /// # Errors
    /// [`Damaged`] when a posting list is.
    pub fn vocabulary(&self) -> Result<FxHashMap<String, u64>, Damaged> {
        let mut texts: Vec<String> = Vec::new();
        for part in &self.segments {
            let view = part.docs.view()?;
            texts.extend((0..view.distinct()).map(|id| String::from_utf8_lossy(view.text(id)).into_owned()));
        }
        let memtables =
            self.flushing.as_ref().map(|part| &*part.docs).into_iter().chain([&self.memtable.docs]);
        texts.extend(memtables.flat_map(Memtable::texts).map(str::to_owned));
        let mut vocabulary = FxHashMap::default();
        for text in texts {
            let df = self.document_frequency(&text)?;
            if df > 0 {
                vocabulary.insert(text, df);
            }
        }
        Ok(vocabulary)
    }

    /// Sequence numbers of all live records, rising.
    ///
    /// # Errors
    /// [`Damaged`] when a segment cannot be read.
    pub fn live(&self) -> Result<Vec<Seq>, Damaged> {
        let mut live = Vec::new();
        for part in &self.segments {
            let view = part.docs.view()?;
            live.extend((0..view.records()).filter(|&doc| !part.deleted.get(doc)).map(|doc| view.seq(doc)));
        }
        let flushing = self.flushing.as_ref().map(|part| (&*part.docs, &part.deleted));
        for (memtable, deleted) in flushing.into_iter().chain([(&self.memtable.docs, &self.memtable.deleted)])
        {
            let seqs = memtable.docs().seqs.iter().enumerate();
            live.extend(seqs.filter(|&(doc, _)| !deleted.get(doc as u32)).map(|(_, &seq)| seq));
        }
        Ok(live)
    }

    /// What it takes.
    pub fn size(&self) -> Size {
        let memtables =
            || self.flushing.as_ref().map(|part| &*part.docs).into_iter().chain([&self.memtable.docs]);
        let mut size = Size {
            segments: self.segments.len() as u64,
            memtable: memtables().map(|memtable| u64::from(memtable.records())).sum(),
            terms: memtables().map(|memtable| memtable.texts().count() as u64).sum(),
            heap: memtables().map(|memtable| memtable.bytes() as u64).sum(),
            mapped: 0,
        };
        for part in &self.segments {
            size.terms += u64::from(part.docs.footer().distinct);
            let bytes = if part.docs.is_mapped() { &mut size.mapped } else { &mut size.heap };
            *bytes += part.docs.size();
            size.heap += (part.deleted.bytes() + part.deleted_docs.capacity() * 4) as u64;
        }
        size
    }

    /// Takes the memtable out to be written, if it holds at least `records`; searches still find it. One that is out
    /// already, because writing it failed, is given out again.
    pub fn start_flush(&mut self, records: u32) -> Option<Flush> {
        if let Some(Part { docs, seqs, deletion, .. }) = &self.flushing {
            return Some(Flush { memtable: Arc::clone(docs), seqs: seqs.0..=seqs.1, deletion: *deletion });
        }
        if self.memtable.docs.records() < records.max(1) {
            return None;
        }
        let fresh = self.new_memtable();
        let mut full = std::mem::replace(&mut self.memtable, fresh);
        full.seqs.1 = self.position.seq;
        let deletion = full.deletion;
        let part = Part::new(Arc::new(full.docs), full.seqs, deletion).with_deleted(full.deleted_docs);
        let flushing = Flush { memtable: Arc::clone(&part.docs), seqs: part.seqs.0..=part.seqs.1, deletion };
        self.flushing = Some(part);
        Some(flushing)
    }

    /// Puts the segment that was written of the flushing memtable in its place.
    ///
    /// # Errors
    /// [`Damaged`] when it cannot be read; nothing is changed then.
    pub fn install_flush(&mut self, segment: Arc<Segment>) -> Result<(), Damaged> {
        let Some(flushing) = self.flushing.as_ref().filter(|flushing| {
            // Another one, if the index was loaded anew meanwhile.
            segment.footer().seqs == (flushing.seqs.0..=flushing.seqs.1)
        }) else {
            return Ok(());
        };
        let mut part = Part::new(segment, flushing.seqs, flushing.deletion);
        part.delete_again(flushing.deleted_docs.iter().map(|&doc| flushing.docs.docs().seqs[doc as usize]))?;
        self.segments.push(part);
        self.flushing = None;
        Ok(())
    }

    /// Chooses neighbouring segments whose merging would pay, if there are any: several of about the same size, or
    /// one with many deleted.
    pub fn plan_merge(&self) -> Option<Merge> {
        let range = merge_range(&self.segments.iter().map(Part::weight).collect::<Vec<_>>())?;
        Some(self.merge_of(range))
    }

    /// All segments, to be merged into one; `None` when there is nothing to gain.
    pub fn plan_full_merge(&self) -> Option<Merge> {
        let worth = self.segments.len() > 1 || self.segments.iter().any(|part| part.deleted.count() > 0);
        worth.then(|| self.merge_of(0..self.segments.len()))
    }

    fn merge_of(&self, range: std::ops::Range<usize>) -> Merge {
        let parts = &self.segments[range];
        let (first, last) =
            (parts.first().map_or(0, |part| part.seqs.0), parts.last().map_or(0, |part| part.seqs.1));
        Merge {
            sources: parts.iter().map(|part| (Arc::clone(&part.docs), part.deleted.clone())).collect(),
            seqs: first..=last,
            deletion: self.position.deletion,
        }
    }

    /// Puts a merged segment in the place of its sources; nothing happens when they are no longer there.
    ///
    /// # Errors
    /// [`Damaged`] when it cannot be read; nothing is changed then.
    pub fn install_merge(&mut self, merge: &Merge, segment: Arc<Segment>) -> Result<(), Damaged> {
        let names = merge.names();
        let here = |window: &[Part<Arc<Segment>>]| {
            window.iter().map(|part| part.docs.footer().name).eq(names.iter().copied())
        };
        let Some(start) = self.segments.windows(names.len().max(1)).position(here) else { return Ok(()) };
        let end = start + names.len();
        let mut part = Part::new(segment, (*merge.seqs.start(), *merge.seqs.end()), merge.deletion);
        for (source, (_, known)) in self.segments[start..end].iter().zip(&merge.sources) {
            let view = source.docs.view()?;
            let fresh = source.deleted_docs.iter().filter(|&&doc| !known.get(doc));
            part.delete_again(fresh.map(|&doc| view.seq(doc)))?;
        }
        self.segments.splice(start..end, [part]);
        Ok(())
    }

    /// Names of the segments, oldest first.
    pub fn names(&self) -> Vec<u64> {
        self.segments.iter().map(|part| part.docs.footer().name).collect()
    }

    /// The segment of this name, if the index has it.
    pub fn segment(&self, name: u64) -> Option<Arc<Segment>> {
        self.segments.iter().map(|part| &part.docs).find(|segment| segment.footer().name == name).cloned()
    }
}

impl Statistics for Index {
    type Error = Damaged;

    fn collection(&self) -> Collection {
        self.collection
    }

    fn document_frequency(&self, term: &str) -> Result<u64, Damaged> {
        let mut df = self.df_in_memtables(term);
        for part in &self.segments {
            let view = part.docs.view()?;
            if let Some(id) = view.find(term) {
                df += part.live_df(view, id)?;
            }
        }
        Ok(df)
    }

    fn document_frequencies(&self, terms: &[&str]) -> Result<Vec<u64>, Damaged> {
        let mut dfs: Vec<u64> = terms.iter().map(|term| self.df_in_memtables(term)).collect();
        for part in &self.segments {
            let view = part.docs.view()?;
            for (df, id) in dfs.iter_mut().zip(view.find_all(terms)) {
                *df += id.map_or(Ok(0), |id| part.live_df(view, id))?;
            }
        }
        Ok(dfs)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), Damaged> {
        for part in &self.segments {
            let view = part.docs.view()?;
            prefixes.iter().for_each(|prefix| view.terms_with(prefix, visit));
        }
        let memtables =
            self.flushing.as_ref().map(|part| &*part.docs).into_iter().chain([&self.memtable.docs]);
        // Comparing with an empty prefix is slower than this test.
        let wanted =
            |text: &&str| prefixes.iter().any(|prefix| prefix.is_empty() || text.starts_with(prefix));
        memtables.flat_map(Memtable::texts).filter(wanted).for_each(visit);
        Ok(())
    }

    fn generation(&self) -> u32 {
        self.generation
    }
}

impl Part<Arc<Segment>> {
    fn delete_again(&mut self, seqs: impl Iterator<Item = Seq>) -> Result<(), Damaged> {
        let segment = Arc::clone(&self.docs);
        let view = segment.view()?;
        for doc in seqs.filter_map(|seq| view.doc(seq)) {
            self.delete(doc);
        }
        Ok(())
    }

    /// Live and deleted documents.
    fn weight(&self) -> (u32, u32) {
        let deleted = self.deleted.count();
        (self.docs.footer().records.saturating_sub(deleted), deleted)
    }

    fn live_df(&self, view: View<'_>, term: TermId) -> Result<u64, Damaged> {
        // Without deleted_docs its posting list need not be touched.
        let deleted = if self.deleted_docs.is_empty() { 0 } else { self.segment_deleted_df(view, term)? };
        Ok(view.df(term).saturating_sub(deleted).into())
    }

    fn segment_deleted_df(&self, view: View<'_>, term: TermId) -> Result<u32, Damaged> {
        let postings = view.postings(term)?;
        Ok(self.deleted_df(term, |deleted| {
            let mut block = Block::default();
            let mut decoded = usize::MAX;
            let mut at = 0;
            let mut count = 0;
            for &doc in deleted {
                at = postings.block_of(doc, at);
                if at >= postings.blocks() {
                    break;
                }
                if at != decoded {
                    postings.decode(at, &mut block);
                    decoded = at;
                }
                count += u32::from(block.docs[..block.len].binary_search(&doc).is_ok());
            }
            count
        }))
    }
}

impl<D> Part<D> {
    fn with_deleted(mut self, deleted_docs: Vec<u32>) -> Self {
        for doc in deleted_docs {
            self.delete(doc);
        }
        self
    }

    fn live_df_in_memtable(&self, memtable: &Memtable, term: &str) -> u64 {
        let Some((id, list)) = memtable.postings(term) else { return 0 };
        let holds = |doc: &u32| list.binary_search_by_key(doc, |&(held, _)| held).is_ok();
        let deleted = self.deleted_df(id, |deleted| deleted.iter().filter(|doc| holds(doc)).count() as u32);
        (list.len() as u64).saturating_sub(deleted.into())
    }
}

/// Segments of about one size that call for a merge.
const FANOUT: usize = 6;

/// Which neighbours to merge, given `(live, deleted)` of each segment, oldest first: the deleted documents of one that are a quarter of
/// it, or the first `FANOUT` neighbours none of which outweighs the others together.
fn merge_range(weights: &[(u32, u32)]) -> Option<std::ops::Range<usize>> {
    if let Some(i) = weights.iter().position(|&(live, deleted)| deleted > 1024 && deleted > live / 3) {
        return Some(i..i + 1);
    }
    // From the newest backwards: take in neighbours as long as they are not much larger than what follows them.
    let mut start = weights.len().checked_sub(1)?;
    let mut total = u64::from(weights[start].0);
    while start > 0 && u64::from(weights[start - 1].0) <= total * 2 {
        start -= 1;
        total += u64::from(weights[start].0);
    }
    (weights.len() - start >= FANOUT).then_some(start..weights.len())
}
