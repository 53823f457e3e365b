//! `Store`: the handle.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::convert::{self, Named};
use super::errors::{describe, from_panic};
use super::fields;
use super::handle::{self, Handle};
use super::hit::PyHit;
use super::io::File;
use super::journal;
use super::progress::{self, Reporter};
use super::record::{PyRecord, record_of};
use crate::backend::sqlite::{Durability, Progress, migrate};
use crate::record::{Blend, Hit, Mode, Query, Viewer};
use crate::store::{IndexMode, OnConflict, Options, Store};

/// More would not get file handles from most systems.
const MOST_CONNECTIONS: usize = 1000;
/// Bytes handed to a Python file at a time.
const CHUNK: usize = 1 << 16;

/// An open store; `agentmem.MemoryStore` is its face.
#[pyclass(frozen, name = "Store", module = "agentmem._core")]
pub struct PyStore(Arc<Handle>);

impl PyStore {
    /// Calls the core with the interpreter released.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Store) -> crate::Result<T> + Send,
    ) -> PyResult<T> {
        detached(py, || self.0.call(call))
    }

    /// Calls the core with a Python file to read from, and a function that hears of progress. What they raise goes through.
    fn read_lines<T: Send>(
        &self,
        py: Python<'_>,
        file: &Py<PyAny>,
        progress: Option<Py<PyAny>>,
        call: impl FnOnce(&Store, &mut dyn BufRead, &mut Progress<'_>) -> crate::Result<T> + Send,
    ) -> PyResult<T> {
        let (mut reporter, mut raised) = (Reporter::new(progress), None);
        let read = self.run(py, |store| {
            let mut lines = BufReader::with_capacity(CHUNK, File::new(file, &mut raised));
            call(store, &mut lines, &mut |done, total| reporter.report(done, total))
        });
        reporter.end(raised.map_or(read, Err))
    }
}

fn detached<T: Send>(py: Python<'_>, call: impl FnOnce() -> crate::Result<T> + Send) -> PyResult<T> {
    let (outcome, raised) = py.detach(|| progress::listening(|| catch_unwind(AssertUnwindSafe(call))));
    let told = journal::hand_over(py);
    // Of Ctrl-C the caller hears even if the core could go on without what it stopped.
    match (outcome, raised) {
        (Err(panic), _) => Err(from_panic(&*panic)),
        (_, Some(raised)) => Err(raised),
        (Ok(result), None) => told.and(Ok(result?)),
    }
}

#[pymethods]
impl PyStore {
    #[new]
    #[pyo3(signature = (path, *, pool_size, durability, index, read_only, busy_timeout))]
    fn open(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        pool_size: &Bound<'_, PyAny>,
        durability: &Bound<'_, PyAny>,
        index: &Bound<'_, PyAny>,
        read_only: &Bound<'_, PyAny>,
        busy_timeout: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let options = Options {
            path: convert::path(path)?,
            pool_size: match convert::count(pool_size).in_options("pool_size")? {
                size @ 1..=MOST_CONNECTIONS => size as u32,
                size => {
                    let message = format!("pool_size must be 1 to {MOST_CONNECTIONS}, not {size}");
                    return Err(PyValueError::new_err(message));
                }
            },
            durability: choice(
                "durability",
                durability,
                &[("full", Durability::Full), ("normal", Durability::Normal)],
            )?,
            index: choice("index", index, &[("memory", IndexMode::Memory), ("disk", IndexMode::Disk)])?,
            read_only: convert::flag(read_only).in_options("read_only")?,
            busy_timeout: convert::seconds(busy_timeout).in_options("busy_timeout")?,
        };
        detached(py, || Handle::new(options)).map(Self)
    }

    fn add<'py>(
        &self,
        py: Python<'py>,
        items: &Bound<'py, PyAny>,
        on_conflict: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<String>> {
        let records = items.try_iter()?.map(|item| record_of(&item?)).collect::<PyResult<Vec<_>>>()?;
        let on_conflict = conflict(on_conflict)?;
        let ids = self.run(py, |store| store.add(records, on_conflict))?;
        Ok(ids.into_iter().map(|id| id.to_string()).collect())
    }

