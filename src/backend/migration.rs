//! Schema versions, of files and of databases.

/// The schema version of a store, and the migrations that it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its version; 0 if there is no store.
    pub current: u32,
    /// The newest version.
    pub latest: u32,
    /// Version and name of each migration that it lacks.
    pub pending: Vec<(u32, &'static str)>,
}

/// How to make a store in a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// How many parts of a scope name a space; that of the store if it exists, otherwise 1.
    pub space_depth: Option<u32>,
    /// How many partitions each table has; those of the store if it exists, otherwise 64.
    pub partitions: Option<u32>,
}
