//! `Journal`: the handle of one journal of a store.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::conversion::{Argument, ConversionError, Named};
use super::detach::{close_unused, detached};
use super::entry::PyEntry;
use super::expiry::after_ttl;
use super::handle::Handle;
use super::{timestamp, value, values};
use crate::error::Error;
use crate::journal::{self, Change, Changed, Entry, Keys, Number, Range};
use crate::store::Store;

/// The handle of one journal: a log of entries in order, and a map of one entry a key. It reads and writes nothing until one
/// of its methods is called. A value is bytes, or made of dict with text keys, list, str, int, float, bool and None. Numbers of
/// entries increase in the whole store and are never reused.
#[pyclass(frozen, name = "Journal", module = "agentmem")]
pub struct PyJournal {
    handle: Arc<Handle>,
    name: String,
}

impl PyJournal {
    /// The handle of the journal with this name.
    pub fn new(handle: Arc<Handle>, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { handle, name: check_journal_name(name)? })
    }

    fn run<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Store, &str) -> crate::Result<T> + Send,
    ) -> PyResult<T> {
        detached(py, || self.handle.call(|store| call(store, &self.name)))
    }

    fn change(&self, py: Python<'_>, change: Change) -> PyResult<Changed> {
        self.run(py, |store, name| store.change_journal(name, change))
    }

    fn written(&self, py: Python<'_>, change: Change) -> PyResult<Vec<Number>> {
        match self.change(py, change)? {
            Changed::Written(numbers) => Ok(numbers),
            _ => Ok(Vec::new()),
        }
    }

    fn removed(&self, py: Python<'_>, change: Change) -> PyResult<u64> {
        match self.change(py, change)? {
            Changed::Removed(count) => Ok(count),
            _ => Ok(0),
        }
    }
}

