//! Journals: the table `agentmem_entries`.
//!
//! The indexes are partial, so every statement on one journal has the condition `key IS NULL` (the log) or `key IS NOT NULL`
//! (the map).

mod entry;
mod read;
mod write;

pub use read::problems;
