//! Signals, such as Ctrl-C, that arrive while the core works.

use std::cell::Cell;

use pyo3::prelude::*;

thread_local! {
    /// Whether this thread is in a call from Python.
    static CALLED: Cell<bool> = const { Cell::new(false) };
    /// The exception that a signal raised while the core waited.
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// Does the work of a call from Python. Also returns the exception that a signal raised while the core waited.
pub fn listening<T>(call: impl FnOnce() -> T) -> (T, Option<PyErr>) {
    let before = CALLED.replace(true);
    let outcome = call();
    CALLED.set(before);
    (outcome, RAISED.take())
}

/// Whether a signal has arrived that raises an exception. Python handles signals in its main thread only. Threads of the core
/// must not ask, because the interpreter may be shutting down.
pub fn is_interrupted() -> bool {
    if !CALLED.get() {
        return false;
    }
    let raised = Python::try_attach(|py| py.check_signals()).and_then(Result::err);
    let interrupted = raised.is_some();
    if interrupted {
        RAISED.set(raised);
    }
    interrupted
}
