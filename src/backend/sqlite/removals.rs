//! Removes records, with everything that depends on them.

use super::batch::{Batch, TotalChanges};
use super::{changes, expiries, fts, history, ids, late_vectors, meta, numbers, records, selection};
use crate::backend::budget::Budget;
use crate::backend::write_transaction::RemoveRecords;
use crate::error::Result;
use crate::record::{Filter, RecordId, Scope, Seq};
use crate::text::Bag;

/// How many deletes may be pending before the full text executes them.
const PENDING: usize = 4096;

impl RemoveRecords for Batch<'_> {
    fn remove_matching(&mut self, filter: &Filter) -> Result<u64> {
        let seqs = selection::seqs_matching(self.conn, filter, 0)?;
        let due = expiries::due(self.conn, self.now)?;
        self.remove_seqs(&seqs)?;
        Ok(seqs.iter().filter(|seq| due.binary_search(seq).is_err()).count() as u64)
    }

    fn remove_all(&mut self) -> Result<u64> {
        let due = expiries::due(self.conn, self.now)?.len();
        self.conn.execute("DELETE FROM embeddings", [])?;
        self.conn.execute("DELETE FROM expiries", [])?;
        let removed = self.conn.execute("DELETE FROM records", [])?;
        self.conn.execute("DELETE FROM scopes", [])?;
        history::forget_all(self.conn)?;
        fts::clear(self.conn)?;
        late_vectors::clear(self.conn)?;
        if removed > 0 {
            let newest = numbers::newest_record(self.conn)?;
            changes::record_deletion(self.conn, 1..=newest, newest, false)?;
        }
        for key in [meta::RECORDS, meta::WORDLESS, meta::TERMS] {
            meta::set(self.conn, key, 0)?;
        }
        self.totals = TotalChanges::default();
        self.pending_deletes.clear();
        self.scopes.clear();
        self.to_prune.clear();
        Ok(removed.saturating_sub(due) as u64)
    }

    fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize> {
        let seqs = match scope {
            None => expiries::earliest(self.conn, self.now, limit)?,
            Some(scope) => {
                let filter = Filter { scope: Some(scope.clone()), ..Filter::all() };
                let within = selection::seqs_matching(self.conn, &filter, 0)?;
                let mut due = expiries::due(self.conn, self.now)?;
                due.retain(|seq| within.binary_search(seq).is_ok());
                due.truncate(limit);
                due
            }
        };
        let before = self.deleted.len();
        self.remove_seqs(&seqs)?;
        self.expired.extend(self.deleted.drain(before..));
        Ok(seqs.len())
    }
}

impl Batch<'_> {
    /// Removes the record with this id, expired or not, if there is one.
    pub(super) fn remove_id(&mut self, id: &RecordId) -> Result<()> {
        match ids::seq_of_id(self.conn, id)? {
            Some(seq) => self.remove_seqs(&[seq]),
            None => Ok(()),
        }
    }

    /// Removes the records with these numbers, and their histories.
    fn remove_seqs(&mut self, seqs: &[Seq]) -> Result<()> {
        for part in seqs.chunks(1024) {
            for (seq, content) in records::contents(self.conn, part, Budget::UNLIMITED)? {
                history::forget(self.conn, seq)?;
                self.take_out(seq, Bag::of(&content))?;
            }
        }
        Ok(())
    }

    /// Removes a row and leaves the history of its record. `terms` are those that it was inserted with.
    pub(super) fn take_out(&mut self, seq: Seq, terms: Bag) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM embeddings WHERE seq = ?")?.execute([seq])?;
        self.conn.prepare_cached("DELETE FROM expiries WHERE seq = ?")?.execute([seq])?;
        let scope = self
            .conn
            .prepare_cached("DELETE FROM records WHERE seq = ? RETURNING scope")?
            .query_row([seq], |row| row.get(0))?;
        self.to_prune.insert(scope);
        self.deleted.push(seq);
        self.totals.count(&terms, -1);
        self.pending_deletes.push((seq, terms));
        if self.pending_deletes.len() < PENDING { Ok(()) } else { self.remove_terms() }
    }
}
