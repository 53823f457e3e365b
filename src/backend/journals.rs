//! Reading journals, and the rules that writing them keeps in every backend.

use crate::error::{Conflict, Error, Result};
use crate::journal::{Change, Entry, Keys, Number, Range};

/// How many journals and entries there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalTotals {
    /// Journals with at least one entry.
    pub journals: u64,
    /// Entries that have not expired.
    pub entries: u64,
}

/// Reads journals in the state of a snapshot. Entries that have expired are left out everywhere.
///
/// # Errors
/// [`crate::Error::Corrupt`] for a damaged entry, with its number; otherwise as [`super::Snapshot`].
pub trait Journals {
    /// Entries of a log, oldest first. With `skip_damaged`, damaged ones are left out.
    fn log(&self, name: &str, range: Range, skip_damaged: bool) -> Result<Vec<Entry>>;

    /// The entries of these keys of a map, in this order; keys without one are left out.
    fn entries(&self, name: &str, keys: &[String]) -> Result<Vec<Entry>>;

    /// Entries of a map, in the order of their keys.
    fn items(&self, name: &str, keys: &Keys) -> Result<Vec<Entry>>;

    /// Keys of a map.
    fn keys(&self, name: &str, keys: &Keys) -> Result<Vec<String>>;

    /// At most `limit` names of journals that begin with `prefix` and come after `after`, in the order of code points.
    fn journals(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>>;

    /// How many journals and entries there are.
    fn journal_totals(&self) -> Result<JournalTotals>;

    /// Passes every entry with the name of its journal to `visit`, by number, until it returns false. For a damaged entry
    /// `visit` gets the error. Errors of `visit` end the visit and are returned.
    fn each_entry(&self, visit: &mut dyn FnMut(Result<(String, Entry)>) -> Result<bool>) -> Result<()>;
}

/// Checks what a change of the journal `name` requires. `number` returns the number of a key's entry, or of the newest entry of the
/// log; 0 for none.
///
/// # Errors
/// [`Error::Conflict`], and what `number` raises.
pub fn check(name: &str, change: &Change, number: impl FnOnce(Option<&str>) -> Result<Number>) -> Result<()> {
    let (key, expected) = match change {
        Change::Extend { if_last: Some(last), .. } | Change::Clear { if_last: Some(last) } => (None, *last),
        Change::Put { key, if_number: Some(number), .. } => (Some(key.as_str()), *number),
        _ => return Ok(()),
    };
    let found = number(key)?;
    if found == expected {
        return Ok(());
    }
    let what = Conflict::Journal { name: name.to_owned(), key: key.map(str::to_owned) };
    Err(Error::Conflict { what, expected, found })
}

/// The error for an entry of an export whose number an entry of another journal has.
pub fn number_taken(name: &str, number: Number) -> Error {
    Error::InvalidRecord(format!(
        "entry {number} of journal {name:?} cannot keep its number: another journal of this store has it; \
         import into an empty store"
    ))
}
