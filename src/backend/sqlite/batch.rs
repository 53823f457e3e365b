//! The writes of one transaction.

use std::collections::HashSet;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::insert_statements::InsertStatements;
use super::transaction::Transaction;
use super::write_connection::WriteConnection;
use super::{changes, fts, meta};
use crate::backend::write_transaction::WriteTransaction;
use crate::clock;
use crate::error::{Error, Result};
use crate::record::{Micros, Scope, Seq};
use crate::text::Bag;

/// The terms of a damaged record may differ from those that it was added with, so no total may go below zero.
const ADD_TO_TOTAL: &str = "UPDATE meta SET value = max(value + ?, 0) WHERE key = ?";

const DROP_IF_EMPTY: &str =
    "DELETE FROM scopes WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM records WHERE scope = ?1)";

/// The writes of one transaction. `inserts`, `removals` and `journals` say how it writes.
pub(super) struct Batch<'c> {
    pub conn: &'c WriteConnection,
    /// When a commit that has to wait gives up.
    deadline: Instant,
    /// The time of the transaction. What expires later exists for it.
    pub now: Micros,
    /// The rows that the connection had written before the transaction, and before the current job.
    before: u64,
    before_job: u64,
    /// Whose vectors are written, if it has a name.
    pub embedder: Option<String>,
    /// Prepared when the first record is added.
    pub inserts: Option<InsertStatements<'c>>,
    /// The rows of scopes, by path.
    pub scopes: FxHashMap<Scope, i64>,
    pub deleted: Vec<Seq>,
    /// Deleted because they had expired. The log that users read does not show these deletions.
    pub expired: Vec<Seq>,
    /// Deleted rows that the full text still has, with their terms.
    pub pending_deletes: Vec<(Seq, Bag)>,
    /// Scopes that may be empty now.
    pub to_prune: HashSet<i64>,
    pub totals: TotalChanges,
    /// Dropped last. Without a commit it is rolled back then.
    transaction: Transaction<'c>,
}

/// What the transaction adds to the totals of the store.
#[derive(Default)]
pub(super) struct TotalChanges {
    records: i64,
    wordless: i64,
    terms: i64,
}

impl TotalChanges {
    /// Counts a record with these terms that was added, or removed if `sign` is -1.
    pub fn count(&mut self, terms: &Bag, sign: i64) {
        self.records += sign;
        self.wordless += sign * i64::from(terms.is_empty());
        self.terms += sign * terms.length() as i64;
    }
}

impl<'c> Batch<'c> {
    /// Takes the write lock of the file.
    pub fn begin(conn: &'c WriteConnection, lock_until: Instant, deadline: Instant) -> Result<Self> {
        let transaction = Transaction::begin(conn, lock_until)?;
        conn.notice_others()?;
        let before = conn.total_changes();
        Ok(Self {
            conn,
            deadline,
            now: clock::now(),
            before,
            before_job: before,
            embedder: None,
            inserts: None,
            scopes: FxHashMap::default(),
            deleted: Vec::new(),
            expired: Vec::new(),
            pending_deletes: Vec::new(),
            to_prune: HashSet::new(),
            totals: TotalChanges::default(),
            transaction,
        })
    }

    /// Executes pending deletes in the full text. FTS5 writes its memory to disk whenever a row is out of order, so rows are
    /// deleted together and in order.
    pub fn remove_terms(&mut self) -> Result<()> {
        self.pending_deletes.sort_unstable_by_key(|(seq, _)| *seq);
        self.pending_deletes
            .drain(..)
            .try_for_each(|(seq, terms)| fts::delete(self.conn, seq, terms.joined()))
    }
}

impl WriteTransaction for Batch<'_> {
    fn begin_job(&mut self) {
        self.before_job = self.conn.total_changes();
    }

    fn goes_on_after(&mut self, _: &Error) -> bool {
        // SQLite rolls a transaction back after some errors.
        self.conn.total_changes() == self.before_job && !self.conn.is_autocommit()
    }

    fn written(&self) -> u64 {
        self.conn.total_changes() - self.before
    }

    fn some_expired(&self) -> Result<bool> {
        // One statement for both, as every write asks.
        let mut statement = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM expiries WHERE at <= ?1) OR EXISTS (SELECT 1 FROM entries WHERE expires_at <= ?1)",
        )?;
        Ok(statement.query_row([self.now], |row| row.get(0))?)
    }

    /// Adds deletions to the change feed, updates the totals, deletes empty scopes, and commits.
    fn commit(mut self) -> Result<()> {
        if !self.pending_deletes.is_empty() {
            self.remove_terms()?;
        }
        for (seqs, hidden) in [(self.deleted, false), (self.expired, true)] {
            if !seqs.is_empty() {
                changes::record_deletions(self.conn, seqs, hidden)?;
            }
        }
        let TotalChanges { records, wordless, terms } = self.totals;
        for (key, change) in [(meta::RECORDS, records), (meta::WORDLESS, wordless), (meta::TERMS, terms)] {
            if change != 0 {
                self.conn.prepare_cached(ADD_TO_TOTAL)?.execute((change, key))?;
            }
        }
        for scope in self.to_prune {
            self.conn.prepare_cached(DROP_IF_EMPTY)?.execute([scope])?;
        }
        self.transaction.commit(self.deadline)
    }
}
