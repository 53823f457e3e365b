//! Filters of searches, as sets of records that are kept and extended instead of computed anew.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::backend::sqlite::records;
use crate::error::Result;
use crate::index::Allowed;
use crate::record::{Filter, Seq};

/// How many filters are remembered.
const REMEMBERED: usize = 64;

/// The filters that searches used last. A record never changes under its sequence number, so what passed a filter
/// once passes it for ever, and a remembered set lacks only the records that came since.
#[derive(Debug, Default)]
pub struct FilterCache(Mutex<Vec<Remembered>>);

#[derive(Debug, Clone)]
struct Remembered {
    filter: Filter,
    /// Every record up to this one has been looked at.
    upto: Seq,
    allowed: Arc<Allowed>,
}

impl FilterCache {
    /// The records that `filter` lets a search find, right for all up to and with `newest`; `None` if it is all.
    ///
    /// # Errors
    /// What the database says.
    pub fn select(&self, conn: &Connection, filter: &Filter, newest: Seq) -> Result<Option<Arc<Allowed>>> {
        if !filter.narrows() && filter.viewer.include_private {
            return Ok(None);
        }
        let remembered = self.recall(filter);
        let known = remembered.as_ref().filter(|known| known.upto >= newest);
        let allowed = match known {
            Some(known) => Arc::clone(&known.allowed),
            None => {
                let fresh = extend(conn, filter, remembered, newest)?;
                let allowed = Arc::clone(&fresh.allowed);
                self.remember(fresh);
                allowed
            }
        };
        Ok((!allowed.is_everything()).then_some(allowed))
    }

    /// Forgets all, because sequence numbers began anew.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    fn recall(&self, filter: &Filter) -> Option<Remembered> {
        let mut all = self.0.lock();
        let at = all.iter().position(|known| known.filter == *filter)?;
        // The last used stands last; the first is forgotten first.
        all[at..].rotate_left(1);
        all.last().cloned()
    }

    fn remember(&self, fresh: Remembered) {
        let mut all = self.0.lock();
        all.retain(|known| known.filter != fresh.filter);
        if all.len() >= REMEMBERED {
            all.remove(0);
        }
        all.push(fresh);
    }
}

fn extend(conn: &Connection, filter: &Filter, known: Option<Remembered>, newest: Seq) -> Result<Remembered> {
    // Ids are looked up as they are now: an update moves an id to a new row.
    let known = known.filter(|_| filter.ids.is_none());
    let after = known.as_ref().map_or(0, |known| known.upto);
    let seqs = if filter.narrows() {
        records::seqs_matching(conn, filter, after)?
    } else {
        records::hidden(conn, &filter.viewer, after)?
    };
    let upto = seqs.last().copied().unwrap_or(0).max(newest);
    let allowed = match known {
        Some(known) => known.allowed.extended(&seqs),
        None if filter.narrows() => Allowed::only(seqs),
        None => Allowed::except(seqs),
    };
    Ok(Remembered { filter: filter.clone(), upto, allowed: Arc::new(allowed) })
}
