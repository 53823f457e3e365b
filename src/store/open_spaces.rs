//! The spaces that a store has open.

use std::sync::Arc;

use parking_lot::Mutex;

use super::IndexMode;
use super::space::Space;
use crate::backend::Spaces;
use crate::error::Result;

/// Most spaces that are open.
const MOST: usize = 1000;

/// Most bytes that the indexes of open spaces take; the last one stays open however large it is.
const MOST_BYTES: u64 = 1 << 30;

/// The spaces that were used last, the last one at the end, with their paths.
#[derive(Default)]
pub struct OpenSpaces(Mutex<Vec<(String, Arc<Space>)>>);

impl OpenSpaces {
    /// The space of this path, which is opened if it is not.
    ///
    /// # Errors
    /// As [`Space::open`].
    pub fn get(&self, spaces: &dyn Spaces, path: &str, index: IndexMode) -> Result<Arc<Space>> {
        if let Some(open) = self.find(path) {
            return Ok(open);
        }
        // Two threads that open a space at the same time share its index.
        let space = Arc::new(Space::open(spaces.space(path)?, index)?);
        if let Some(open) = self.find(path) {
            return Ok(open);
        }
        let mut open = self.0.lock();
        open.push((path.to_owned(), Arc::clone(&space)));
        let surplus = surplus(&open);
        drop(open);
        // Without the lock: closing writes the index.
        drop(surplus.into_iter().map(|path| self.remove(&path)).collect::<Vec<_>>());
        Ok(space)
    }

    /// All that are open.
    pub fn all(&self) -> Vec<Arc<Space>> {
        self.0.lock().iter().map(|(_, space)| Arc::clone(space)).collect()
    }

    fn find(&self, path: &str) -> Option<Arc<Space>> {
        let mut open = self.0.lock();
        let at = open.iter().rposition(|(other, _)| other == path)?;
        open[at..].rotate_left(1);
        open.last().map(|(_, space)| Arc::clone(space))
    }

    fn remove(&self, path: &str) -> Option<Arc<Space>> {
        let mut open = self.0.lock();
        let at = open.iter().position(|(other, _)| other == path)?;
        Some(open.remove(at).1)
    }
}

/// The paths of spaces to close, so that the others are within the limits.
fn surplus(open: &[(String, Arc<Space>)]) -> Vec<String> {
    let (mut bytes, mut count) = (0, 0);
    let mut surplus = Vec::new();
    for (path, space) in open.iter().rev() {
        bytes += space.heap();
        count += 1;
        if count > 1 && (count > MOST || bytes > MOST_BYTES) {
            surplus.push(path.clone());
        }
    }
    surplus
}
