//! `Call`: one write of a batch, or of its own.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::conversion::Named;
use super::detach::detached;
use super::handle::Handle;
use super::journal::{clearing, deletion, encode_all, extension, pruning, replacement};
use super::record::{PyRecord, record_of};
use super::{errors, fields, filter, options, timestamp, value, values};
use crate::backend::write::{Call, Job, JobError, NewRecord, Outcome, Requirement, Write};
use crate::journal::{Change, Changed};
use crate::record::{Fields, RecordId, Seq, check_vector};

/// The outcome of a call as Python gets it: its value, the version that it wrote, and whether it wrote anything.
pub type PyOutcome<'py> = (Bound<'py, PyAny>, Option<Seq>, bool);

/// One write with what it requires. Its arguments are checked and copied when it is made. It can be sent once.
#[pyclass(frozen, name = "Call", module = "agentmem._core")]
pub struct PyCall(Mutex<Option<Call>>);

impl PyCall {
    fn new(requires: Option<Requirement>, write: Option<Write>) -> Self {
        Self(Mutex::new(Some(Call::new(requires, write))))
    }

    fn journal(name: String, change: Change) -> Self {
        Self::new(None, Some(Write::Journal { name, change }))
    }
}

#[pymethods]
impl PyCall {
    /// Adds texts, dicts of fields and Records; `if_version` is for one alone.
    #[staticmethod]
    #[pyo3(signature = (items, on_conflict, if_version=None))]
    fn add(
        items: &Bound<'_, PyAny>,
        on_conflict: &Bound<'_, PyAny>,
        if_version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let records = items.try_iter()?.map(|item| Ok(NewRecord::new(record_of(&item?)?)));
        let records = records.collect::<PyResult<Vec<_>>>()?;
        let on_conflict = options::on_conflict(on_conflict)?;
        let first = records.first().map(|first| requirement(&first.record.id, if_version));
        let requires = first.transpose()?.flatten();
        Ok(Self::new(requires, Some(Write::add(Arc::new(records), on_conflict)?)))
    }

    /// Changes fields of a record.
    #[staticmethod]
    fn update(
        id: &Bound<'_, PyAny>,
        changes: &Bound<'_, PyDict>,
        if_version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (id, changes) = (filter::id(id)?, fields::update(Some(changes))?);
        Ok(Self::new(requirement(&id, if_version)?, Some(Write::Update { id, changes })))
    }

    /// Gives a record a new version, and keeps the old one.
    #[staticmethod]
    fn supersede(
        id: &Bound<'_, PyAny>,
        changes: &Bound<'_, PyDict>,
        if_version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (id, changes) = (filter::id(id)?, fields::update(Some(changes))?);
        Ok(Self::new(requirement(&id, if_version)?, Some(Write::Supersede { id, changes })))
    }

    /// Deletes records by filters; with `if_version`, by one id alone.
    #[staticmethod]
    fn delete(filters: &Bound<'_, PyDict>, if_version: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let filter = filter::extract(Some(filters))?;
        if let Some(scope) = filters.get_item("scope")?.filter(|scope| !scope.is_none()) {
            filter::scope_to_delete(&scope)?;
        }
        let if_version = filter::version(if_version, "if_version")?;
        Ok(Self(Mutex::new(Some(Call::delete(filter, if_version)?))))
    }

    /// Notes that records are accessed now, and sets when they expire unless that is None.
    #[staticmethod]
    fn touch(
        ids: &Bound<'_, PyAny>,
        scope: Option<&Bound<'_, PyAny>>,
        expires_at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (ids, scope) = (filter::ids(ids)?, filter::scope_if_any(scope)?);
        let expires_at = expires_at.map(|at| timestamp::micros(at).in_record("expires_at")).transpose()?;
        Ok(Self::new(None, Some(Write::touch(&ids, scope, expires_at))))
    }

    /// Requires a version of a record, and writes nothing.
    #[staticmethod]
    fn check(
        id: &Bound<'_, PyAny>,
        if_version: &Bound<'_, PyAny>,
        scope: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (requires, scope) =
            (requirement(&filter::id(id)?, Some(if_version))?, filter::scope_if_any(scope)?);
        Ok(Self::new(requires.map(|requires| Requirement { scope, ..requires }), None))
    }

    /// `Journal.append`.
    #[staticmethod]
    fn append(
        journal: String,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        if_last: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let values = vec![value::encode(value).in_record("value")?];
        Ok(Self::journal(journal, extension(values, ttl, if_last)?))
    }

