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

    /// Every version of a record that the viewer may see, oldest first, the current one last; empty if there is no such record, or
    /// if its current version is not in the scope or below.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn history(&self, id: &RecordId, scope: Option<&Scope>, viewer: &Viewer) -> Result<Vec<Record>> {
        let mut versions = self.versions(id, scope)?;
        versions.retain(|version| viewer.sees(version.source.as_deref(), version.private));
        Ok(versions)
    }

    /// The version of a record that was the current one at a moment, if the viewer may see it. The scope is that of
    /// [`Store::history`].
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn get_at(
        &self,
        id: &RecordId,
        at: Micros,
        scope: Option<&Scope>,
        viewer: &Viewer,
    ) -> Result<Option<Record>> {
        let found = self.versions(id, scope)?.into_iter().rfind(|version| version.created_at <= at);
        Ok(found.filter(|version| viewer.sees(version.source.as_deref(), version.private)))
    }

    fn versions(&self, id: &RecordId, scope: Option<&Scope>) -> Result<Vec<Record>> {
        let versions = self.snapshot_of_ids(std::slice::from_ref(id), scope)?.history(id, &Viewer::all())?;
        let is_inside = |current: &Record| scope.is_none_or(|scope| scope.contains(&current.scope));
        Ok(if versions.last().is_some_and(is_inside) { versions } else { Vec::new() })
    }

    /// At most `limit` writes and deletions since `after`, in order; from the oldest record on without it. With a limit of 0
    /// the cursor is the current position. They are those of the space that holds `scope`.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if the scope is not inside one space; otherwise as [`Store::list`].
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
        let requires = if_version.map(|version| Requirement { id: id.clone(), scope: None, version });
        let job = Job { calls: vec![Call::new(requires, Some(write))] };
        let outcome = self.submit(job)?.pop();
        outcome.and_then(|outcome| outcome.record()).ok_or_else(|| Error::RecordNotFound(id.to_string()))
    }
}
