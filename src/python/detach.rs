//! Working without the interpreter.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pyo3::prelude::*;

use super::errors::from_panic;
use super::handle::Handle;
use super::{log_buffer, signals};

/// Does a call's work with the interpreter released, then passes on what the core logged and what signals raised.
pub fn detached<T: Send>(py: Python<'_>, call: impl FnOnce() -> crate::Result<T> + Send) -> PyResult<T> {
    let (outcome, raised) = py.detach(|| signals::listening(|| catch_unwind(AssertUnwindSafe(call))));
    let logged = log_buffer::flush(py);
    // Ctrl-C reaches the caller even if the core could finish without what it interrupted.
    match (outcome, raised) {
        (Err(panic), _) => Err(from_panic(&*panic)),
        (_, Some(raised)) => Err(raised),
        (Ok(result), None) => logged.and(Ok(result?)),
    }
}

/// Closes the store of an object that is about to go, if no other object uses it.
pub fn close_unused(handle: &Arc<Handle>) {
    if Arc::strong_count(handle) > 1 {
        return;
    }
    // Closing takes time, so the interpreter is released. Failures are in the log.
    // A destructor cannot raise: Python prints what a signal raised in it, as it does for its own.
    Python::try_attach(|py| {
        detached(py, || handle.close()).map_err(|error| error.write_unraisable(py, None))
    });
}