    /// `Journal.extend`.
    #[staticmethod]
    fn extend(
        journal: String,
        values: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        if_last: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self::journal(journal, extension(encode_all(values)?, ttl, if_last)?))
    }

    /// `Journal.put`.
    #[staticmethod]
    fn put_entry(
        journal: String,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        if_number: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self::journal(journal, replacement(key, value, ttl, if_number)?))
    }

    /// `Journal.prune`.
    #[staticmethod]
    fn prune(
        journal: String,
        keep: Option<&Bound<'_, PyAny>>,
        before: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self::journal(journal, pruning(keep, before)?))
    }

    /// `Journal.delete`.
    #[staticmethod]
    fn delete_entries(
        journal: String,
        keys: Option<&Bound<'_, PyAny>>,
        numbers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self::journal(journal, deletion(keys, numbers)?))
    }

    /// `Journal.clear`.
    #[staticmethod]
    fn clear(journal: String, if_last: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        Ok(Self::journal(journal, clearing(if_last)?))
    }

    /// The ids of the records that the call adds.
    #[getter]
    fn ids(&self) -> Vec<String> {
        self.0.lock().as_ref().map(ids).unwrap_or_default()
    }

    /// The texts that need a vector: contents that are new, hold more than white space, and come without a vector.
    #[getter]
    fn texts(&self) -> Vec<String> {
        self.0.lock().as_ref().map(texts).unwrap_or_default()
    }

    /// Takes the vectors of `texts`, in order, and the name of the embedder that made them. Other new contents get none.
    fn embed(&self, vectors: Vec<Option<Bound<'_, PyAny>>>, embedder: Option<String>) -> PyResult<()> {
        // Taken before the lock: Python code may run meanwhile.
        let vectors = vectors.iter().map(|vector| vector.as_ref().map(checked_vector).transpose());
        let vectors = vectors.collect::<PyResult<Vec<_>>>()?;
        if let Some(call) = &mut *self.0.lock() {
            if vectors.iter().any(Option::is_some) {
                call.embedder = embedder;
            }
            embed(call, &mut vectors.into_iter());
        }
        Ok(())
    }
}

fn ids(call: &Call) -> Vec<String> {
    let records = call.new_records().into_iter().flat_map(|records| records.iter());
    records.map(|new| new.record.id.to_string()).collect()
}

fn texts(call: &Call) -> Vec<String> {
    let bare: Vec<&String> = match &call.write {
        Some(Write::Add { records, .. }) => {
            let bare = records.iter().filter(|new| new.record.embedding.is_none());
            bare.map(|new| &new.record.content).collect()
        }
        Some(Write::Update { changes, .. } | Write::Supersede { changes, .. })
            if changes.embedding.is_none() =>
        {
            changes.content.iter().collect()
        }
        _ => Vec::new(),
    };
    bare.into_iter().filter(|text| !is_blank(text)).cloned().collect()
}

/// A vector that an embedder made.
pub fn checked_vector(vector: &Bound<'_, PyAny>) -> PyResult<Vec<f32>> {
    let vector = values::vector(vector).in_record("embedding")?;
    check_vector(&vector)?;
    Ok(vector)
}

fn embed(call: &mut Call, vectors: &mut dyn Iterator<Item = Option<Vec<f32>>>) {
    let mut vector_of = |text: &str| if is_blank(text) { None } else { vectors.next().flatten() };
    match &mut call.write {
        Some(Write::Add { records, .. }) => {
            for new in Arc::get_mut(records).into_iter().flatten() {
                if new.record.embedding.is_none() {
                    new.record.embedding = vector_of(&new.record.content);
                }
            }
        }
        Some(Write::Update { changes, .. } | Write::Supersede { changes, .. }) => {
            if let Fields { content: Some(content), embedding: embedding @ None, .. } = changes {
                *embedding = Some(vector_of(content));
            }
        }
        _ => {}
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn requirement(id: &RecordId, if_version: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Requirement>> {
    let version = filter::version(if_version, "if_version")?;
    Ok(version.map(|version| Requirement { id: id.clone(), scope: None, version }))
}

/// Executes calls in one transaction and returns the outcome of each.
///
/// # Errors
/// BatchError if a call was sent before.
pub fn submit<'py>(
    py: Python<'py>,
    handle: &Handle,
    calls: &[&PyCall],
) -> PyResult<Result<Vec<PyOutcome<'py>>, JobError>> {
    let take = |call: &&PyCall| call.0.lock().take().ok_or_else(errors::sent_before);
    let calls = calls.iter().map(take).collect::<PyResult<Vec<_>>>()?;
    let ids: Vec<Vec<String>> = calls.iter().map(ids).collect();
    match detached(py, || handle.call(|store| Ok(store.submit(Job { calls }))))? {
        Ok(outcomes) => {
            let outcomes = outcomes.into_iter().zip(ids).map(|(outcome, ids)| to_python(py, outcome, ids));
            outcomes.collect::<PyResult<_>>().map(Ok)
        }
        Err(failed) => Ok(Err(failed)),
    }
}

fn to_python(py: Python<'_>, outcome: Outcome, ids: Vec<String>) -> PyResult<PyOutcome<'_>> {
    Ok(match outcome {
        Outcome::Added(seqs) => {
            let version = seqs.into_iter().flatten().next_back();
            (PyList::new(py, ids)?.into_any(), version, version.is_some())
        }
        Outcome::Updated(record) => {
            let version = record.version;
            (Bound::new(py, PyRecord(*record))?.into_any(), version, true)
        }
        Outcome::Counted(count) | Outcome::Journal(Changed::Removed(count)) => {
            (count.into_pyobject(py)?.into_any(), None, count > 0)
        }
        Outcome::Journal(Changed::Written(numbers)) => {
            let written = !numbers.is_empty();
            (PyList::new(py, numbers)?.into_any(), None, written)
        }
        Outcome::Journal(Changed::Popped(_)) | Outcome::Checked => (py.None().into_bound(py), None, false),
    })
}
