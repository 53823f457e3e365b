//! What a backend needs to open a store.

use std::path::PathBuf;
use std::time::Duration;

/// What a finished write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// Power loss: each commit is synced.
    #[default]
    Full,
    /// A killed process. Power loss may undo the newest commits, but does not damage the file.
    Normal,
}

/// What a backend needs to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file, or the URL of a database.
    pub path: PathBuf,
    /// Most readers at once.
    pub pool_size: u32,
    /// What a finished write survives.
    pub durability: Durability,
    /// Open an existing store and never write.
    pub read_only: bool,
    /// How long to wait for locks and for a connection of the pool.
    pub busy_timeout: Duration,
}

impl Settings {
    /// The defaults for `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            pool_size: 8,
            durability: Durability::Full,
            read_only: false,
            busy_timeout: Duration::from_secs(30),
        }
    }
}
