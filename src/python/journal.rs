//! What the core logs, for Python's logger `agentmem.core`.
//!
//! It is kept until the end of a call, and handed over then: whoever logs in the core may hold a lock, and must not wait
//! for the interpreter.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{Level, LevelFilter, Log, Metadata};
use parking_lot::Mutex;
use pyo3::exceptions::{PyException, PyImportError};
use pyo3::prelude::*;

/// Of more lines the oldest are dropped.
const KEPT: usize = 1000;

static JOURNAL: Journal = Journal { lines: Mutex::new(VecDeque::new()), waiting: AtomicBool::new(false) };

struct Journal {
    lines: Mutex<VecDeque<(Level, String)>>,
    waiting: AtomicBool,
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("agentmem")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut lines = self.lines.lock();
        if lines.len() >= KEPT {
            lines.pop_front();
        }
        lines.push_back((record.level(), record.args().to_string()));
        self.waiting.store(true, Ordering::Release);
    }

    fn flush(&self) {}
}

/// Begins to keep what is logged.
pub fn begin() {
    if log::set_logger(&JOURNAL).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Hands to Python what was logged since.
///
/// # Errors
/// What a signal raised meanwhile, Ctrl-C for one; a logger that fails must not fail the call.
pub fn hand_over(py: Python<'_>) -> PyResult<()> {
    if !JOURNAL.waiting.swap(false, Ordering::Acquire) {
        return Ok(());
    }
    let lines = mem::take(&mut *JOURNAL.lines.lock());
    match tell(py, lines) {
        // The interpreter is ending: its modules are gone, and with them everybody who could read the log.
        Err(error) if error.is_instance_of::<PyImportError>(py) => {}
        Err(error) if error.is_instance_of::<PyException>(py) => error.write_unraisable(py, None),
        outcome => return outcome,
    }
    Ok(())
}

fn tell(py: Python<'_>, lines: VecDeque<(Level, String)>) -> PyResult<()> {
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
