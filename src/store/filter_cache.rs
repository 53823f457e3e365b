//! Caches the sets of records that pass the filters of searches, and extends them instead of computing them again.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::backend::Snapshot;
use crate::error::Result;
use crate::index::Allowed;
use crate::record::{Filter, Seq};

/// How many filters are cached.
const KEPT: usize = 64;

/// The filters that were used last. The record with a number never changes, so a cached set stays valid and lacks only newer
/// records.
#[derive(Debug, Default)]
pub struct FilterCache(Mutex<Vec<CachedFilter>>);

#[derive(Debug, Clone)]
struct CachedFilter {
    filter: Filter,
    /// The set is complete for all records up to this one.
    upto: Seq,
    allowed: Arc<Allowed>,
}

impl FilterCache {
    /// The records that pass the filter, complete up to and including `newest` if the snapshot sees that; `None` if all pass.
    ///
    /// # Errors
    /// What the database says.
    pub fn allowed(
        &self,
        snapshot: &dyn Snapshot,
        filter: &Filter,
        newest: Seq,
    ) -> Result<Option<Arc<Allowed>>> {
        if !filter.narrows() && filter.viewer.include_private {
            return Ok(None);
        }
        let kept = self.get(filter);
        let allowed = match kept {
            Some(kept) if kept.upto >= newest => kept.allowed,
            kept => {
                let cached = extend(snapshot, filter, kept)?;
                let allowed = Arc::clone(&cached.allowed);
                self.keep(cached);
                allowed
            }
        };
        Ok((!allowed.is_everything()).then_some(allowed))
    }

    /// Empties the cache, because record numbers started over.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    fn get(&self, filter: &Filter) -> Option<CachedFilter> {
        let mut filters = self.0.lock();
        let at = filters.iter().position(|cached| cached.filter == *filter)?;
        // The last used is last; the first is dropped first.
        filters[at..].rotate_left(1);
        filters.last().cloned()
    }

    fn keep(&self, cached: CachedFilter) {
        let mut filters = self.0.lock();
        filters.retain(|other| other.filter != cached.filter);
        if filters.len() >= KEPT {
            filters.remove(0);
        }
        filters.push(cached);
    }
}

/// As [`FilterCache::allowed`] for all records of a snapshot, without a cache.
///
/// # Errors
/// What the database says.
pub fn allowed(snapshot: &dyn Snapshot, filter: &Filter) -> Result<Option<Arc<Allowed>>> {
    let allowed = extend(snapshot, filter, None)?.allowed;
    Ok((!allowed.is_everything()).then_some(allowed))
}

/// `allowed` without the records that have expired. A cached set contains them, because a touch may change their expiry.
///
/// # Errors
/// What the database says.
pub fn unexpired(snapshot: &dyn Snapshot, allowed: Option<Arc<Allowed>>) -> Result<Option<Arc<Allowed>>> {
    let expired = snapshot.expired()?;
    if expired.is_empty() {
        return Ok(allowed);
    }
    let all = Arc::new(Allowed::except(Vec::new()));
    Ok(Some(Arc::new(allowed.unwrap_or(all).without(&expired))))
}

fn extend(snapshot: &dyn Snapshot, filter: &Filter, kept: Option<CachedFilter>) -> Result<CachedFilter> {
    // A cached set of ids cannot be extended, because an update moves an id to a new row.
    let kept = kept.filter(|_| filter.ids.is_none());
    let after = kept.as_ref().map_or(0, |kept| kept.upto);
    let seqs = if filter.narrows() {
        snapshot.seqs_matching(filter, after)?
    } else {
        snapshot.hidden(&filter.viewer, after)?
    };
    // The index may be ahead of the snapshot, which has not seen the newest then.
    let upto = snapshot.newest()?.seq;
    let allowed = match kept {
        Some(kept) => kept.allowed.extended(&seqs),
        None if filter.narrows() => Allowed::only(seqs),
        None => Allowed::except(seqs),
    };
    Ok(CachedFilter { filter: filter.clone(), upto, allowed: Arc::new(allowed) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::TempDir;

    use super::*;
    use crate::record::Record;
    use crate::store::{OnConflict, Options, Store};

    fn add(store: &Store, category: &str) {
        let record = Record { categories: vec![category.into()], ..Record::new("x") };
        store.add(vec![record], OnConflict::Fail).unwrap();
    }

    fn category(name: &str) -> Filter {
        Filter { categories: vec![name.into()], ..Filter::all() }
    }

    #[test]
    fn a_kept_set_is_extended_by_newer_records() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        let cache = FilterCache::default();
        for newest in 1..=4 {
            add(&store, if newest % 2 == 0 { "even" } else { "odd" });
            let snapshot = store.spaces.snapshot(None).unwrap();
            let kept = cache.allowed(&*snapshot, &category("even"), newest).unwrap().unwrap();
            let fresh = allowed(&*snapshot, &category("even")).unwrap().unwrap();
            for seq in 1..=newest {
                assert_eq!((kept.holds(seq), fresh.holds(seq)), (seq % 2 == 0, seq % 2 == 0));
            }
            let again = cache.allowed(&*snapshot, &category("even"), newest).unwrap().unwrap();
            assert!(Arc::ptr_eq(&kept, &again));
        }
    }

    #[test]
    fn a_snapshot_that_is_older_than_the_index_hides_nothing_from_later_ones() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        let cache = FilterCache::default();
        add(&store, "red");
        let older = store.spaces.snapshot(None).unwrap();
        // A snapshot begins with its first read.
        assert_eq!(older.newest().unwrap().seq, 1);
        add(&store, "red");
        assert!(!cache.allowed(&*older, &category("red"), 2).unwrap().unwrap().holds(2));
        drop(older);
        let newer = store.spaces.snapshot(None).unwrap();
        assert!(cache.allowed(&*newer, &category("red"), 2).unwrap().unwrap().holds(2));
    }

    #[test]
    fn the_filters_that_were_used_last_are_kept() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        add(&store, "red");
        let snapshot = store.spaces.snapshot(None).unwrap();
        let cache = FilterCache::default();
        let used = |name: &str| cache.allowed(&*snapshot, &category(name), 1).unwrap().unwrap();
        let first = used("first");
        for other in 0..2 * KEPT {
            used(&other.to_string());
            assert!(Arc::ptr_eq(&first, &used("first")));
        }
        assert!(cache.get(&category("0")).is_none());
        assert_eq!(cache.0.lock().len(), KEPT);
    }

    #[test]
    fn a_filter_that_lets_all_through_needs_no_set() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        let snapshot = store.spaces.snapshot(None).unwrap();
        for filter in [Filter::all(), Filter::default()] {
            assert!(FilterCache::default().allowed(&*snapshot, &filter, 0).unwrap().is_none());
            assert!(allowed(&*snapshot, &filter).unwrap().is_none());
        }
    }
}
