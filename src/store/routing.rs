//! Which space a call concerns. The first parts of a scope name the space of a record, those of a journal's name its space.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Store;
use super::space::Space;
use crate::backend::Snapshot;
use crate::backend::write::{Call, Job, JobError, JobResult, Outcome, Write};
use crate::error::{Error, Result};
use crate::record::{Filter, RecordId, Scope};

/// A search looks into at most so many spaces.
const FEW: usize = 8;

/// What a call says about its space.
#[derive(Default)]
struct Hints {
    /// Spaces that scopes and names of journals tell.
    paths: BTreeSet<String>,
    /// Ids of records that exist.
    ids: Vec<RecordId>,
}

/// The first `depth` parts of a scope, or of a journal's name: the path of its space.
pub fn space_path(text: &str, depth: usize) -> String {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).take(depth).collect();
    format!("/{}", parts.join("/"))
}

impl Store {
    /// The path of the space that holds this scope and all below it; `None` if there are several.
    fn inside(&self, scope: Option<&Scope>) -> Option<String> {
        let depth = self.spaces.depth();
        if depth == 0 {
            return Some("/".into());
        }
        let scope = scope.map_or("/", Scope::as_str);
        let parts = scope.split('/').filter(|part| !part.is_empty()).count();
        (parts >= depth).then(|| space_path(scope, depth))
    }

    /// The path of the space that holds this scope and all below it.
    pub(super) fn one_space(&self, scope: Option<&Scope>, what: &str) -> Result<String> {
        self.inside(scope).ok_or_else(|| {
            let depth = self.spaces.depth();
            Error::InvalidFilter(format!(
                "{what} needs a scope inside one space: name its first {depth} part{}",
                if depth == 1 { "" } else { "s" }
            ))
        })
    }

    /// The space with this path, open.
    pub(super) fn space(&self, path: &str) -> Result<Arc<Space>> {
        self.check_open()?;
        self.open.get(&*self.spaces, path, self.options.index)
    }

