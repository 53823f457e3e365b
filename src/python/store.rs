//! `Store`: the class behind `agentmem.MemoryStore`. Its methods extract arguments, detach, call the core and convert.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::conversion::Named;
use super::file::File;
use super::handle::Handle;
use super::progress::Reporter;
use super::record::{PyRecord, record_of};
use super::{detach, fields, filter, options, query, report, values};
use crate::backend::Progress;
use crate::record::Query;
use crate::store::Store;

/// Bytes that are read from or written to a Python file at a time.
const CHUNK: usize = 1 << 16;

/// An open store; users see `agentmem.MemoryStore`.
#[pyclass(frozen, name = "Store", module = "agentmem._core")]
pub struct PyStore(Arc<Handle>);

impl PyStore {
    /// Calls the core with the interpreter released.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Store) -> crate::Result<T> + Send,
    ) -> PyResult<T> {
        detach::detached(py, || self.0.call(call))
    }

    /// Calls the core with a Python file to read from and a progress function. Their exceptions reach the caller.
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
        let options = options::extract(path, pool_size, durability, index, read_only, busy_timeout)?;
        detach::detached(py, || Handle::new(options)).map(Self)
    }

    fn add<'py>(
        &self,
        py: Python<'py>,
        items: &Bound<'py, PyAny>,
        on_conflict: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<String>> {
        let records = items.try_iter()?.map(|item| record_of(&item?)).collect::<PyResult<Vec<_>>>()?;
        let on_conflict = options::on_conflict(on_conflict)?;
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
        let ids = filter::ids(ids)?;
        let viewer = filter::viewer(source, include_private)?;
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
        let id = filter::id(id)?;
        let changes = fields::update(changes)?;
        self.run(py, |store| store.update(&id, changes)).map(PyRecord)
    }

    #[pyo3(signature = (**filters))]
    fn delete(&self, py: Python<'_>, filters: Option<&Bound<'_, PyDict>>) -> PyResult<u64> {
        let filter = filter::extract(filters)?;
        let scope = filters.map(|filters| filters.get_item("scope")).transpose()?.flatten();
        if let Some(scope) = scope.filter(|scope| !scope.is_none()) {
            filter::scope_to_delete(&scope)?;
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
        let limit = limit.map_or(Ok(usize::MAX), |limit| values::count(limit).in_filter("limit"))?;
        let offset = values::count(offset).in_filter("offset")?;
        let filter = filter::extract(filters)?;
        let records = self.run(py, |store| store.list(&filter, limit, offset))?;
        Ok(records.into_iter().map(PyRecord).collect())
    }

    #[pyo3(signature = (**filters))]
    fn count(&self, py: Python<'_>, filters: Option<&Bound<'_, PyDict>>) -> PyResult<u64> {
        let filter = filter::extract(filters)?;
        self.run(py, |store| store.count(&filter))
    }

    #[pyo3(signature = (**filters))]
    fn categories<'py>(
        &self,
        py: Python<'py>,
        filters: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let filter = filter::extract(filters)?;
        report::counts(py, self.run(py, |store| store.categories(&filter))?)
    }

    fn scopes(
        &self,
        py: Python<'_>,
        parent: &Bound<'_, PyAny>,
        source: Option<&Bound<'_, PyAny>>,
        include_private: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<String>> {
        let parent = filter::scope(parent)?;
        let viewer = filter::viewer(source, include_private)?;
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
        let scope = filter::scope(scope)?;
        let viewer = filter::viewer(source, include_private)?;
        report::scope_info(py, self.run(py, |store| store.scope_info(&scope, &viewer))?)
    }

    fn touch(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<u64> {
        let ids = filter::ids(ids)?;
        self.run(py, |store| store.touch(&ids))
    }

    fn reset(&self, py: Python<'_>, scope: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let scope = scope.map(filter::scope_to_delete).transpose()?;
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
        let mut asked = query::extract(limit, mode, min_score, dialogue, &blend, filters)?;
        asked.text = values::lossy_text(query).in_filter("query")?;
        asked.vector = vector.map(|vector| values::vector(vector).in_filter("vector")).transpose()?;
        query::hits(py, self.run(py, |store| store.search(&asked))?)
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
        let asked = query::extract(limit, mode, min_score, dialogue, &blend, filters)?;
        let mut all = Vec::new();
        for (place, query) in queries.try_iter()?.enumerate() {
            let text = values::lossy_text(&query?).in_filter(&format!("queries[{place}]"))?;
            let vector = vectors.as_ref().and_then(|vectors| vectors.get(place));
            let vector = vector.map(|vector| values::vector(vector).in_filter("vector")).transpose()?;
            all.push(Query { text, vector, ..asked.clone() });
        }
        self.run(py, |store| store.search_many(&all))?
            .into_iter()
            .map(|found| query::hits(py, found))
            .collect()
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report::stats(py, self.run(py, |store| store.stats())?)
    }

    fn verify<'py>(&self, py: Python<'py>, progress: Option<Py<PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        let mut reporter = Reporter::new(progress);
        let report = self.run(py, |store| store.verify(&mut |done, total| reporter.report(done, total)));
        report::verified(py, reporter.end(report)?)
    }

    fn rebuild(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<u64> {
        let mut reporter = Reporter::new(progress);
        let rebuilt = self.run(py, |store| store.rebuild(&mut |done, total| reporter.report(done, total)));
        reporter.end(rebuilt)
    }

    fn backup(&self, py: Python<'_>, target: &Bound<'_, PyAny>, progress: Option<Py<PyAny>>) -> PyResult<()> {
        let target = values::path(target)?;
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
        let filter = filter::extract(filters)?;
        let skip_damaged = values::flag(skip_damaged).in_filter("skip_damaged")?;
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
        let on_conflict = options::on_conflict(on_conflict)?;
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
        let on_conflict = options::on_conflict(on_conflict)?;
        let imported = self.read_lines(py, &file, progress, |store, lines, progress| {
            store.import(lines, on_conflict, progress)
        })?;
        report::imported(py, imported)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        detach::detached(py, || self.0.close())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl Drop for PyStore {
    fn drop(&mut self) {
        // Closing takes time, so the interpreter is released. Failures are in the log.
        // A destructor cannot raise: Python prints what a signal raised in it, as it does for its own.
        Python::try_attach(|py| {
            detach::detached(py, || self.0.close()).map_err(|error| error.write_unraisable(py, None))
        });
    }
}