#[pymethods]
impl PyJournal {
    /// The journal's name.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Adds a value to the log and returns the number of its entry. The entry expires after `ttl`. With `if_last`, raises
    /// ConflictError unless the newest entry of the log has this number; 0 requires an empty log.
    #[pyo3(signature = (value, *, ttl=None, if_last=None))]
    fn append(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        if_last: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Number>> {
        let values = vec![value::encode(value).in_record("value")?];
        Ok(self.written(py, extension(values, ttl, if_last)?)?.pop())
    }

    /// Adds values to the log, all or nothing, and returns their numbers. See `append`.
    #[pyo3(signature = (values, *, ttl=None, if_last=None))]
    fn extend(
        &self,
        py: Python<'_>,
        values: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        if_last: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Number>> {
        self.written(py, extension(encode_all(values)?, ttl, if_last)?)
    }

    /// Returns entries of the log, oldest first: the newest `last`, or those with a number higher than `after`, at most
    /// `limit` of them; without arguments all. Raises CorruptStoreError for a damaged entry, with its number, unless
    /// `skip_damaged` is true.
    #[pyo3(signature = (last=None, *, after=None, limit=None, skip_damaged=false))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        last: Option<&Bound<'py, PyAny>>,
        after: Option<&Bound<'py, PyAny>>,
        limit: Option<&Bound<'py, PyAny>>,
        skip_damaged: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let range = range(last, after, limit)?;
        entries(py, self.run(py, |store, name| store.read_journal(name, range, skip_damaged))?)
    }

    /// Removes the newest entry of the log and returns it; None if the log is empty. Two callers never get the same.
    fn pop(&self, py: Python<'_>) -> PyResult<Option<PyEntry>> {
        match self.change(py, Change::Pop)? {
            Changed::Popped(Some(entry)) => PyEntry::new(py, entry).map(Some),
            _ => Ok(None),
        }
    }

    /// Deletes entries of the log and returns how many: all but the newest `keep`, or those written before a moment. With both,
    /// an entry must meet both.
    #[pyo3(signature = (*, keep=None, before=None))]
    fn prune(
        &self,
        py: Python<'_>,
        keep: Option<&Bound<'_, PyAny>>,
        before: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.removed(py, pruning(keep, before)?)
    }

    /// Puts a value under a key of the map, in place of the one that is there, and returns the number of its entry. The entry
    /// expires after `ttl`. With `if_number`, raises ConflictError unless the key's entry has this number; 0 requires that
    /// there is none.
    #[pyo3(signature = (key, value, *, ttl=None, if_number=None))]
    fn put(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        if_number: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Number>> {
        Ok(self.written(py, replacement(key, value, ttl, if_number)?)?.pop())
    }

    /// Returns the value of a key; `default` if there is none.
    #[pyo3(signature = (key, default=None))]
    fn get(&self, py: Python<'_>, key: &Bound<'_, PyAny>, default: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let keys = [values::text(key).in_record("key")?];
        match self.run(py, |store, name| store.journal_entries(name, &keys))?.pop() {
            Some(entry) => Ok(value::decode(py, &entry.value)?.unbind()),
            None => Ok(default.unwrap_or_else(|| py.None())),
        }
    }

    /// Returns the entries of these keys by key, all of one moment. Keys without an entry are left out.
    fn get_many<'py>(&self, py: Python<'py>, keys: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let keys = values::names(keys).in_record("keys")?;
        let found = PyDict::new(py);
        for entry in self.run(py, |store, name| store.journal_entries(name, &keys))? {
            let key = entry.key.clone();
            found.set_item(key, PyEntry::new(py, entry)?)?;
        }
        Ok(found)
    }

    /// Returns the entries of the map whose keys begin with `prefix`, in the order of the keys: those behind the key `after`,
    /// at most `limit` of them.
    #[pyo3(
        signature = (prefix=None, *, after=None, limit=None, reverse=None),
        text_signature = "($self, prefix='', *, after=None, limit=None, reverse=False)"
    )]
    fn items<'py>(
        &self,
        py: Python<'py>,
        prefix: Option<&Bound<'py, PyAny>>,
        after: Option<&Bound<'py, PyAny>>,
        limit: Option<&Bound<'py, PyAny>>,
        reverse: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let keys = wanted(prefix, after, limit, reverse)?;
        entries(py, self.run(py, |store, name| store.journal_items(name, &keys))?)
    }

    /// Returns the keys that `items` finds.
    #[pyo3(
        signature = (prefix=None, *, after=None, limit=None, reverse=None),
        text_signature = "($self, prefix='', *, after=None, limit=None, reverse=False)"
    )]
    fn keys(
        &self,
        py: Python<'_>,
        prefix: Option<&Bound<'_, PyAny>>,
        after: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
        reverse: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<String>> {
        let keys = wanted(prefix, after, limit, reverse)?;
        self.run(py, |store, name| store.journal_keys(name, &keys))
    }

    /// Deletes the entries of these keys of the map, and those with these numbers of log and map, and returns how many.
    #[pyo3(signature = (keys=None, *, numbers=None))]
    fn delete(
        &self,
        py: Python<'_>,
        keys: Option<&Bound<'_, PyAny>>,
        numbers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.removed(py, deletion(keys, numbers)?)
    }

    /// Deletes all entries of log and map and returns how many. With `if_last`, raises ConflictError unless the newest entry
    /// of the log has this number.
    #[pyo3(signature = (*, if_last=None))]
    fn clear(&self, py: Python<'_>, if_last: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        self.removed(py, clearing(if_last)?)
    }

    fn __repr__(&self) -> String {
        format!("<Journal {:?}>", self.name)
    }
}

impl Drop for PyJournal {
    fn drop(&mut self) {
        close_unused(&self.handle);
    }
}

/// The name of a journal, if it may be one.
#[pyfunction]
pub fn check_journal_name(name: &Bound<'_, PyAny>) -> PyResult<String> {
    let name = values::text(name).in_record("the name of a journal")?;
    journal::check_name(&name)?;
    Ok(name)
}

// Changes from Python's arguments; batches make them too.

/// The values of an iterable.
pub fn encode_all(given: &Bound<'_, PyAny>) -> PyResult<Vec<journal::Value>> {
    if given.is_instance_of::<PyString>() {
        return Err(Error::InvalidRecord("values must be a list of values; append() takes one".into()).into());
    }
    values::each(given, "a list of values", value::encode).in_record("values")
}

/// `append` and `extend`.
pub fn extension(
    values: Vec<journal::Value>,
    ttl: Option<&Bound<'_, PyAny>>,
    if_last: Option<&Bound<'_, PyAny>>,
) -> PyResult<Change> {
    Ok(Change::Extend { values, expires_at: after_ttl(ttl)?, if_last: number(if_last, "if_last")? })
}

