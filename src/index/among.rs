//! [`Among`]: the statistics of some of an index's records.
//!
//! A document frequency is the number of postings that belong to these records. It is exact. Each segment remembers what was
//! counted, because its postings never change, and its deleted documents are subtracted as they come.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::Damaged;
use super::allowed::{Allowed, DocSet};
use super::bits::Bits;
use super::index::{Index, new_generation};
use super::memtable::Memtable;
use super::part::Part;
use super::segment::{Segment, SegmentView, TermId};
use crate::rank::Collection;
use crate::rank::Statistics;

/// Most document frequencies that are remembered for one segment.
const REMEMBERED: usize = 1 << 16;

/// The live records of an index that are in a set of [`Allowed`] ones.
#[derive(Debug)]
pub struct Among<'a> {
    index: &'a Index,
    segments: Vec<Members<'a>>,
    newest: Arc<Newest>,
    collection: Collection,
}

/// Those in one segment.
type Members<'a> = (&'a Part<Arc<Segment>>, SegmentView<'a>, Arc<Counted>);

/// What was counted for a set of records.
#[derive(Debug, Default)]
pub(super) struct Counts {
    segments: FxHashMap<u64, Arc<Counted>>,
    newest: Option<Arc<Newest>>,
}

impl Counts {
    /// What stays right when newer records join the set.
    pub fn of_segments(&self) -> Self {
        Self { segments: self.segments.clone(), newest: None }
    }
}

/// The set's documents in one segment, and what was counted of them.
#[derive(Debug)]
struct Counted {
    docs: Docs,
    /// `docs` are the documents that are not in the set, because those are fewer.
    inverted: bool,
    tally: Mutex<Tally>,
}

#[derive(Debug)]
enum Docs {
    Few(Vec<u32>),
    Many(Bits),
}

#[derive(Debug, Default)]
struct Tally {
    /// The documents that are not deleted; `None` before they are counted.
    collection: Option<Collection>,
    /// How many of the part's deleted documents were subtracted from `collection`.
    seen: usize,
    /// By term: how many deleted documents were subtracted, and how many of the others hold the term.
    frequencies: FxHashMap<TermId, (usize, u32)>,
}

/// The set's live documents in the memtables.
#[derive(Debug)]
struct Newest {
    /// Of the index that was looked at.
    index: u32,
    /// Of these statistics.
    generation: u32,
    flushing: Bits,
    memtable: Bits,
    collection: Collection,
}

impl Index {
    /// The statistics of the live records in `allowed`.
    ///
    /// # Errors
    /// [`Damaged`] when a segment is.
    pub fn among(&self, allowed: &Allowed) -> Result<Among<'_>, Damaged> {
        let mut counts = allowed.counts.lock();
        let mut segments = Vec::with_capacity(self.segments.len());
        for part in &self.segments {
            let (name, view) = (part.docs.footer().name, part.docs.view()?);
            let known = counts.segments.get(&name).map(Arc::clone);
            let counted =
                known.unwrap_or_else(|| Arc::new(Counted::new(&allowed.in_segment(name, view), view)));
            segments.push((part, view, counted));
        }
        let name = |part: &Part<Arc<Segment>>| part.docs.footer().name;
        counts.segments =
            segments.iter().map(|(part, _, counted)| (name(part), Arc::clone(counted))).collect();
        let known = counts.newest.take().filter(|newest| newest.index == self.generation());
        let newest = known.unwrap_or_else(|| Arc::new(Newest::new(self, allowed)));
        counts.newest = Some(Arc::clone(&newest));
        drop(counts);
        let mut collection = newest.collection;
        for (part, view, counted) in &segments {
            let Collection { records, terms } = counted.collection(part, *view);
            collection.records += records;
            collection.terms += terms;
        }
        Ok(Among { index: self, segments, newest, collection })
    }
}

impl Statistics for Among<'_> {
    type Error = Damaged;

    fn collection(&self) -> Collection {
        self.collection
    }

    fn document_frequency(&self, term: &str) -> Result<u64, Damaged> {
        Ok(self.document_frequencies(&[term])?.into_iter().sum())
    }

    fn document_frequencies(&self, terms: &[&str]) -> Result<Vec<u64>, Damaged> {
        let mut dfs: Vec<u64> =
            terms.iter().map(|term| self.newest.document_frequency(self.index, term)).collect();
        for (part, view, counted) in &self.segments {
            for (df, id) in dfs.iter_mut().zip(view.find_all(terms)) {
                *df += id.map_or(Ok(0), |id| counted.document_frequency(part, *view, id))?;
            }
        }
        Ok(dfs)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), Damaged> {
        self.index.terms_with(prefixes, visit)
    }

    fn generation(&self) -> u32 {
        self.newest.generation
    }
}

