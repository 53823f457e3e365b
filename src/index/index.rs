//! [`Index`]: segments and a memtable, kept in step with the change feed.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustc_hash::FxHashMap;

use super::Damaged;
use super::flush::Flush;
use super::late_vectors::LateVectors;
use super::memtable::Memtable;
use super::merge::{Merge, merge_range};
use super::part::Part;
use super::position::Position;
use super::scorer::LastTable;
use super::segment::Segment;
use crate::rank::Collection;
use crate::rank::Statistics;
use crate::record::Seq;
use crate::text::Bag;

/// The index over all live records.
#[derive(Debug)]
pub struct Index {
    /// Oldest first; their ranges of sequence numbers do not overlap.
    pub(super) segments: Vec<Part<Arc<Segment>>>,
    /// A full memtable that is being written as a segment; its records lie between those of `segments` and `memtable`.
    pub(super) flushing: Option<Part<Arc<Memtable>>>,
    pub(super) memtable: Part<Memtable>,
    pub(super) late_vectors: LateVectors,
    pub(super) table: LastTable,
    position: Position,
    collection: Collection,
    /// Another one after each change of the live records and of the memtables.
    generation: u32,
}

/// A number for [`Statistics::generation`] that no other index and no other state has, until they wrap around.
pub(super) fn new_generation() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
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

impl Default for Index {
    /// Over nothing.
    fn default() -> Self {
        Self {
            segments: Vec::new(),
            flushing: None,
            memtable: Part::new(Memtable::default(), (1, Seq::MAX), 0),
            late_vectors: LateVectors::default(),
            table: LastTable::default(),
            position: Position::default(),
            collection: Collection::default(),
            generation: new_generation(),
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
            index.collection.records += u64::from(segment.view()?.with_terms());
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

    /// Deleted records in the memtable.
    pub fn deleted_memtable_records(&self) -> u32 {
        self.memtable.deleted.count()
    }

    /// Takes in a record with its terms and its vector. One that is not newer than all before is there already: nothing
    /// happens.
    pub fn add(&mut self, seq: Seq, terms: &Bag, vector: Option<&[f32]>) {
        if seq <= self.position.seq {
            return;
        }
        self.generation = new_generation();
        self.memtable.docs.add(seq, terms);
        vector.into_iter().for_each(|vector| self.memtable.docs.add_vector(vector));
        self.position.seq = seq;
        let length = self.memtable.docs.docs().lengths.last().copied().unwrap_or(0);
        self.collection.records += u64::from(length > 0);
        self.collection.terms += u64::from(length);
    }

    /// Takes in the vector of a record that came without one. If the record has one, nothing happens.
    ///
    /// # Errors
    /// [`Damaged`] when a segment cannot be read.
    pub fn add_late_vector(&mut self, seq: Seq, vector: &[f32]) -> Result<(), Damaged> {
        if !self.has_vector(seq, vector.len())? {
            self.late_vectors.push(seq, vector);
        }
        Ok(())
    }

    /// Removes all records of a range of sequence numbers; those that are not there are none.
    ///
    /// # Errors
    /// [`Damaged`] when a segment cannot be read.
    pub fn remove(&mut self, seqs: RangeInclusive<Seq>) -> Result<(), Damaged> {
        self.generation = new_generation();
        self.late_vectors.remove(&seqs);
        let (collection, first, last) = (&mut self.collection, *seqs.start(), *seqs.end());
        let mut uncount = |length: u32| {
            // A damaged segment may count others than it holds.
            collection.records = collection.records.saturating_sub(u64::from(length > 0));
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
            texts.extend(
                (0..view.terms.len()).map(|id| String::from_utf8_lossy(view.terms.text(id)).into_owned()),
            );
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

    /// Sequence numbers of all live records, in ascending order.
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
            terms: memtables().map(|memtable| memtable.distinct() as u64).sum(),
            heap: memtables().map(|memtable| memtable.bytes() as u64).sum::<u64>()
                + self.late_vectors.bytes() as u64,
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

    /// Starts to flush the memtable if it holds at least `records`; searches still find its records. A flush that failed
    /// starts again.
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
        self.generation = new_generation();
        Some(flushing)
    }

    /// Puts the segment in place of the memtable that was flushed.
    ///
    /// # Errors
    /// [`Damaged`] when it cannot be read; nothing is changed then.
    pub fn install_flush(&mut self, segment: Arc<Segment>) -> Result<(), Damaged> {
        let Some(flushing) = self.flushing.as_ref().filter(|flushing| {
            // The memtable is another one if the index was loaded anew in the meantime.
            segment.footer().seqs == (flushing.seqs.0..=flushing.seqs.1)
        }) else {
            return Ok(());
        };
        let mut part = Part::new(segment, flushing.seqs, flushing.deletion);
        part.delete_again(flushing.deleted_docs.iter().map(|&doc| flushing.docs.docs().seqs[doc as usize]))?;
        self.segments.push(part);
        self.flushing = None;
        self.generation = new_generation();
        Ok(())
    }

    /// Chooses neighbouring segments whose merging would pay, if there are any: several of about the same size, or
    /// one with many deleted documents.
    pub fn plan_merge(&self) -> Option<Merge> {
        let range = merge_range(&self.segments.iter().map(Part::weight).collect::<Vec<_>>())?;
        Some(self.merge_of(range))
    }

    /// All segments, to be merged into one; `None` when there is nothing to gain.
    #[cfg(any(test, feature = "internals"))]
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
            if let Some(id) = view.terms.find(term) {
                df += part.live_df(view, id)?;
            }
        }
        Ok(df)
    }

    fn document_frequencies(&self, terms: &[&str]) -> Result<Vec<u64>, Damaged> {
        let mut dfs: Vec<u64> = terms.iter().map(|term| self.df_in_memtables(term)).collect();
        for part in &self.segments {
            let view = part.docs.view()?;
            for (df, id) in dfs.iter_mut().zip(view.terms.find_all(terms)) {
                *df += id.map_or(Ok(0), |id| part.live_df(view, id))?;
            }
        }
        Ok(dfs)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), Damaged> {
        for part in &self.segments {
            let view = part.docs.view()?;
            prefixes.iter().for_each(|prefix| view.terms.with_prefix(prefix, visit));
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
