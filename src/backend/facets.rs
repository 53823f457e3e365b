//! Counting categories and collecting scopes.

use std::collections::{BTreeSet, HashMap};

use crate::error::Result;
use crate::record::{Scope, Scopes};

/// Counts categories, given JSON lists of them and how often each list occurs: most frequent first, then by name.
///
/// # Errors
/// For what is not JSON.
pub fn by_frequency(lists: HashMap<String, u64>) -> serde_json::Result<Vec<(String, u64)>> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for (list, count) in lists {
        for category in serde_json::from_str::<Vec<String>>(&list)? {
            *counts.entry(category).or_default() += count;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(counts)
}

/// Collects scopes from the paths of records in and below a scope.
pub struct FoundScopes<'w> {
    wanted: &'w Scopes,
    /// The parent's path; that of the root is empty.
    prefix: &'w str,
    found: BTreeSet<Scope>,
}

impl<'w> FoundScopes<'w> {
    /// Collects what is wanted.
    pub fn new(wanted: &'w Scopes) -> Self {
        let prefix = if wanted.parent == Scope::root() { "" } else { wanted.parent.as_str() };
        Self { wanted, prefix, found: BTreeSet::new() }
    }

    /// False once further paths, in their order, change nothing.
    pub fn wants_more(&self) -> bool {
        // The order of children is not that of the paths below them: "/a-b" comes before "/a/b", and behind "/a".
        !self.wanted.recursive || self.found.len() < self.wanted.limit
    }

    /// Takes the path of a record.
    ///
    /// # Errors
    /// [`crate::Error::InvalidRecord`] if it is no scope.
    pub fn take(&mut self, path: &str) -> Result<()> {
        let begin = self.prefix.len() + 1;
        let child = path.get(begin..).and_then(|below| below.find('/'));
        let end = child.filter(|_| !self.wanted.recursive).map_or(path.len(), |at| begin + at);
        if &path[..end] > self.wanted.after.as_deref().unwrap_or("") {
            self.found.insert(Scope::parse(&path[..end])?);
        }
        Ok(())
    }

    /// The scopes, by name.
    pub fn into_scopes(self) -> Vec<Scope> {
        self.found.into_iter().take(self.wanted.limit).collect()
    }
}
