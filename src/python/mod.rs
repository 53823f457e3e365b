//! The bindings: extract, detach, call, convert. No rule about records or searches is made here.

mod convert;
mod errors;
mod fields;
mod handle;
mod hit;
mod io;
mod journal;
mod locks;
mod progress;
mod record;
mod store;

use pyo3::prelude::*;

/// The compiled part of agentmem; import from `agentmem` instead.
#[pymodule(gil_used = false)]
pub mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::hit::PyHit;
    #[pymodule_export]
    use super::record::PyRecord;
    #[pymodule_export]
    use super::record::as_record;
    #[pymodule_export]
    use super::store::{PyStore, after_fork_in_child, after_fork_in_parent, before_fork, migration_status};

    /// The terms that a text is found by, in order: what the index and FTS5 hold of it.
    #[pyfunction]
    fn analyze(py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        let text = super::convert::lossy_text(text).in_filter("text")?;
        py.detach(|| Ok(crate::text::Analyzer::new().term_list(&text)))
    }

    use super::convert::Named;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::journal::begin();
        super::locks::install();
        crate::interrupt::listen(super::progress::is_interrupted);
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
