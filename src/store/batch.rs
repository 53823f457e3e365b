//! Jobs: several writes that stand or fall together.

use std::sync::Arc;

use super::Store;
use super::prefetch::{self, prefetch};
use crate::backend::write::{Call, Entry, Job, JobResult};

impl Store {
    /// Executes a job and brings the index up to date. A job whose calls neither require nor write
    /// anything is no transaction.
    ///
    /// # Errors
    /// What a call raises, with the call's place, or what ended the transaction; then nothing is written.
    pub fn submit(&self, job: Job) -> JobResult {
        self.check_writable()?;
        if let Some(outcomes) = job.calls.iter().map(Call::empty_outcome).collect() {
            return Ok(outcomes);
        }
        let added: Vec<Option<Arc<Vec<Entry>>>> =
            job.calls.iter().map(|call| call.entries().cloned()).collect();
        let changes_index = job.calls.iter().any(Call::changes_index);
        let entries: Vec<&Entry> = added.iter().flatten().flat_map(|entries| entries.iter()).collect();
        let analyze = |at: usize| {
            entries[at].terms();
        };
        let outcomes = prefetch(entries.len(), analyze, || self.queue.submit(job))?;
        if let Some(index) = self.index.as_ref().filter(|_| changes_index) {
            for (entries, outcome) in added.iter().zip(&outcomes) {
                if let Some(entries) = entries {
                    index.shared().hand_over(outcome.seqs(), entries);
                }
            }
            if entries.len() > prefetch::FEW {
                index.catch_up_in_background();
            } else {
                index.catch_up_after_write();
            }
        }
        Ok(outcomes)
    }
}
