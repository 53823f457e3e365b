//! Deriving everything from the records again.

use super::index_files;
use crate::backend::manifest::IndexFile;
use crate::backend::{Backend, Progress, Snapshot};
use crate::error::{Error, Result};
use crate::interrupt::{self, PollingWait};
use crate::text::ANALYZER_VERSION;

/// True if another version of the analyzer, or none, made what is derived from the records, and this one may make it again.
///
/// # Errors
/// What the database says.
pub fn is_due(backend: &dyn Backend, snapshot: &dyn Snapshot) -> Result<bool> {
    Ok(!backend.is_read_only() && snapshot.analyzer_version()? != ANALYZER_VERSION)
}

/// Makes what is derived again with this version of the analyzer.
///
/// # Errors
/// As [`full_text`].
pub fn for_this_analyzer(backend: &dyn Backend) -> Result<()> {
    let path = backend.path();
    log::info!("filling the full text of {path:?} for analyzer version {ANALYZER_VERSION}");
    let (_, files) = full_text(backend, &mut |_, _| true)?;
    index_files::remove_all(backend, &files);
    Ok(())
}

/// Fills the full text again and empties the manifest of index files. Returns how many records there are, and the files
/// that the manifest named.
///
/// # Errors
/// [`Error::Interrupted`] when `progress` says so, or the user; nothing is changed then.
pub fn full_text(backend: &dyn Backend, progress: &mut Progress<'_>) -> Result<(u64, Vec<IndexFile>)> {
    let wait = PollingWait::new(backend.timeout());
    loop {
        match backend.rebuild(wait.next_poll(), wait.deadline, progress) {
            Err(Error::Busy { .. }) if !wait.timed_out() => {
                if interrupt::requested() {
                    return Err(Error::Interrupted { done: 0 });
                }
            }
            outcome => return outcome,
        }
    }
}

/// Returns the space that deleted records left in the file. If that fails, for example because a copy needs more space than
/// there is, the file stays as it was.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn compact(backend: &dyn Backend) -> Result<()> {
    match backend.compact() {
        Err(Error::Interrupted { .. }) => Err(Error::Interrupted { done: 0 }),
        Err(error) => {
            log::warn!("{:?} could not be made smaller: {error}", backend.path());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
