//! The bindings. A method extracts its arguments, detaches from the interpreter, calls the core and converts the result. Rules
//! about records and searches belong to the core.

mod batch;
mod call;
mod changes;
mod choice;
mod conversion;
mod detach;
mod entry;
mod errors;
mod expiry;
mod explanation;
mod fields;
mod file;
mod filter;
mod fork;
mod handle;
mod hit;
mod journal;
mod json;
mod locks;
mod log_buffer;
mod migration;
mod options;
mod progress;
mod query;
mod record;
mod report;
mod signals;
mod store;
mod timestamp;
mod value;
mod values;

use pyo3::prelude::*;

/// The compiled part of agentmem; import from `agentmem` instead.
#[pymodule(gil_used = false)]
pub mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::batch::PyCall;
    #[pymodule_export]
    use super::entry::PyEntry;
    #[pymodule_export]
    use super::expiry::expiry;
    #[pymodule_export]
    use super::fork::{after_fork_in_child, after_fork_in_parent, before_fork};
    #[pymodule_export]
    use super::hit::PyHit;
    #[pymodule_export]
    use super::journal::{PyJournal, check_journal_name};
    #[pymodule_export]
    use super::migration::{migrate, migration_status};
    #[pymodule_export]
    use super::record::PyRecord;
    #[pymodule_export]
    use super::store::PyStore;

    /// The terms of a text in order, as the index and FTS5 store them.
    #[pyfunction]
    fn analyze(py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        let text = super::values::lossy_text(text).in_filter("text")?;
        py.detach(|| Ok(crate::text::Analyzer::new().term_list(&text)))
    }

    /// What a query asks: its questions, without the sentences around them; the whole query if it has none.
    #[pyfunction]
    fn asked(text: &Bound<'_, PyAny>) -> PyResult<String> {
        Ok(crate::rank::asked(&super::values::lossy_text(text).in_filter("query")?))
    }

    /// Fixes the clock of this process, for tests: microseconds since 1970 UTC, or None for the system's clock.
    #[pyfunction]
    fn set_clock(micros: Option<i64>) {
        crate::clock::set(micros);
    }

    /// Returns to the system's clock, for tests, and forgets that it must not go backwards.
    #[pyfunction]
    fn reset_clock() {
        crate::clock::reset();
    }

    use super::conversion::Named;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::log_buffer::install();
        super::locks::install();
        crate::interrupt::listen(super::signals::is_interrupted);
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
