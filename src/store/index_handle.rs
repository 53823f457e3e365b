//! How a store uses the shared index: brings it up to date and writes it to disk through the store's backend.

use std::sync::Arc;

use super::shared_index::SharedIndex;
use super::{follower, persister, registry};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::index::Damaged;

/// The shared index, and the backend of one store.
#[derive(Clone)]
pub struct IndexHandle {
    shared: Arc<SharedIndex>,
    backend: Arc<dyn Backend>,
}

impl IndexHandle {
    /// The index of the backend's file, up to date.
    ///
    /// # Errors
    /// As [`registry::open`].
    pub fn open(backend: &Arc<dyn Backend>) -> Result<Self> {
        let (shared, loaded) = registry::open(&**backend)?;
        let handle = Self { shared, backend: Arc::clone(backend) };
        if loaded {
            persister::persist_in_background(&handle.shared, &handle.backend);
        } else {
            handle.catch_up()?;
        }
        Ok(handle)
    }

    /// What all stores on the file share.
    pub fn shared(&self) -> &SharedIndex {
        &self.shared
    }

    /// Brings the index up to date with everything that was committed before the call.
    ///
    /// # Errors
    /// What the database says; the next call tries again.
    pub fn catch_up(&self) -> Result<()> {
        if follower::catch_up(&self.shared, &*self.backend)? {
            persister::persist_in_background(&self.shared, &self.backend);
        }
        Ok(())
    }

    /// [`IndexHandle::catch_up`] in another thread. Searches wait for it. The next such call waits too, so that handed-over terms
    /// do not accumulate.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the user stops waiting for the previous one; the next call tries again.
    pub fn catch_up_in_background(&self) -> Result<()> {
        let handle = self.clone();
        let catch_up = move || handle.catch_up().unwrap_or_else(|error| handle.log_failure(&error));
        self.shared.catching_up.start(catch_up)
    }

    /// Logs that a catch-up after a commit has failed. The write has succeeded, and the next search tries again.
    pub fn log_failure(&self, error: &Error) {
        log::warn!("the index of {:?} could not take in a write: {error}", self.backend.path());
    }

    /// Loads the index again.
    ///
    /// # Errors
    /// What the database says; the next catch-up tries again.
    pub fn reload(&self) -> Result<()> {
        follower::reload(&self.shared, &*self.backend)
    }

    /// Builds the index from the records, because an index file turned out to be damaged.
    ///
    /// # Errors
    /// What the database says.
    pub fn repair(&self, damaged: Damaged) -> Result<()> {
        follower::repair(&self.shared, &*self.backend, damaged)
    }

    /// Waits until the background threads have ended.
    pub fn wait(&self) {
        // In this order: the first may start the second.
        self.shared.catching_up.wait();
        self.shared.persisting.wait();
    }

    /// Writes the index to disk where that pays.
    pub fn persist_at_close(&self) {
        if let Err(error) = persister::persist_at_close(&self.shared, &*self.backend) {
            // Nothing is lost: the next opening builds the index from the records.
            log::warn!("the index of {:?} could not be written: {error}", self.backend.path());
        }
    }
}
