//! Sizes and counters of a store.

use std::path::PathBuf;
use std::time::Duration;

/// Sizes and counters of a store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// The file.
    pub path: PathBuf,
    /// Live records, private ones too.
    pub records: u64,
    /// Terms in them, repeats included.
    pub terms: u64,
    /// Journals with at least one entry.
    pub journals: u64,
    /// Their entries.
    pub entries: u64,
    /// Schema version of the file.
    pub schema_version: u32,
    /// Bytes of the database and its write-ahead log.
    pub disk_bytes: u64,
    /// Bytes of index files beside it.
    pub index_disk_bytes: u64,
    /// Bytes of the index and of cached texts on the heap, approximately.
    pub memory_bytes: u64,
    /// Bytes of index files that are mapped, shared by all processes.
    pub mapped_bytes: u64,
    /// Segments of the index.
    pub segments: u64,
    /// Records in the memtable of the index.
    pub memtable_records: u64,
    /// Open reading connections, and how many of them are idle.
    pub connections: (u32, u32),
    /// Most reading connections.
    pub pool_size: u32,
    /// Since the store was opened: searches of more than half a second.
    pub slow_searches: u64,
    /// Waits of more than 10 ms for the write lock.
    pub lock_waits: u64,
    /// How long these waits took together.
    pub lock_waited: Duration,
    /// How often this store has brought the index up to date, opening included.
    pub catch_ups: u64,
    /// How many records and deletions it has added to the index.
    pub caught_up: u64,
    /// How often it has loaded the index, opening included.
    pub reloads: u64,
    /// How often it has invalidated index files, because one was damaged or belongs to another store.
    pub invalidated: u64,
}
