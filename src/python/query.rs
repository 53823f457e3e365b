//! Queries: what a search asks for, and the hits it returns.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::choice::choice_of_read;
use super::conversion::Named;
use super::filter;
use super::hit::PyHit;
use super::values::{self, count, flag, number};
use crate::error::Error;
use crate::record::{Blend, Hit, Mode, Query};

/// A query without its text and vector.
pub fn extract(
    [limit, offset]: [&Bound<'_, PyAny>; 2],
    mode: &Bound<'_, PyAny>,
    min_score: &Bound<'_, PyAny>,
    dialogue: &Bound<'_, PyAny>,
    [recency, importance, half_life]: &[Bound<'_, PyAny>; 3],
    filters: Option<&Bound<'_, PyDict>>,
) -> PyResult<Query> {
    const MODES: [(&str, Mode); 4] =
        [("hybrid", Mode::Hybrid), ("bm25", Mode::Bm25), ("tfidf", Mode::Tfidf), ("vector", Mode::Vector)];
    let min_score = number(min_score).in_filter("min_score")?;
    if min_score.is_nan() {
        return Err(Error::InvalidFilter("min_score is NaN".into()).into());
    }
    let mode = choice_of_read("mode", mode, &MODES)?;
    let limit = count(limit).in_filter("limit")?;
    let offset = count(offset).in_filter("offset")?;
    let blend = Blend {
        recency: number(recency).in_filter("recency_weight")?,
        importance: number(importance).in_filter("importance_weight")?,
        half_life_days: number(half_life).in_filter("half_life_days")?,
    };
    let dialogue = flag(dialogue).in_filter("dialogue")?;
    Ok(Query {
        filter: filter::extract(filters)?,
        offset,
        mode,
        min_score,
        dialogue,
        blend,
        ..Query::new("", limit)
    })
}

/// The query `like` with this text, and with this vector of `embedder`. An error calls the text `name`.
pub fn with(
    like: Query,
    text: &Bound<'_, PyAny>,
    name: &str,
    vector: Option<&Bound<'_, PyAny>>,
    embedder: Option<&str>,
) -> PyResult<Query> {
    let text = values::lossy_text(text).in_filter(name)?;
    let vector = vector.filter(|vector| !vector.is_none());
    let vector = vector.map(|vector| values::vector(vector).in_filter("vector")).transpose()?;
    Ok(Query { text, vector, embedder: embedder.map(str::to_owned), ..like })
}

/// The hits as Python's.
pub fn hits(py: Python<'_>, found: Vec<Hit>) -> PyResult<Bound<'_, PyList>> {
    let hits =
        found.into_iter().map(|hit| Py::new(py, PyHit::new(py, hit)?)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, hits)
}
