//! Progress of long operations.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// The least time between two reports: short for the eye, and long enough to cost nothing.
const INTERVAL: Duration = Duration::from_millis(50);

/// Calls a Python function with what is done and the total. An exception in it, or Ctrl-C, stops the operation.
pub struct Reporter {
    callback: Option<Py<PyAny>>,
    last: Option<Instant>,
    raised: Option<PyErr>,
}

impl Reporter {
    /// Reports to `callback`, if it is given.
    pub fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, last: None, raised: None }
    }

    /// Reports, and returns whether to go on.
    pub fn report(&mut self, done: u64, total: u64) -> bool {
        let early = self.last.is_some_and(|last| last.elapsed() < INTERVAL);
        if early && done < total {
            return true;
        }
        self.last = Some(Instant::now());
        self.raised = Python::attach(|py| self.call(py, done, total)).err();
        self.raised.is_none()
    }

    fn call(&self, py: Python<'_>, done: u64, total: u64) -> PyResult<()> {
        py.check_signals()?;
        if let Some(callback) = &self.callback {
            callback.call1(py, (done, total))?;
        }
        Ok(())
    }

    /// The operation's result, or the exception that stopped it.
    pub fn end<T>(self, result: PyResult<T>) -> PyResult<T> {
        match self.raised {
            Some(error) => Err(error),
            None => result,
        }
    }
}