impl Counted {
    fn new(set: &DocSet, view: SegmentView<'_>) -> Self {
        let records = view.records();
        let holds = |doc: u32| set.holds(doc);
        let members = (0..records).filter(|&doc| holds(doc)).count();
        let inverted = members > records as usize / 2;
        let listed = (0..records).filter(|&doc| holds(doc) != inverted);
        let docs = if DocSet::is_few(members.min(records as usize - members), records) {
            Docs::Few(listed.collect())
        } else {
            Docs::Many(listed.collect())
        };
        Self { docs, inverted, tally: Mutex::default() }
    }

    fn holds(&self, doc: u32) -> bool {
        let listed = match &self.docs {
            Docs::Few(docs) => docs.binary_search(&doc).is_ok(),
            Docs::Many(docs) => docs.get(doc),
        };
        listed != self.inverted
    }

    /// The members among the documents of `part` that were deleted after the first `seen`, rising.
    fn deleted(&self, part: &Part<Arc<Segment>>, seen: usize) -> Vec<u32> {
        let fresh = part.deleted_docs.get(seen..).unwrap_or_default();
        let mut deleted: Vec<u32> = fresh.iter().copied().filter(|&doc| self.holds(doc)).collect();
        deleted.sort_unstable();
        deleted
    }

    fn collection(&self, part: &Part<Arc<Segment>>, view: SegmentView<'_>) -> Collection {
        let mut tally = self.tally.lock();
        let members = || (0..view.records()).filter(|&doc| self.holds(doc));
        let Collection { records, terms } =
            tally.collection.unwrap_or_else(|| sum(members().map(|doc| view.length(doc))));
        let gone = sum(self.deleted(part, tally.seen).into_iter().map(|doc| view.length(doc)));
        let left = Collection {
            records: records.saturating_sub(gone.records),
            terms: terms.saturating_sub(gone.terms),
        };
        tally.collection = Some(left);
        tally.seen = part.deleted_docs.len();
        left
    }

    fn document_frequency(
        &self,
        part: &Part<Arc<Segment>>,
        view: SegmentView<'_>,
        term: TermId,
    ) -> Result<u64, Damaged> {
        let known = self.tally.lock().frequencies.get(&term).copied();
        let deleted = part.deleted_docs.len();
        let frequency = match known {
            Some((seen, frequency)) if seen == deleted => return Ok(frequency.into()),
            Some((seen, frequency)) => {
                frequency.saturating_sub(view.postings(term)?.count(&self.deleted(part, seen)))
            }
            None => {
                let postings = view.postings(term)?;
                let listed = match &self.docs {
                    Docs::Few(docs) => postings.count(docs),
                    Docs::Many(docs) => postings.count_where(|doc| docs.get(doc)),
                };
                let held = if self.inverted { postings.df.saturating_sub(listed) } else { listed };
                held.saturating_sub(postings.count(&self.deleted(part, 0)))
            }
        };
        let frequencies = &mut self.tally.lock().frequencies;
        if frequencies.len() >= REMEMBERED {
            frequencies.clear();
        }
        frequencies.insert(term, (deleted, frequency));
        Ok(frequency.into())
    }
}

impl Newest {
    fn new(index: &Index, allowed: &Allowed) -> Self {
        let live = |memtable: &Memtable, deleted: &Bits| -> Bits {
            let members = allowed.among(&memtable.docs().seqs);
            members.filter(|&doc| !deleted.get(doc)).collect()
        };
        let flushing = index.flushing.as_ref().map(|part| (&*part.docs, live(&part.docs, &part.deleted)));
        let memtable = live(&index.memtable.docs, &index.memtable.deleted);
        let lengths = |memtable: &Memtable, docs: &Bits| {
            sum((0..memtable.records()).filter(|&doc| docs.get(doc)).map(|doc| memtable.length(doc)))
        };
        let mut collection = lengths(&index.memtable.docs, &memtable);
        if let Some((older, docs)) = &flushing {
            let Collection { records, terms } = lengths(older, docs);
            collection.records += records;
            collection.terms += terms;
        }
        let flushing = flushing.map(|(_, docs)| docs).unwrap_or_default();
        let generation = new_generation();
        Self { index: index.generation(), generation, flushing, memtable, collection }
    }

    fn document_frequency(&self, index: &Index, term: &str) -> u64 {
        let count = |memtable: &Memtable, docs: &Bits| {
            let list = memtable.postings(term).map_or(&[][..], |(_, list)| list);
            list.iter().map(|&(doc, _)| u64::from(docs.get(doc))).sum::<u64>()
        };
        let flushing = index.flushing.as_ref().map_or(0, |part| count(&part.docs, &self.flushing));
        flushing + count(&index.memtable.docs, &self.memtable)
    }
}

/// The collection of documents with these lengths.
fn sum(lengths: impl Iterator<Item = u32>) -> Collection {
    lengths.fold(Collection::default(), |sum, length| Collection {
        records: sum.records + u64::from(length > 0),
        terms: sum.terms + u64::from(length),
    })
}
