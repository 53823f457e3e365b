//! The vectors of the parts of the index.

use super::Damaged;
use super::allowed::Allowed;
use super::bits::Bits;
use super::index::Index;
use super::late_vectors::LateVectors;
use super::segment::SegmentView;
use super::vector::Rows;
use crate::record::Seq;

/// The vectors of one part of the index.
pub struct PartVectors<'a> {
    pub rows: Rows<'a>,
    pub seqs: Seqs<'a>,
    pub deleted: &'a Bits,
}

/// The sequence numbers of documents.
pub enum Seqs<'a> {
    Stored(SegmentView<'a>),
    Heap(&'a [Seq]),
    /// Not in order.
    Late(&'a LateVectors),
}

impl Seqs<'_> {
    #[inline]
    pub fn of(&self, doc: u32) -> Seq {
        match self {
            Self::Stored(view) => view.seq(doc),
            Self::Heap(seqs) => seqs.get(doc as usize).copied().unwrap_or_default(),
            Self::Late(late) => late.seqs().get(doc as usize).copied().unwrap_or_default(),
        }
    }

    fn doc(&self, seq: Seq) -> Option<u32> {
        match self {
            Self::Stored(view) => view.doc(seq),
            Self::Heap(seqs) => seqs.binary_search(&seq).ok().map(|doc| doc as u32),
            Self::Late(late) => late.row_of(seq),
        }
    }

    /// The lowest and the highest of these documents, of which the first and the last are given.
    fn ends(&self, first: u32, last: u32) -> Option<(Seq, Seq)> {
        match self {
            Self::Stored(_) | Self::Heap(_) => Some((self.of(first), self.of(last))),
            Self::Late(late) => {
                let seqs = || late.seqs().iter().copied();
                seqs().min().zip(seqs().max())
            }
        }
    }
}

impl PartVectors<'_> {
    /// The rows of the allowed records, if those are listed.
    pub fn listed(&self, allowed: Option<&Allowed>) -> Option<Vec<usize>> {
        let last = self.rows.len().checked_sub(1)?;
        let (first, last) = self.seqs.ends(self.rows.doc(0), self.rows.doc(last))?;
        let listed = allowed?.listed(first, last)?;
        Some(listed.iter().filter_map(|&seq| self.rows.row_of(self.seqs.doc(seq)?)).collect())
    }
}

impl Index {
    /// The live records that have a vector, in ascending order.
    ///
    /// # Errors
    /// [`Damaged`] when a segment is.
    pub fn with_vector(&self) -> Result<Vec<Seq>, Damaged> {
        let parts = self.parts()?;
        let live = parts.iter().flat_map(|part| {
            let docs = (0..part.rows.len()).map(|row| part.rows.doc(row));
            docs.filter(|&doc| !part.deleted.get(doc)).map(|doc| part.seqs.of(doc))
        });
        let mut live: Vec<Seq> = live.collect();
        // Late vectors come last, whatever their records' numbers.
        live.sort_unstable();
        Ok(live)
    }

    /// Whether a record has a vector of this dimension, leaving late ones out.
    ///
    /// # Errors
    /// [`Damaged`] when a segment is.
    pub(super) fn has_vector(&self, seq: Seq, dimension: usize) -> Result<bool, Damaged> {
        let mut parts = self.parts()?;
        parts.retain(|part| part.rows.dimension() == dimension && !matches!(part.seqs, Seqs::Late(_)));
        Ok(parts.iter().any(|part| part.seqs.doc(seq).and_then(|doc| part.rows.row_of(doc)).is_some()))
    }

    /// The vectors of all parts, oldest first.
    pub(super) fn parts(&self) -> Result<Vec<PartVectors<'_>>, Damaged> {
        let mut parts = Vec::with_capacity(self.segments.len() + 2);
        for part in &self.segments {
            let view = part.docs.view()?;
            parts.push(PartVectors {
                rows: view.vectors()?,
                seqs: Seqs::Stored(view),
                deleted: &part.deleted,
            });
        }
        let flushing = self.flushing.as_ref().map(|part| (&*part.docs, &part.deleted));
        for (memtable, deleted) in flushing.into_iter().chain([(&self.memtable.docs, &self.memtable.deleted)])
        {
            parts.push(PartVectors {
                rows: memtable.vectors(),
                seqs: Seqs::Heap(&memtable.docs().seqs),
                deleted,
            });
        }
        parts.push(PartVectors {
            rows: self.late_vectors.rows(),
            seqs: Seqs::Late(&self.late_vectors),
            deleted: self.late_vectors.deleted(),
        });
        Ok(parts)
    }
}
