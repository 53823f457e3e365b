//! `Store`: the class behind `agentmem.MemoryStore`. Its methods extract arguments, detach, call the core and convert.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::batch::{self, PyCall, PyOutcome, checked_vector};
use super::conversion::Named;
use super::errors::at_call;
use super::file::File;
use super::handle::Handle;
use super::journal::PyJournal;
use super::progress::Reporter;
use super::record::PyRecord;
use super::{changes, detach, explanation, filter, options, query, report, timestamp, values};
use crate::backend::Progress;
use crate::record::{Page, Scopes, Seq};
use crate::store::{ExportOptions, Store};

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

    /// Executes a call and returns its value.
    fn write<'py>(&self, py: Python<'py>, call: &PyCall) -> PyResult<Bound<'py, PyAny>> {
        let outcomes = batch::submit(py, &self.0, &[call])?.map_err(|failed| PyErr::from(failed.error))?;
        let value = outcomes.into_iter().next().map(|(value, ..)| value);
        Ok(value.unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// Executes calls in one transaction, and returns for each its value, the version it wrote, and whether it wrote.
    fn batch<'py>(&self, py: Python<'py>, calls: Vec<Bound<'py, PyCall>>) -> PyResult<Vec<PyOutcome<'py>>> {
        let calls: Vec<&PyCall> = calls.iter().map(Bound::get).collect();
        batch::submit(py, &self.0, &calls)?.map_err(|failed| at_call(py, failed))
    }

    fn get(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        scope: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        include_private: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<Option<PyRecord>>> {
        let ids = filter::ids(ids)?;
        let (scope, viewer) = (filter::scope_if_any(scope)?, filter::viewer(source, include_private)?);
        let records = self.run(py, |store| store.get(&ids, scope.as_ref(), &viewer))?;
        Ok(records.into_iter().map(|record| record.map(PyRecord)).collect())
    }

    fn history(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        scope: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        include_private: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<PyRecord>> {
        let (id, scope) = (filter::id(id)?, filter::scope_if_any(scope)?);
        let viewer = filter::viewer(source, include_private)?;
        let versions = self.run(py, |store| store.history(&id, scope.as_ref(), &viewer))?;
        Ok(versions.into_iter().map(PyRecord).collect())
    }

    fn get_at(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        at: &Bound<'_, PyAny>,
        scope: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        include_private: &Bound<'_, PyAny>,
    ) -> PyResult<Option<PyRecord>> {
        let (id, scope) = (filter::id(id)?, filter::scope_if_any(scope)?);
        let viewer = filter::viewer(source, include_private)?;
        let at = timestamp::micros(at).in_filter("at")?;
        Ok(self.run(py, |store| store.get_at(&id, at, scope.as_ref(), &viewer))?.map(PyRecord))
    }

    fn changes<'py>(
        &self,
        py: Python<'py>,
        after: Option<&Bound<'py, PyAny>>,
        limit: &Bound<'py, PyAny>,
        scope: Option<&Bound<'py, PyAny>>,
        source: Option<&Bound<'py, PyAny>>,
        include_private: &Bound<'py, PyAny>,
    ) -> PyResult<changes::ChangesPage<'py>> {
        let after = after.map(changes::cursor).transpose()?;
        let limit = values::count(limit).in_filter("limit")?;
        let viewer = filter::viewer(source, include_private)?;
        let scope = filter::scope_if_any(scope)?;
        changes::page(py, self.run(py, |store| store.changes(after, limit, &viewer, scope.as_ref()))?)
    }

    fn purge(&self, py: Python<'_>, scope: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let scope = scope.map(filter::scope_to_delete).transpose()?;
        self.run(py, |store| store.purge(scope.as_ref()))
    }

    #[pyo3(signature = (limit, offset, order, after, **filters))]
    fn list(
        &self,
        py: Python<'_>,
        limit: Option<&Bound<'_, PyAny>>,
        offset: &Bound<'_, PyAny>,
        order: &Bound<'_, PyAny>,
        after: Option<&Bound<'_, PyAny>>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<PyRecord>> {
        let page = Page {
            order: options::order(order)?,
            after: filter::version(after, "after")?,
            limit: limit.map_or(Ok(usize::MAX), |limit| values::count(limit).in_filter("limit"))?,
            offset: values::count(offset).in_filter("offset")?,
        };
        let filter = filter::extract(filters)?;
        let records = self.run(py, |store| store.list(&filter, page))?;
        Ok(records.into_iter().map(PyRecord).collect())
    }

    fn journal(&self, name: &Bound<'_, PyAny>) -> PyResult<PyJournal> {
        PyJournal::new(Arc::clone(&self.0), name)
    }

    fn journals(
        &self,
        py: Python<'_>,
        prefix: &Bound<'_, PyAny>,
        after: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<String>> {
        let prefix = values::text(prefix).in_filter("prefix")?;
        let after = after.map(|after| values::text(after).in_filter("after")).transpose()?;
        let limit = limit.map_or(Ok(usize::MAX), |limit| values::count(limit).in_filter("limit"))?;
        self.run(py, |store| store.journals(&prefix, after.as_deref(), limit))
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

    #[allow(clippy::too_many_arguments, reason = "what a page of scopes is about")]
    fn scopes(
        &self,
        py: Python<'_>,
        parent: &Bound<'_, PyAny>,
        recursive: &Bound<'_, PyAny>,
        after: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        include_private: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<String>> {
        let wanted = Scopes {
            parent: filter::scope(parent)?,
            recursive: values::flag(recursive).in_filter("recursive")?,
            after: after.map(|after| Ok::<_, PyErr>(filter::scope(after)?.to_string())).transpose()?,
            limit: limit.map_or(Ok(usize::MAX), |limit| values::count(limit).in_filter("limit"))?,
        };
        let viewer = filter::viewer(source, include_private)?;
        let scopes = self.run(py, |store| store.scopes(&wanted, &viewer))?;
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

    fn reset(
        &self,
        py: Python<'_>,
        scope: Option<&Bound<'_, PyAny>>,
        journals: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        let scope = scope.map(filter::scope_to_delete).transpose()?;
        let journals = values::flag(journals).in_filter("journals")?;
        self.run(py, |store| store.reset(scope.as_ref(), journals))
    }

    #[pyo3(signature = (query, limit, offset, mode, min_score, vector, embedder, dialogue, blend, **filters))]
    #[allow(clippy::too_many_arguments, reason = "what a search asks for")]
    fn search<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        limit: &Bound<'py, PyAny>,
        offset: &Bound<'py, PyAny>,
        mode: &Bound<'py, PyAny>,
        min_score: &Bound<'py, PyAny>,
        vector: Option<&Bound<'py, PyAny>>,
        embedder: Option<&str>,
        dialogue: &Bound<'py, PyAny>,
        blend: [Bound<'py, PyAny>; 3],
        filters: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let asked = query::extract([limit, offset], mode, min_score, dialogue, &blend, filters)?;
        let asked = query::with(asked, query, "query", vector, embedder)?;
        query::hits(py, self.run(py, |store| store.search(&asked))?)
    }

    #[pyo3(signature = (queries, limit, offset, mode, min_score, vectors, embedder, dialogue, blend, **filters))]
    #[allow(clippy::too_many_arguments, reason = "what a search asks for")]
    fn search_many<'py>(
        &self,
        py: Python<'py>,
        queries: &Bound<'py, PyAny>,
        limit: &Bound<'py, PyAny>,
        offset: &Bound<'py, PyAny>,
        mode: &Bound<'py, PyAny>,
        min_score: &Bound<'py, PyAny>,
        vectors: Option<Vec<Bound<'py, PyAny>>>,
        embedder: Option<&str>,
        dialogue: &Bound<'py, PyAny>,
        blend: [Bound<'py, PyAny>; 3],
        filters: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyList>>> {
        let asked = query::extract([limit, offset], mode, min_score, dialogue, &blend, filters)?;
        let mut all = Vec::new();
        for (place, query) in queries.try_iter()?.enumerate() {
            let vector = vectors.as_ref().and_then(|vectors| vectors.get(place));
            all.push(query::with(asked.clone(), &query?, &format!("queries[{place}]"), vector, embedder)?);
        }
        self.run(py, |store| store.search_many(&all))?
            .into_iter()
            .map(|found| query::hits(py, found))
            .collect()
    }

    #[pyo3(signature = (query, id, limit, offset, mode, min_score, vector, embedder, dialogue, blend, **filters))]
    #[allow(clippy::too_many_arguments, reason = "what a search asks for")]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        id: &Bound<'py, PyAny>,
        limit: &Bound<'py, PyAny>,
        offset: &Bound<'py, PyAny>,
        mode: &Bound<'py, PyAny>,
        min_score: &Bound<'py, PyAny>,
        vector: Option<&Bound<'py, PyAny>>,
        embedder: Option<&str>,
        dialogue: &Bound<'py, PyAny>,
        blend: [Bound<'py, PyAny>; 3],
        filters: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let asked = query::extract([limit, offset], mode, min_score, dialogue, &blend, filters)?;
        let asked = query::with(asked, query, "query", vector, embedder)?;
        let id = filter::id(id)?;
        explanation::dict(py, self.run(py, |store| store.explain(&asked, &id))?)
    }

    /// Number and text of records without a vector, from the first one after a number.
    fn without_vector(
        &self,
        py: Python<'_>,
        after: Seq,
        limit: usize,
        scope: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<(Seq, String)>> {
        let scope = filter::scope_if_any(scope)?;
        self.run(py, |store| store.without_vector(after, limit, scope.as_ref()))
    }

    fn count_without_vector(&self, py: Python<'_>, scope: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let scope = filter::scope_if_any(scope)?;
        self.run(py, |store| store.count_without_vector(scope.as_ref()))
    }

    /// Gives the records with these numbers their vectors, unless they are gone or have one; how many got one.
    fn embed(
        &self,
        py: Python<'_>,
        vectors: Vec<(Seq, Bound<'_, PyAny>)>,
        embedder: Option<String>,
        scope: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let scope = filter::scope_if_any(scope)?;
        let vectors = vectors.iter().map(|(seq, vector)| Ok((*seq, checked_vector(vector)?)));
        let vectors = vectors.collect::<PyResult<Vec<_>>>()?;
        self.run(py, |store| store.embed(vectors, embedder, scope.as_ref()))
    }

    fn stats<'py>(&self, py: Python<'py>, scope: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        let scope = filter::scope_if_any(scope)?;
        report::stats(py, self.run(py, |store| store.stats(scope.as_ref()))?)
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

    #[pyo3(signature = (file, skip_damaged, journals, history, progress, **filters))]
    #[allow(clippy::too_many_arguments, reason = "what an export contains")]
    fn export(
        &self,
        py: Python<'_>,
        file: Py<PyAny>,
        skip_damaged: &Bound<'_, PyAny>,
        journals: &Bound<'_, PyAny>,
        history: &Bound<'_, PyAny>,
        progress: Option<Py<PyAny>>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let filter = filter::extract(filters)?;
        let options = ExportOptions {
            history: values::flag(history).in_filter("history")?,
            journals: values::flag(journals).in_filter("journals")?,
            skip_damaged: values::flag(skip_damaged).in_filter("skip_damaged")?,
        };
        let (mut reporter, mut raised) = (Reporter::new(progress), None);
        let written = self.run(py, |store| {
            let mut writer = BufWriter::with_capacity(CHUNK, File::new(&file, &mut raised));
            let progress = &mut |done, total| reporter.report(done, total);
            let count = store.export(&mut writer, &filter, options, progress)?;
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
        detach::close_unused(&self.0);
    }
}