    /// Begins reading the space that holds this scope, or all spaces if there are several.
    pub(super) fn snapshot_of(&self, scope: Option<&Scope>) -> Result<Box<dyn Snapshot + '_>> {
        self.check_open()?;
        self.spaces.snapshot(self.inside(scope).as_deref())
    }

    /// Begins reading the space that has a journal.
    pub(super) fn snapshot_of_journal(&self, name: &str) -> Result<Box<dyn Snapshot + '_>> {
        self.check_open()?;
        self.spaces.snapshot(Some(&space_path(name, self.spaces.depth())))
    }

    /// Begins reading the space that has the records with these ids, or all spaces if several have them.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if several spaces have the same id.
    pub(super) fn snapshot_of_ids(&self, ids: &[RecordId]) -> Result<Box<dyn Snapshot + '_>> {
        self.check_open()?;
        if self.spaces.depth() == 0 {
            return self.spaces.snapshot(None);
        }
        let paths = self.spaces.paths_of(ids)?;
        match &paths[..] {
            [] => self.spaces.snapshot(Some(&space_path("/", 0))),
            [path] => self.spaces.snapshot(Some(path)),
            _ => {
                for id in ids {
                    self.path_of(id)?;
                }
                self.spaces.snapshot(None)
            }
        }
    }

    /// The path of the space that has the record with this id; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if there are several.
    pub(super) fn path_of(&self, id: &RecordId) -> Result<Option<String>> {
        let mut paths = self.spaces.paths_of(std::slice::from_ref(id))?;
        match paths.len() {
            0 | 1 => Ok(paths.pop()),
            _ => Err(Error::InvalidFilter(format!(
                "several spaces have a record with the id {id:?}: {}; ids are unique within a space",
                paths.join(", ")
            ))),
        }
    }

    /// The paths of the spaces that a filter lets through.
    pub(super) fn paths(&self, filter: &Filter, limit: usize) -> Result<Vec<String>> {
        if let Some(path) = self.inside(filter.scope.as_ref()) {
            return Ok(vec![path]);
        }
        match (&filter.ids, &filter.scope) {
            (Some(ids), _) => self.spaces.paths_of(ids),
            (None, Some(scope)) => self.spaces.paths(scope, limit),
            (None, None) => self.spaces.paths(&Scope::root(), limit),
        }
    }

    /// The spaces that a search looks into.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if there are more than a few.
    pub(super) fn searched(&self, filter: &Filter) -> Result<Vec<Arc<Space>>> {
        if self.spaces.depth() == 0 {
            return Ok(vec![self.space("/")?]);
        }
        let paths = self.paths(filter, FEW + 1)?;
        if paths.len() > FEW {
            self.one_space(filter.scope.as_ref(), &format!("a search among more than {FEW} spaces"))?;
        }
        paths.iter().map(|path| self.space(path)).collect()
    }

    /// Executes a job in the space that it concerns. A call that deletes or touches records of several spaces, and is alone, is
    /// executed in each of them, in a transaction for each.
    ///
    /// # Errors
    /// The error of a call, with the call's place, or that of the transaction; then nothing is written. [`Error::InvalidFilter`] if
    /// the calls concern several spaces.
    pub fn submit(&self, job: Job) -> JobResult {
        self.check_writable()?;
        if let Some(outcomes) = job.calls.iter().map(Call::empty_outcome).collect() {
            return Ok(outcomes);
        }
        if self.spaces.depth() == 0 {
            return self.space("/")?.submit(job);
        }
        if let [Call { requires: None, write: Some(write), .. }] = &job.calls[..]
            && let Some(copies) = self.copies(write)?
        {
            let mut count = 0;
            for (path, write) in copies {
                let outcomes = self.space(&path)?.submit(write.into())?;
                count += outcomes.iter().map(Outcome::count).sum::<u64>();
            }
            return Ok(vec![Outcome::Counted(count)]);
        }
        let path = self.path_of_job(&job)?;
        self.space(&path)?.submit(job)
    }

    /// A write that may concern several spaces, for each of them; `None` if it concerns one.
    fn copies(&self, write: &Write) -> Result<Option<Vec<(String, Write)>>> {
        Ok(match write {
            Write::Delete(filter) => {
                let paths = self.paths(filter, usize::MAX)?.into_iter();
                Some(paths.map(|path| (path, Write::Delete(filter.clone()))).collect())
            }
            Write::Touch { ids, at, expires_at } => {
                let paths = self.spaces.paths_of(ids)?.into_iter();
                let touch = || Write::Touch { ids: ids.clone(), at: *at, expires_at: *expires_at };
                Some(paths.map(|path| (path, touch())).collect())
            }
            _ => None,
        })
    }

    /// The path of the space that all calls of a job concern.
    fn path_of_job(&self, job: &Job) -> Result<String, JobError> {
        let mut found = Hints::default();
        for (at, call) in job.calls.iter().enumerate() {
            self.look_at(call, &mut found).map_err(|error| JobError { call: Some(at), error })?;
        }
        if found.paths.is_empty() {
            // Records that are gone are missed in any space.
            let ids = found.ids.iter().map(|id| self.path_of(id));
            found.paths.extend(ids.collect::<Result<Vec<_>>>()?.into_iter().flatten());
        }
        let mut paths = found.paths.into_iter();
        match (paths.next(), paths.next()) {
            (None, _) => Ok(space_path("/", 0)),
            (Some(path), None) => Ok(path),
            (Some(one), Some(other)) => {
                let why =
                    format!("one call writes in one space, this one in {one:?} and {other:?}; divide it");
                Err(Error::InvalidFilter(why).into())
            }
        }
    }

    fn look_at(&self, call: &Call, found: &mut Hints) -> Result<()> {
        let depth = self.spaces.depth();
        let of = |scope: &Scope| space_path(scope.as_str(), depth);
        if let Some(records) = call.new_records() {
            found.paths.extend(records.iter().map(|new| of(&new.record.scope)));
            return Ok(());
        }
        found.ids.extend(call.requires.iter().map(|requires| requires.id.clone()));
        match &call.write {
            Some(Write::Update { id, changes } | Write::Supersede { id, changes }) => {
                let from = self.path_of(id)?;
                if let (Some(scope), Some(from)) = (&changes.scope, &from)
                    && of(scope) != *from
                {
                    let why = format!("a record cannot move from the space {from:?} to {:?}", of(scope));
                    return Err(Error::InvalidRecord(why));
                }
                found.ids.push(id.clone());
            }
            Some(Write::Delete(Filter { ids: Some(ids), .. }) | Write::Touch { ids, .. }) => {
                found.ids.extend_from_slice(ids);
            }
            Some(Write::Delete(filter)) => {
                found.paths.insert(self.one_space(filter.scope.as_ref(), "delete in a batch")?);
            }
            Some(Write::Purge { scope, .. }) => {
                found.paths.insert(self.one_space(scope.as_ref(), "purge in a batch")?);
            }
            Some(Write::Journal { name, .. }) => {
                found.paths.insert(space_path(name, depth));
            }
            Some(Write::Add { .. } | Write::Embed(_) | Write::Reset | Write::ResetJournals) | None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::space_path;

    #[test]
    fn the_first_parts_name_the_space() {
        for (text, depth, path) in [
            ("/user/alice", 1, "/user"),
            ("/user/alice/notes", 2, "/user/alice"),
            ("/user", 2, "/user"),
            ("/", 1, "/"),
            ("/user", 0, "/"),
            ("sessions/42", 1, "/sessions"),
            ("a//b", 2, "/a/b"),
        ] {
            assert_eq!(space_path(text, depth), path, "{text}");
        }
    }
}
