//! The filters of searches as sets of records, which are kept and extended instead of computed again.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::backend::Snapshot;
use crate::error::Result;
use crate::index::Allowed;
use crate::record::{Filter, Seq};

/// How many filters are kept.
const KEPT: usize = 64;

/// The filters that searches used last. A record never changes under its number, so what passed a filter once passes it
/// for ever, and a kept set lacks only the records that came since.
#[derive(Debug, Default)]
pub struct FilterCache(Mutex<Vec<Entry>>);

#[derive(Debug, Clone)]
struct Entry {
    filter: Filter,
    /// The set is right for all records up to this one.
    upto: Seq,
    allowed: Arc<Allowed>,
}

impl FilterCache {
    /// The records that `filter` lets a search find, right for all up to and with `newest`; `None` if it is all.
    ///
    /// # Errors
    /// What the database says.
    pub fn allowed(
        &self,
        snapshot: &dyn Snapshot,
        filter: &Filter,
        newest: Seq,
    ) -> Result<Option<Arc<Allowed>>> {
        if lets_all_through(filter) {
            return Ok(None);
        }
        let kept = self.get(filter);
        let allowed = match kept {
            Some(kept) if kept.upto >= newest => kept.allowed,
            kept => {
                let entry = extend(snapshot, filter, kept, newest)?;
                let allowed = Arc::clone(&entry.allowed);
                self.keep(entry);
                allowed
            }
        };
        Ok((!allowed.is_everything()).then_some(allowed))
    }

    /// Forgets all, because record numbers started over.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    fn get(&self, filter: &Filter) -> Option<Entry> {
        let mut entries = self.0.lock();
        let at = entries.iter().position(|entry| entry.filter == *filter)?;
        // The last used is last; the first is dropped first.
        entries[at..].rotate_left(1);
        entries.last().cloned()
    }

    fn keep(&self, entry: Entry) {
        let mut entries = self.0.lock();
        entries.retain(|other| other.filter != entry.filter);
        if entries.len() >= KEPT {
            entries.remove(0);
        }
        entries.push(entry);
    }
}

/// As [`FilterCache::allowed`] for all records of a snapshot, without keeping anything.
///
/// # Errors
/// What the database says.
pub fn allowed(snapshot: &dyn Snapshot, filter: &Filter) -> Result<Option<Arc<Allowed>>> {
    if lets_all_through(filter) {
        return Ok(None);
    }
    let allowed = extend(snapshot, filter, None, 0)?.allowed;
    Ok((!allowed.is_everything()).then_some(allowed))
}

fn lets_all_through(filter: &Filter) -> bool {
    !filter.narrows() && filter.viewer.include_private
}

fn extend(snapshot: &dyn Snapshot, filter: &Filter, kept: Option<Entry>, newest: Seq) -> Result<Entry> {
    // Ids are looked up as they are now: an update moves an id to a new row.
    let kept = kept.filter(|_| filter.ids.is_none());
    let after = kept.as_ref().map_or(0, |kept| kept.upto);
    let seqs = if filter.narrows() {
        snapshot.seqs_matching(filter, after)?
    } else {
        snapshot.hidden(&filter.viewer, after)?
    };
    let upto = seqs.last().copied().unwrap_or(0).max(newest);
    let allowed = match kept {
        Some(kept) => kept.allowed.extended(&seqs),
        None if filter.narrows() => Allowed::only(seqs),
        None => Allowed::except(seqs),
    };
    Ok(Entry { filter: filter.clone(), upto, allowed: Arc::new(allowed) })
}
