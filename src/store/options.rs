//! How to open a store.

use std::path::PathBuf;
use std::time::Duration;

use crate::backend::settings::{Durability, Settings};

/// Longer timeouts are more than SQLite can count in milliseconds, and the clock in a deadline.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(1_000_000);

/// Where searches find their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IndexMode {
    /// In the index in memory.
    #[default]
    Memory,
    /// In the full-text table on disk; of the index, only that of small scopes is held in memory, see `scope_index`.
    Disk,
}

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The file; it is created if it does not exist.
    pub path: PathBuf,
    /// Most reading connections at once.
    pub pool_size: u32,
    /// What a finished write survives.
    pub durability: Durability,
    /// Where searches find their answers.
    pub index: IndexMode,
    /// Never write.
    pub read_only: bool,
    /// How long to wait for locks and for a connection; more than 1,000,000 seconds count as so many.
    pub busy_timeout: Duration,
}

impl Options {
    /// The defaults for `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let Settings { path, pool_size, durability, read_only, busy_timeout } = Settings::new(path);
        Self { path, pool_size, durability, index: IndexMode::default(), read_only, busy_timeout }
    }

    /// What of it a backend needs.
    pub(super) fn settings(&self) -> Settings {
        let Self { path, pool_size, durability, read_only, busy_timeout, index: _ } = self.clone();
        Settings { path, pool_size, durability, read_only, busy_timeout: busy_timeout.min(LONGEST_TIMEOUT) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn a_timeout_may_be_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { busy_timeout: Duration::MAX, ..Options::new(folder.path().join("a.db")) };
        assert!(Store::open(options).is_ok());
    }
}
