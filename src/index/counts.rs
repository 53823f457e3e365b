//! What was counted for a set of records.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::counted::Counted;
use crate::rank::Collection;

/// What was counted for a set of records.
#[derive(Debug, Default)]
pub struct Counts {
    /// By the name of the segment.
    pub segments: FxHashMap<u64, Arc<Counted>>,
    pub newest: Option<Arc<Newest>>,
}

impl Counts {
    /// What stays right when newer records join the set.
    pub fn of_segments(&self) -> Self {
        Self { segments: self.segments.clone(), newest: None }
    }
}

/// The set's live documents in the memtables.
#[derive(Debug)]
pub struct Newest {
    /// Of the index that was looked at.
    pub index: u32,
    /// Of these statistics.
    pub generation: u32,
    pub flushing: Bits,
    pub memtable: Bits,
    pub collection: Collection,
}
