//! Explanations as dicts, which `agentmem.types.Explanation` is made of.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::record::Explanation;

/// Every part by name.
pub fn dict(py: Python<'_>, explanation: Explanation) -> PyResult<Bound<'_, PyDict>> {
    let Explanation { hit, reason, excluded_by, words, rank_before, rank, score, passage } = explanation;
    let weights = PyDict::new(py);
    for (word, weight) in words {
        weights.set_item(word, weight)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("hit", hit)?;
    dict.set_item("reason", reason)?;
    dict.set_item("excluded_by", excluded_by)?;
    dict.set_item("words", weights)?;
    dict.set_item("rank_before", rank_before)?;
    dict.set_item("rank", rank)?;
    dict.set_item("score", score)?;
    dict.set_item("passage", passage)?;
    Ok(dict)
}
