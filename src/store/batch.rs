//! Jobs: several writes that are committed together or not at all.

use std::sync::Arc;

use super::prefetch::{self, prefetch};
use super::space::Space;
use crate::backend::write::{Call, Job, JobResult, NewRecord};

impl Space {
    /// Executes a job and brings the index up to date.
    ///
    /// # Errors
    /// The error of a call, with the call's place, or that of the transaction. Then nothing is written.
    pub fn submit(&self, job: Job) -> JobResult {
        let added: Vec<Option<Arc<Vec<NewRecord>>>> =
            job.calls.iter().map(|call| call.new_records().cloned()).collect();
        let changes_index = job.calls.iter().any(Call::changes_index);
        let records: Vec<&NewRecord> = added.iter().flatten().flat_map(|records| records.iter()).collect();
        let analyze = |at: usize| {
            records[at].terms();
        };
        let outcomes = prefetch(records.len(), analyze, || self.queue.submit(job))?;
        if let Some(index) = self.index.as_ref().filter(|_| changes_index) {
            for (records, outcome) in added.iter().zip(&outcomes) {
                if let Some(records) = records {
                    index.shared().hand_over(outcome.seqs(), records);
                }
            }
            let caught_up = if records.len() > prefetch::FEW {
                index.catch_up_in_background()
            } else if index.shared().waiting() >= self.backend.may_lag() {
                index.catch_up()
            } else {
                Ok(())
            };
            caught_up.unwrap_or_else(|error| index.log_failure(&error));
        }
        Ok(outcomes)
    }
}
