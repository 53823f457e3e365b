//! Which space a call concerns. The first parts of a scope name the space of a record, those of a journal's name its space.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Store;
use super::space::Space;
use crate::backend::Snapshot;
use crate::backend::write::{Call, Job, JobError, JobResult, Outcome, Requirement, Write};
use crate::error::{Error, Result};
use crate::record::{Filter, RecordId, Scope};

/// A search looks into at most so many spaces.
const FEW: usize = 8;

/// The first `depth` parts of a scope, or of a journal's name: the path of its space.
pub fn space_path(text: &str, depth: usize) -> String {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).take(depth).collect();
    format!("/{}", parts.join("/"))
}

fn parts(scope: &str) -> usize {
    scope.split('/').filter(|part| !part.is_empty()).count()
}

impl Store {
    /// True if the scope excludes no record of the spaces that a search with it looks into.
    pub(super) fn holds_whole_spaces(&self, scope: &Scope) -> bool {
        parts(scope.as_str()) <= self.spaces.depth()
    }

    /// The path of the space that holds this scope and all below it; `None` if there are several.
    fn inside(&self, scope: Option<&Scope>) -> Option<String> {
        let depth = self.spaces.depth();
        if depth == 0 {
            return Some("/".into());
        }
        let scope = scope.map_or("/", Scope::as_str);
        (parts(scope) >= depth).then(|| space_path(scope, depth))
    }