/// `put`.
pub fn replacement(
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    ttl: Option<&Bound<'_, PyAny>>,
    if_number: Option<&Bound<'_, PyAny>>,
) -> PyResult<Change> {
    let key = values::text(key).in_record("key")?;
    journal::check_key(&key)?;
    let value = value::encode(value).in_record("value")?;
    Ok(Change::Put { key, value, expires_at: after_ttl(ttl)?, if_number: number(if_number, "if_number")? })
}

/// `prune`.
pub fn pruning(keep: Option<&Bound<'_, PyAny>>, before: Option<&Bound<'_, PyAny>>) -> PyResult<Change> {
    let keep = keep.map(|keep| values::count(keep).in_filter("keep")).transpose()?;
    let before = before.map(|before| timestamp::micros(before).in_filter("before")).transpose()?;
    if keep.is_none() && before.is_none() {
        return Err(
            Error::InvalidFilter("prune needs keep or before; clear() removes everything".into()).into()
        );
    }
    Ok(Change::Prune { keep, before })
}

/// `delete`.
pub fn deletion(keys: Option<&Bound<'_, PyAny>>, numbers: Option<&Bound<'_, PyAny>>) -> PyResult<Change> {
    if keys.is_none() && numbers.is_none() {
        let why = "delete needs keys or numbers; clear() removes everything";
        return Err(Error::InvalidFilter(why.into()).into());
    }
    let keys = keys.map_or(Ok(Vec::new()), |keys| values::names(keys).in_record("keys"))?;
    let numbers = numbers.map_or(Ok(Vec::new()), |numbers| all_numbers(numbers).in_filter("numbers"))?;
    Ok(Change::Delete { keys, numbers })
}

/// `clear`.
pub fn clearing(if_last: Option<&Bound<'_, PyAny>>) -> PyResult<Change> {
    Ok(Change::Clear { if_last: number(if_last, "if_last")? })
}

fn number(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Option<Number>> {
    value.map(|value| one_number(value).in_filter(name)).transpose()
}

/// A number of an entry: one that is too large is none that there is.
fn one_number(value: &Bound<'_, PyAny>) -> Argument<Number> {
    Ok(Number::try_from(values::count(value)?).unwrap_or(Number::MAX))
}

fn all_numbers(given: &Bound<'_, PyAny>) -> Argument<Vec<Number>> {
    if given.is_instance_of::<PyString>() {
        return Err(ConversionError::needed("a list of numbers", given));
    }
    values::each(given, "a list of numbers", one_number)
}

fn range(
    last: Option<&Bound<'_, PyAny>>,
    after: Option<&Bound<'_, PyAny>>,
    limit: Option<&Bound<'_, PyAny>>,
) -> PyResult<Range> {
    let count = |value: &Bound<'_, PyAny>, name| values::count(value).in_filter(name);
    match last {
        Some(last) if after.is_none() && limit.is_none() => Ok(Range::Last(count(last, "last")?)),
        Some(_) => Err(Error::InvalidFilter("last goes with neither after nor limit".into()).into()),
        None => {
            let limit = limit.map_or(Ok(usize::MAX), |limit| count(limit, "limit"))?;
            Ok(Range::After(number(after, "after")?.unwrap_or(0), limit))
        }
    }
}

fn wanted(
    prefix: Option<&Bound<'_, PyAny>>,
    after: Option<&Bound<'_, PyAny>>,
    limit: Option<&Bound<'_, PyAny>>,
    reverse: Option<&Bound<'_, PyAny>>,
) -> PyResult<Keys> {
    Ok(Keys {
        prefix: prefix.map_or(Ok(String::new()), |prefix| values::text(prefix).in_filter("prefix"))?,
        after: after.map(|after| values::text(after).in_filter("after")).transpose()?,
        limit: limit.map_or(Ok(usize::MAX), |limit| values::count(limit).in_filter("limit"))?,
        reverse: reverse.map_or(Ok(false), |reverse| values::flag(reverse).in_filter("reverse"))?,
    })
}

fn entries(py: Python<'_>, found: Vec<Entry>) -> PyResult<Bound<'_, PyList>> {
    let entries = found.into_iter().map(|entry| Py::new(py, PyEntry::new(py, entry)?));
    PyList::new(py, entries.collect::<PyResult<Vec<_>>>()?)
}
