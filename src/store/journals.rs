//! Journals of a store.

use super::Store;
use super::routing::space_path;
use crate::backend::write::{Outcome, Write};
use crate::error::{Error, Result};
use crate::journal::{self, Change, Changed, Entry, Keys, Range};

impl Store {
    /// Entries of a journal's log, oldest first. With `skip_damaged`, damaged ones are left out.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a damaged entry, with its number; [`Error::Closed`], [`Error::Busy`].
    pub fn read_journal(&self, name: &str, range: Range, skip_damaged: bool) -> Result<Vec<Entry>> {
        self.snapshot_of_journal(name)?.log(name, range, skip_damaged)
    }

    /// The entries of these keys of a journal's map, in this order; keys without one are left out.
    ///
    /// # Errors
    /// As [`Store::read_journal`].
    pub fn journal_entries(&self, name: &str, keys: &[String]) -> Result<Vec<Entry>> {
        self.snapshot_of_journal(name)?.entries(name, keys)
    }

    /// Entries of a journal's map, in the order of their keys.
    ///
    /// # Errors
    /// As [`Store::read_journal`].
    pub fn journal_items(&self, name: &str, keys: &Keys) -> Result<Vec<Entry>> {
        self.snapshot_of_journal(name)?.items(name, keys)
    }

    /// Keys of a journal's map, in their order.
    ///
    /// # Errors
    /// As [`Store::read_journal`].
    pub fn journal_keys(&self, name: &str, keys: &Keys) -> Result<Vec<String>> {
        self.snapshot_of_journal(name)?.keys(name, keys)
    }

    /// At most `limit` names of journals with an entry that begin with `prefix` and stand behind `after`, in the order of
    /// code points.
    ///
    /// # Errors
    /// As [`Store::read_journal`].
    pub fn journals(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        self.snapshot_of(None)?.journals(prefix, after, limit)
    }

    /// Changes a journal, in one transaction.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the change requires another entry than there is; [`Error::InvalidRecord`] for a bad key;
    /// [`Error::Corrupt`] if a damaged entry would be popped; otherwise as [`Store::add`].
    pub fn change_journal(&self, name: &str, change: Change) -> Result<Changed> {
        self.check_writable()?;
        if let Change::Put { key, .. } = &change {
            journal::check_key(key)?;
        }
        let space = self.space(&space_path(name, self.spaces.depth()))?;
        match space.queue.write(Write::Journal { name: name.to_owned(), change })? {
            Outcome::Journal(changed) => Ok(changed),
            _ => Err(Error::backend(std::io::Error::other("a journal was not changed"))),
        }
    }
}
