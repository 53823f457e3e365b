//! Telling Python how far a long operation has come, and hearing Ctrl-C.

use std::cell::Cell;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// So often is Python told: often enough for the eye, seldom enough to cost nothing.
const INTERVAL: Duration = Duration::from_millis(50);

thread_local! {
    /// Is a call from Python under way in this thread?
    static CALLED: Cell<bool> = const { Cell::new(false) };
    /// What a signal raised while the core waited.
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// Does the work of a call from Python; says also what a signal raised while the core waited in it.
pub fn listening<T>(call: impl FnOnce() -> T) -> (T, Option<PyErr>) {
    let before = CALLED.replace(true);
    let outcome = call();
    CALLED.set(before);
    (outcome, RAISED.take())
}

/// Has a signal come that raises an exception? Python hears signals in its main thread alone. Threads of the core do not
/// ask: they know nothing of the interpreter, which may be ending.
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

/// Calls a Python function with done and total; an exception in it, or Ctrl-C, stops the operation.
pub struct Reporter {
    callback: Option<Py<PyAny>>,
    last: Option<Instant>,
    raised: Option<PyErr>,
}

impl Reporter {
    /// Reports to `callback`, if there is one.
    pub fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, last: None, raised: None }
    }

    /// Reports, and answers whether to go on.
    pub fn report(&mut self, done: u64, total: u64) -> bool {
        let early = self.last.is_some_and(|last| last.elapsed() < INTERVAL);
        if early && done < total {
            return true;
        }
        self.last = Some(Instant::now());
        self.raised = Python::attach(|py| self.tell(py, done, total)).err();
        self.raised.is_none()
    }

    fn tell(&self, py: Python<'_>, done: u64, total: u64) -> PyResult<()> {
        py.check_signals()?;
        if let Some(callback) = &self.callback {
            callback.call1(py, (done, total))?;
        }
        Ok(())
    }

    /// What the operation ended with: the exception that stopped it, if one did.
    pub fn end<T>(self, result: PyResult<T>) -> PyResult<T> {
        match self.raised {
            Some(error) => Err(error),
            None => result,
        }
    }
}
