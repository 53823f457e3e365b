//! Merging of segments: which ones, and into what.

use std::io::{self, Write};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::Damaged;
use super::bits::Bits;
use super::segment::{self, Segment};
use crate::record::Seq;

/// Segments to be merged into one, with the documents that were deleted when the merge was planned.
#[derive(Debug)]
pub struct Merge {
    pub(super) sources: Vec<(Arc<Segment>, Bits)>,
    /// The range of sequence numbers that the merged segment covers.
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
    /// Those of `out`, or [`io::ErrorKind::InvalidData`] when a source is damaged.
    pub fn write<W: Write>(&self, out: W, name: u64) -> io::Result<W> {
        let views: Result<Vec<_>, Damaged> =
            self.sources.iter().map(|(segment, deleted)| Ok((segment.view()?, deleted))).collect();
        segment::merge(&views?, out, name, self.seqs.clone())
    }
}

/// So many segments of about one size are merged.
const FANOUT: usize = 6;

/// Which segments to merge, given the numbers of live and deleted documents of each, oldest first: one of which about a
/// quarter is deleted, or the newest neighbours, at least `FANOUT` of them, none much larger than all newer ones together.
pub(super) fn merge_range(weights: &[(u32, u32)]) -> Option<Range<usize>> {
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