    fn get(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        source: Option<&Bound<'_, PyAny>>,
        include_private: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<Option<PyRecord>>> {
        let ids = convert::ids(ids)?;
        let viewer = viewer(source, include_private)?;
        let records = self.run(py, |store| store.get(&ids, &viewer))?;
        Ok(records.into_iter().map(|record| record.map(PyRecord)).collect())
    }

    #[pyo3(signature = (id, **changes))]
    fn update(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyRecord> {
        let id = convert::id(id)?;
        let changes = fields::update(changes)?;
        self.run(py, |store| store.update(&id, changes)).map(PyRecord)
    }

    #[pyo3(signature = (**filters))]
    fn delete(&self, py: Python<'_>, filters: Option<&Bound<'_, PyDict>>) -> PyResult<u64> {
        let filter = convert::filter(filters)?;
        let scope = filters.map(|filters| filters.get_item("scope")).transpose()?.flatten();
        if let Some(scope) = scope.filter(|scope| !scope.is_none()) {
            convert::scope_to_empty(&scope)?;
        }
        self.run(py, |store| store.delete(&filter))
    }

    #[pyo3(signature = (limit, offset, **filters))]
    fn list(
        &self,
        py: Python<'_>,
        limit: Option<&Bound<'_, PyAny>>,
        offset: &Bound<'_, PyAny>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<PyRecord>> {
        let limit = limit.map_or(Ok(usize::MAX), |limit| convert::count(limit).in_filter("limit"))?;
        let offset = convert::count(offset).in_filter("offset")?;
        let filter = convert::filter(filters)?;
        let records = self.run(py, |store| store.list(&filter, limit, offset))?;
        Ok(records.into_iter().map(PyRecord).collect())
    }

    #[pyo3(signature = (**filters))]
    fn count(&self, py: Python<'_>, filters: Option<&Bound<'_, PyDict>>) -> PyResult<u64> {
        let filter = convert::filter(filters)?;
        self.run(py, |store| store.count(&filter))
    }

    #[pyo3(signature = (**filters))]
    fn categories<'py>(
        &self,
        py: Python<'py>,
        filters: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let filter = convert::filter(filters)?;
        counts(py, self.run(py, |store| store.categories(&filter))?)
    }

    fn scopes(
        &self,
        py: Python<'_>,
        parent: &Bound<'_, PyAny>,
        source: Option<&Bound<'_, PyAny>>,
        include_private: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<String>> {
        let parent = convert::scope(parent)?;
        let viewer = viewer(source, include_private)?;
        let scopes = self.run(py, |store| store.scopes(&parent, &viewer))?;
        Ok(scopes.into_iter().map(|scope| scope.to_string()).collect())
    }

    fn scope_info<'py>(
        &self,
        py: Python<'py>,
        scope: &Bound<'py, PyAny>,
        source: Option<&Bound<'py, PyAny>>,
        include_private: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let scope = convert::scope(scope)?;
        let viewer = viewer(source, include_private)?;
        let info = self.run(py, |store| store.scope_info(&scope, &viewer))?;
        let dict = PyDict::new(py);
        dict.set_item("scope", info.scope.as_str())?;
        dict.set_item("records", info.records)?;
        dict.set_item("categories", counts(py, info.categories)?)?;
        dict.set_item("oldest", info.oldest.map(|at| convert::datetime(py, at)).transpose()?)?;
        dict.set_item("newest", info.newest.map(|at| convert::datetime(py, at)).transpose()?)?;
        dict.set_item("children", info.children.iter().map(|scope| scope.as_str()).collect::<Vec<_>>())?;
        Ok(dict)
    }

    fn touch(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<u64> {
        let ids = convert::ids(ids)?;
        self.run(py, |store| store.touch(&ids))
    }

    fn reset(&self, py: Python<'_>, scope: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let scope = scope.map(convert::scope_to_empty).transpose()?;
        self.run(py, |store| store.reset(scope.as_ref()))
    }

    #[pyo3(signature = (query, limit, mode, min_score, vector, dialogue, blend, **filters))]
    #[allow(clippy::too_many_arguments, reason = "what a search asks for")]
    fn search<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        limit: &Bound<'py, PyAny>,
        mode: &Bound<'py, PyAny>,
        min_score: &Bound<'py, PyAny>,
        vector: Option<&Bound<'py, PyAny>>,
        dialogue: &Bound<'py, PyAny>,
        blend: [Bound<'py, PyAny>; 3],
        filters: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut asked = asked(limit, mode, min_score, dialogue, &blend, filters)?;
        asked.text = convert::lossy_text(query).in_filter("query")?;
        asked.vector = vector.map(|vector| convert::vector(vector).in_filter("vector")).transpose()?;
        hits(py, self.run(py, |store| store.search(&asked))?)
    }

    #[pyo3(signature = (queries, limit, mode, min_score, vectors, dialogue, blend, **filters))]
    #[allow(clippy::too_many_arguments, reason = "what a search asks for")]
    fn search_many<'py>(
        &self,
        py: Python<'py>,
        queries: &Bound<'py, PyAny>,
        limit: &Bound<'py, PyAny>,
        mode: &Bound<'py, PyAny>,
        min_score: &Bound<'py, PyAny>,
        vectors: Option<Vec<Bound<'py, PyAny>>>,
        dialogue: &Bound<'py, PyAny>,
        blend: [Bound<'py, PyAny>; 3],
        filters: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyList>>> {
        let asked = asked(limit, mode, min_score, dialogue, &blend, filters)?;
        let mut all = Vec::new();
        for (place, query) in queries.try_iter()?.enumerate() {
            let text = convert::lossy_text(&query?).in_filter(&format!("queries[{place}]"))?;
            let vector = vectors.as_ref().and_then(|vectors| vectors.get(place));
            let vector = vector.map(|vector| convert::vector(vector).in_filter("vector")).transpose()?;
            all.push(Query { text, vector, ..asked.clone() });
        }
        self.run(py, |store| store.search_many(&all))?.into_iter().map(|found| hits(py, found)).collect()
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.run(py, |store| store.stats())?;
        let dict = PyDict::new(py);
        dict.set_item("path", stats.path.as_os_str())?;
        dict.set_item("records", stats.records)?;
        dict.set_item("terms", stats.terms)?;
        dict.set_item("schema_version", stats.schema_version)?;
        dict.set_item("disk_bytes", stats.disk_bytes)?;
        dict.set_item("index_disk_bytes", stats.index_disk_bytes)?;
        dict.set_item("memory_bytes", stats.memory_bytes)?;
        dict.set_item("mapped_bytes", stats.mapped_bytes)?;
        dict.set_item("segments", stats.segments)?;
        dict.set_item("tail_records", stats.tail_records)?;
        dict.set_item("connections", stats.connections.0)?;
        dict.set_item("idle_connections", stats.connections.1)?;
        dict.set_item("pool_size", stats.pool_size)?;
        dict.set_item("slow_searches", stats.slow_searches)?;
        dict.set_item("lock_waits", stats.lock_waits)?;
        dict.set_item("lock_wait_seconds", stats.lock_waited.as_secs_f64())?;
        dict.set_item("catch_ups", stats.catch_ups)?;
        dict.set_item("caught_up", stats.caught_up)?;
        dict.set_item("index_reloads", stats.reloads)?;
        dict.set_item("index_invalidated", stats.invalidated)?;
        Ok(dict)
    }

    fn verify<'py>(&self, py: Python<'py>, progress: Option<Py<PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        let mut reporter = Reporter::new(progress);
        let report = self.run(py, |store| store.verify(&mut |done, total| reporter.report(done, total)));
        let report = reporter.end(report)?;
        let dict = PyDict::new(py);
        dict.set_item("ok", report.is_ok())?;
        dict.set_item("records", report.records)?;
        dict.set_item("problems", report.problems)?;
        Ok(dict)
    }

    fn rebuild(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<u64> {
        let mut reporter = Reporter::new(progress);
        let rebuilt = self.run(py, |store| store.rebuild(&mut |done, total| reporter.report(done, total)));
        reporter.end(rebuilt)
    }

    fn backup(&self, py: Python<'_>, target: &Bound<'_, PyAny>, progress: Option<Py<PyAny>>) -> PyResult<()> {
        let target = convert::path(target)?;
        let mut reporter = Reporter::new(progress);
        let done =
            self.run(py, |store| store.backup(&target, &mut |done, total| reporter.report(done, total)));
        reporter.end(done)
    }

    #[pyo3(signature = (file, skip_damaged, progress, **filters))]
    fn export(
        &self,
        py: Python<'_>,
        file: Py<PyAny>,
        skip_damaged: &Bound<'_, PyAny>,
        progress: Option<Py<PyAny>>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let filter = convert::filter(filters)?;
        let skip_damaged = convert::flag(skip_damaged).in_filter("skip_damaged")?;
        let (mut reporter, mut raised) = (Reporter::new(progress), None);
        let written = self.run(py, |store| {
            let mut writer = BufWriter::with_capacity(CHUNK, File::new(&file, &mut raised));
            let progress = &mut |done, total| reporter.report(done, total);
            let count = store.export(&mut writer, &filter, skip_damaged, progress)?;
            writer.flush().map_err(|error| crate::Error::io("export", error))?;
            Ok(count)
        });
        reporter.end(raised.map_or(written, Err))
    }

    fn check_import(
        &self,
        py: Python<'_>,
        file: Py<PyAny>,
        on_conflict: &Bound<'_, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let on_conflict = conflict(on_conflict)?;
        self.read_lines(py, &file, progress, |store, lines, progress| {
            store.check_import(lines, on_conflict, progress)
        })
    }

    fn import_<'py>(
        &self,
        py: Python<'py>,
        file: Py<PyAny>,
        on_conflict: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let on_conflict = conflict(on_conflict)?;
        let imported = self.read_lines(py, &file, progress, |store, lines, progress| {
            store.import(lines, on_conflict, progress)
        })?;
        let dict = PyDict::new(py);
        dict.set_item("written", imported.written)?;
        dict.set_item("skipped", imported.skipped)?;
        Ok(dict)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.0.close())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl Drop for PyStore {
    fn drop(&mut self) {
        // Closing takes its time, and others may have the interpreter meanwhile. What fails is in the log.
        // A destructor cannot raise: Python shows what a signal raised in it, as it does for its own.
        Python::try_attach(|py| {
            detached(py, || self.0.close()).map_err(|error| error.write_unraisable(py, None))
        });
    }
}

/// To be called before a fork: ends calls, keeps new ones waiting, and closes all stores.
#[pyfunction]
pub fn before_fork(py: Python<'_>) {
    py.detach(handle::before_fork);
}

/// To be called in the parent after a fork: calls go on.
#[pyfunction]
pub fn after_fork_in_parent() {
    handle::after_fork_in_parent();
}

/// To be called in the child after a fork: calls go on.
#[pyfunction]
pub fn after_fork_in_child() {
    handle::after_fork_in_child();
}

/// Current and latest schema version of a file, and the steps between; reads alone.
#[pyfunction]
pub fn migration_status<'py>(py: Python<'py>, path: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let path = convert::path(path)?;
    let status = detached(py, || migrate::status(&path))?;
    let dict = PyDict::new(py);
    dict.set_item("current", status.current)?;
    dict.set_item("latest", status.latest)?;
    dict.set_item("pending", status.pending)?;
    Ok(dict)
}

/// A query for any text.
fn asked(
    limit: &Bound<'_, PyAny>,
    mode: &Bound<'_, PyAny>,
    min_score: &Bound<'_, PyAny>,
    dialogue: &Bound<'_, PyAny>,
    [recency, importance, half_life]: &[Bound<'_, PyAny>; 3],
    filters: Option<&Bound<'_, PyDict>>,
) -> PyResult<Query> {
    const MODES: [(&str, Mode); 4] =
        [("hybrid", Mode::Hybrid), ("bm25", Mode::Bm25), ("tfidf", Mode::Tfidf), ("vector", Mode::Vector)];
    let min_score = convert::number(min_score).in_filter("min_score")?;
    if min_score.is_nan() {
        return Err(crate::Error::InvalidFilter("min_score is NaN".into()).into());
    }
    let mode = choice("mode", mode, &MODES).map_err(|error| filter_error(limit.py(), &error))?;
    let limit = convert::count(limit).in_filter("limit")?;
    let blend = Blend {
        recency: convert::number(recency).in_filter("recency_weight")?,
        importance: convert::number(importance).in_filter("importance_weight")?,
        half_life_days: convert::number(half_life).in_filter("half_life_days")?,
    };
    let dialogue = convert::flag(dialogue).in_filter("dialogue")?;
    Ok(Query { filter: convert::filter(filters)?, mode, min_score, dialogue, blend, ..Query::new("", limit) })
}

fn filter_error(py: Python<'_>, error: &PyErr) -> PyErr {
    crate::Error::InvalidFilter(error.value(py).to_string()).into()
}

fn conflict(value: &Bound<'_, PyAny>) -> PyResult<OnConflict> {
    const CHOICES: [(&str, OnConflict); 3] =
        [("fail", OnConflict::Fail), ("replace", OnConflict::Replace), ("skip", OnConflict::Skip)];
    choice("on_conflict", value, &CHOICES)
}

fn choice<T: Copy>(name: &str, value: &Bound<'_, PyAny>, choices: &[(&str, T)]) -> PyResult<T> {
    let given = value.extract::<String>().ok();
    let found = choices.iter().find(|(choice, _)| given.as_deref() == Some(*choice));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(choice, _)| format!("{choice:?}")).collect();
        PyValueError::new_err(format!("{name} must be one of {}, not {}", names.join(", "), describe(value)))
    })
}

fn viewer(source: Option<&Bound<'_, PyAny>>, include_private: &Bound<'_, PyAny>) -> PyResult<Viewer> {
    Ok(Viewer {
        source: source.map(|source| convert::text(source).in_filter("source")).transpose()?,
        include_private: convert::flag(include_private).in_filter("include_private")?,
    })
}

fn counts(py: Python<'_>, counts: Vec<(String, u64)>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, count) in counts {
        dict.set_item(name, count)?;
    }
    Ok(dict)
}

fn hits(py: Python<'_>, found: Vec<Hit>) -> PyResult<Bound<'_, PyList>> {
    let hits =
        found.into_iter().map(|hit| Py::new(py, PyHit::new(py, hit)?)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, hits)
}
