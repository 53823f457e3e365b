//! The core's log, for Python's logger `agentmem.core`.
//!
//! Lines are kept until the end of a call: the code that logs may hold a lock, and must not wait for the interpreter.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{Level, LevelFilter, Log, Metadata};
use parking_lot::Mutex;
use pyo3::exceptions::{PyException, PyImportError};
use pyo3::prelude::*;

/// The most lines that are kept; the oldest are dropped.
const CAPACITY: usize = 1000;

static BUFFER: LogBuffer = LogBuffer { lines: Mutex::new(VecDeque::new()), waiting: AtomicBool::new(false) };

struct LogBuffer {
    lines: Mutex<VecDeque<(Level, String)>>,
    waiting: AtomicBool,
}

impl Log for LogBuffer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("agentmem")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut lines = self.lines.lock();
        if lines.len() >= CAPACITY {
            lines.pop_front();
        }
        lines.push_back((record.level(), record.args().to_string()));
        self.waiting.store(true, Ordering::Release);
    }

    fn flush(&self) {}
}

/// Starts to keep what the core logs.
pub fn install() {
    if log::set_logger(&BUFFER).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Passes the lines to Python's logger.
///
/// # Errors
/// What a signal raised meanwhile, such as Ctrl-C. A logger that fails does not fail the call.
pub fn flush(py: Python<'_>) -> PyResult<()> {
    if !BUFFER.waiting.swap(false, Ordering::Acquire) {
        return Ok(());
    }
    let lines = mem::take(&mut *BUFFER.lines.lock());
    match write(py, lines) {
        // The interpreter is shutting down: its modules are gone, and nobody reads the log.
        Err(error) if error.is_instance_of::<PyImportError>(py) => {}
        Err(error) if error.is_instance_of::<PyException>(py) => error.write_unraisable(py, None),
        outcome => return outcome,
    }
    Ok(())
}

fn write(py: Python<'_>, lines: VecDeque<(Level, String)>) -> PyResult<()> {
    let logger = py.import("logging")?.call_method1("getLogger", ("agentmem.core",))?;
    for (level, line) in lines {
        let level = match level {
            Level::Error => 40,
            Level::Warn => 30,
            _ => 20,
        };
        logger.call_method1("log", (level, "%s", line))?;
    }
    Ok(())
}
