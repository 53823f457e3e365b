//! [`Among`]: the statistics of some of an index's records.
//!
//! A document frequency is the number of postings that belong to these records. It is exact. Each segment remembers what was
//! counted, because its postings never change, and its deleted documents are subtracted as they come.

use std::sync::Arc;

use super::Damaged;
use super::allowed::Allowed;
use super::bits::Bits;
use super::counted::Counted;
use super::counts::Newest;
use super::index::{Index, new_generation};
use super::memtable::Memtable;
use super::part::Part;
use super::segment::{Segment, SegmentView};
use crate::rank::Collection;
use crate::rank::Statistics;

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
            for (df, id) in dfs.iter_mut().zip(view.terms.find_all(terms)) {
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

impl Newest {
    fn new(index: &Index, allowed: &Allowed) -> Self {
        let live = |memtable: &Memtable, deleted: &Bits| -> Bits {
            let members = allowed.among(&memtable.docs().seqs);
            members.filter(|&doc| !deleted.get(doc)).collect()
        };
        let flushing = index.flushing.as_ref().map(|part| (&*part.docs, live(&part.docs, &part.deleted)));
        let memtable = live(&index.memtable.docs, &index.memtable.deleted);
        let lengths = |memtable: &Memtable, docs: &Bits| {
            Collection::of_lengths(
                (0..memtable.records()).filter(|&doc| docs.get(doc)).map(|doc| memtable.length(doc)),
            )
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