    /// The path of the space that holds this scope and all below it.
    pub(super) fn one_space(&self, scope: Option<&Scope>, what: &str) -> Result<String> {
        self.inside(scope).ok_or_else(|| {
            let first = match self.spaces.depth() {
                1 => "its first part".to_owned(),
                depth => format!("its first {depth} parts"),
            };
            Error::InvalidFilter(format!(
                "{what} needs a scope inside one space: name {first}, or move to a store that is one space \
                 (`agentmem migrate --space-depth 0`)"
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
    /// [`Error::InvalidFilter`] if several spaces have one of the ids.
    pub(super) fn snapshot_of_ids(
        &self,
        ids: &[RecordId],
        scope: Option<&Scope>,
    ) -> Result<Box<dyn Snapshot + '_>> {
        self.check_open()?;
        let holders = self.holders(ids, scope)?;
        let mut paths = holders.keys();
        match (paths.next(), paths.next()) {
            (Some(_), Some(_)) => self.spaces.snapshot(None),
            (path, _) => self.spaces.snapshot(Some(path.map_or("/", String::as_str))),
        }
    }

    /// For each of these ids, the paths of the spaces that have a record with it, in a scope and below if one is given.
    fn places(&self, ids: &[RecordId], scope: Option<&Scope>) -> Result<HashMap<RecordId, Vec<String>>> {
        let mut places = HashMap::<_, Vec<_>>::new();
        for (id, path) in self.spaces.places_of(ids, scope)? {
            places.entry(id).or_default().push(path);
        }
        Ok(places)
    }

    /// The paths of the spaces that have records with these ids, in a scope and below if one is given; with each path the ids.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if several spaces have one of the ids.
    fn holders(&self, ids: &[RecordId], scope: Option<&Scope>) -> Result<BTreeMap<String, Vec<RecordId>>> {
        if let Some(path) = self.inside(scope) {
            return Ok(BTreeMap::from([(path, ids.to_vec())]));
        }
        let places = self.places(ids, scope)?;
        let mut holders = BTreeMap::<String, Vec<RecordId>>::new();
        for id in ids {
            if let Some(path) = only(id, &places)? {
                holders.entry(path.clone()).or_default().push(id.clone());
            }
        }
        Ok(holders)
    }

    /// The path of the space in which a search with this scope is explained: one that has the record.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if several spaces have a record with the id, and the scope does not tell which.
    pub(super) fn path_to_explain(&self, id: &RecordId, scope: Option<&Scope>) -> Result<String> {
        let places = self.places(std::slice::from_ref(id), None)?;
        let searched = self.inside(scope);
        let has_it = |path: &String| places.get(id).is_some_and(|paths| paths.contains(path));
        match searched.filter(has_it) {
            Some(path) => Ok(path),
            None => Ok(only(id, &places)?.cloned().unwrap_or_else(|| space_path("/", 0))),
        }
    }

    /// The paths of the spaces that a filter lets through.
    pub(super) fn paths(&self, filter: &Filter, limit: usize) -> Result<Vec<String>> {
        let scope = filter.scope.as_ref();
        if let Some(path) = self.inside(scope) {
            return Ok(vec![path]);
        }
        match &filter.ids {
            Some(ids) => {
                let places = self.spaces.places_of(ids, scope)?.into_iter();
                Ok(places.map(|(_, path)| path).collect::<BTreeSet<_>>().into_iter().collect())
            }
            None => self.spaces.paths(scope.unwrap_or(&Scope::root()), limit),
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
                let of = |ids| Write::Delete(Filter { ids, ..filter.clone() });
                Some(match &filter.ids {
                    Some(ids) => {
                        let holders = self.holders(ids, filter.scope.as_ref())?.into_iter();
                        holders.map(|(path, ids)| (path, of(Some(ids)))).collect()
                    }
                    None => {
                        let paths = self.paths(filter, usize::MAX)?.into_iter();
                        paths.map(|path| (path, of(None))).collect()
                    }
                })
            }
            Write::Touch { ids, scope, at, expires_at } => {
                let of = |ids| Write::Touch { ids, scope: scope.clone(), at: *at, expires_at: *expires_at };
                let holders = self.holders(ids, scope.as_ref())?.into_iter();
                Some(holders.map(|(path, ids)| (path, of(ids))).collect())
            }
            _ => None,
        })
    }

    /// The path of the space that all calls of a job concern: the one that scopes or a journal's name give, where the calls' ids
    /// are looked up, or else the one that has the ids. What is nowhere is missed in any space.
    fn path_of_job(&self, job: &Job) -> Result<String, JobError> {
        let mut found = None;
        for (at, call) in job.calls.iter().enumerate() {
            for path in self.named(call).map_err(failed(at))? {
                agree(&mut found, path).map_err(failed(at))?;
            }
        }
        if let Some(path) = found {
            return Ok(path);
        }
        let ids: Vec<RecordId> = job.calls.iter().flat_map(ids_of).cloned().collect();
        let places = self.places(&ids, None)?;
        for (at, call) in job.calls.iter().enumerate() {
            for id in ids_of(call) {
                if let Some(path) = only(id, &places).map_err(failed(at))? {
                    agree(&mut found, path.clone()).map_err(failed(at))?;
                }
            }
        }
        Ok(found.unwrap_or_else(|| space_path("/", 0)))
    }

    /// The paths of the spaces that a call names by its scopes, or by the name of its journal.
    fn named(&self, call: &Call) -> Result<Vec<String>> {
        let depth = self.spaces.depth();
        let of = |scope: &Scope| space_path(scope.as_str(), depth);
        let scope = match &call.write {
            Some(Write::Add { records, .. }) => {
                return Ok(records.iter().map(|new| of(&new.record.scope)).collect());
            }
            Some(Write::Journal { name, .. }) => return Ok(vec![space_path(name, depth)]),
            Some(Write::Update { id, changes } | Write::Supersede { id, changes }) => {
                let to = changes.scope.as_ref().map(of);
                to.iter().try_for_each(|to| self.check_stays(id, to))?;
                return Ok(to.into_iter().collect());
            }
            Some(Write::Delete(Filter { ids: Some(_), scope: None, .. }))
            | Some(
                Write::Touch { scope: None, .. } | Write::Embed(_) | Write::Reset | Write::ResetJournals,
            ) => {
                return Ok(Vec::new());
            }
            Some(
                Write::Delete(Filter { scope, .. }) | Write::Touch { scope, .. } | Write::Purge { scope, .. },
            ) => scope,
            None => match &call.requires {
                Some(Requirement { scope: scope @ Some(_), .. }) => scope,
                _ => return Ok(Vec::new()),
            },
        };
        Ok(vec![self.one_space(scope.as_ref(), "a write of a batch")?])
    }

    /// A record stays in its space: it must be in this one if it is anywhere.
    fn check_stays(&self, id: &RecordId, to: &String) -> Result<()> {
        match self.places(std::slice::from_ref(id), None)?.get(id) {
            Some(places) if !places.contains(to) => Err(Error::InvalidRecord(format!(
                "a record cannot move from the space {:?} to {to:?}",
                places.join(", ")
            ))),
            _ => Ok(()),
        }
    }
}

fn failed(call: usize) -> impl Fn(Error) -> JobError {
    move |error| JobError { call: Some(call), error }
}

/// The ids by which a call names records.
fn ids_of(call: &Call) -> &[RecordId] {
    match (&call.write, &call.requires) {
        (Some(Write::Update { id, .. } | Write::Supersede { id, .. }), _)
        | (None, Some(Requirement { id, .. })) => std::slice::from_ref(id),
        (Some(Write::Delete(Filter { ids: Some(ids), .. }) | Write::Touch { ids, .. }), _) => ids,
        _ => &[],
    }
}

/// The one space that has an id; `None` if none has it.
fn only<'p>(id: &RecordId, places: &'p HashMap<RecordId, Vec<String>>) -> Result<Option<&'p String>> {
    match places.get(id).map_or(&[][..], Vec::as_slice) {
        [] => Ok(None),
        [path] => Ok(Some(path)),
        paths => Err(Error::InvalidFilter(format!(
            "several spaces have a record with the id {:?}: {}; name one with scope=",
            id.text(),
            paths.join(", ")
        ))),
    }
}

/// Notes the space of a call. It must be that of the calls before.
fn agree(found: &mut Option<String>, path: String) -> Result<()> {
    match found {
        Some(other) if *other != path => Err(Error::InvalidFilter(format!(
            "one call writes in one space, this one in {other:?} and {path:?}; divide it"
        ))),
        _ => {
            *found = Some(path);
            Ok(())
        }
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
