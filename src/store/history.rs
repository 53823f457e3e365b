//! What was true before: superseded versions of a record, and the log of changes.

use super::Store;
use crate::backend::change_log::{Cursor, LogPage};
use crate::backend::write::{Call, Job, Requirement, Write};
use crate::error::{Error, Result};
use crate::record::{Fields, Micros, Record, RecordId, Scope, Viewer};

impl Store {
    /// Gives a record a new version, whoever may see it, keeps the old one in its history, and returns the new one.
    ///
    /// # Errors
    /// [`Error::RecordNotFound`]; [`Error::InvalidRecord`], also if the new version would have been created before the old
    /// one; [`Error::Conflict`] if the record does not have the version that is required; otherwise as [`Store::add`].
    pub fn supersede(&self, id: &RecordId, changes: Fields, if_version: Option<i64>) -> Result<Record> {
        self.write_record(Write::Supersede { id: id.clone(), changes }, id, if_version)
    }

    /// Every version of a record that the viewer may see, oldest first, the current one last; empty if there is no such record.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Closed`], [`Error::Busy`].
    pub fn history(&self, id: &RecordId, viewer: &Viewer) -> Result<Vec<Record>> {
        self.snapshot_of_ids(std::slice::from_ref(id))?.history(id, viewer)
    }

    /// The version of a record that was the current one at a moment, if the viewer may see it.
    ///
    /// # Errors
    /// As [`Store::history`].
    pub fn get_at(&self, id: &RecordId, at: Micros, viewer: &Viewer) -> Result<Option<Record>> {
        let versions = self.snapshot_of_ids(std::slice::from_ref(id))?.history(id, &Viewer::all())?;
        let found = versions.into_iter().rfind(|version| version.created_at <= at);
        Ok(found.filter(|version| viewer.sees(version.source.as_deref(), version.private)))
    }

    /// At most `limit` writes and deletions since `after`, in order; from the oldest record on without it. With a limit of 0
    /// the cursor is the current position. They are those of the space that holds `scope`.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if the scope is not inside one space; otherwise as [`Store::history`].
    pub fn changes(
        &self,
        after: Option<Cursor>,
        limit: usize,
        viewer: &Viewer,
        scope: Option<&Scope>,
    ) -> Result<LogPage> {
        self.one_space(scope, "changes")?;
        self.snapshot_of(scope)?.changes(after, limit, viewer)
    }

    /// Executes a write of one record that returns it, and brings the index up to date.
    pub(super) fn write_record(
        &self,
        write: Write,
        id: &RecordId,
        if_version: Option<i64>,
    ) -> Result<Record> {
        let requires = if_version.map(|version| Requirement { id: id.clone(), version });
        let job = Job { calls: vec![Call::new(requires, Some(write))] };
        let outcome = self.submit(job)?.pop();
        outcome.and_then(|outcome| outcome.record()).ok_or_else(|| Error::RecordNotFound(id.to_string()))
    }
}
