//! Converts the core's error type to the exceptions of `agentmem/errors.py`.

use pyo3::prelude::*;
use pyo3::types::PyAnyMethods;

use crate::backend::write::JobError;
use crate::error::{Conflict, Error};

mod exceptions {
    #![allow(missing_docs, reason = "documented where they are defined, in agentmem/errors.py")]

    use pyo3::import_exception;

    import_exception!(agentmem.errors, AgentMemError);
    import_exception!(agentmem.errors, BatchError);
    import_exception!(agentmem.errors, ConflictError);
    import_exception!(agentmem.errors, CorruptStoreError);
    import_exception!(agentmem.errors, DimensionMismatchError);
    import_exception!(agentmem.errors, DuplicateIdError);
    import_exception!(agentmem.errors, EmbedderMismatchError);
    import_exception!(agentmem.errors, InvalidFilterError);
    import_exception!(agentmem.errors, InvalidRecordError);
    import_exception!(agentmem.errors, NotAStoreError);
    import_exception!(agentmem.errors, RecordNotFoundError);
    import_exception!(agentmem.errors, SchemaTooNewError);
    import_exception!(agentmem.errors, StoreBusyError);
    import_exception!(agentmem.errors, StoreClosedError);
    import_exception!(agentmem.errors, StorePathError);
    import_exception!(agentmem.errors, StoreReadOnlyError);
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        use exceptions as to;
        let message = error.to_string();
        match error {
            Error::InvalidRecord(_) => to::InvalidRecordError::new_err(message),
            Error::InvalidFilter(_) => to::InvalidFilterError::new_err(message),
            Error::DuplicateId(id) => to::DuplicateIdError::new_err((message, id)),
            Error::RecordNotFound(id) => to::RecordNotFoundError::new_err((message, id)),
            Error::DimensionMismatch { expected, found } => {
                to::DimensionMismatchError::new_err((message, expected, found))
            }
            Error::EmbedderMismatch { expected, found } => {
                to::EmbedderMismatchError::new_err((message, expected, found))
            }
            Error::Conflict { what, expected, found } => {
                let (id, journal, key) = match what {
                    Conflict::Record(id) => (Some(id), None, None),
                    Conflict::Journal { name, key } => (None, Some(name), key),
                };
                to::ConflictError::new_err((message, expected, found, id, journal, key))
            }
            Error::Closed(_) => to::StoreClosedError::new_err(message),
            Error::Busy { .. } => to::StoreBusyError::new_err(message),
            Error::ReadOnly(_) | Error::SchemaTooOld { .. } => to::StoreReadOnlyError::new_err(message),
            Error::Corrupt { .. } => to::CorruptStoreError::new_err(message),
            Error::SchemaTooNew { .. } => to::SchemaTooNewError::new_err(message),
            Error::NotAStore { .. } => to::NotAStoreError::new_err(message),
            Error::Io { path, source } => match source.raw_os_error() {
                Some(code) => to::StorePathError::new_err((code, reason(&source), path.into_os_string())),
                None => to::StorePathError::new_err(message),
            },
            Error::Interrupted { .. } => pyo3::exceptions::PyKeyboardInterrupt::new_err(message),
            Error::Backend(_) => to::AgentMemError::new_err(message),
        }
    }
}

/// The exception of a call of a batch, which says by `at` which call it was.
pub fn at_call(py: Python<'_>, failed: JobError) -> PyErr {
    let error = PyErr::from(failed.error);
    match error.value(py).setattr("at", failed.call) {
        Ok(()) => error,
        Err(raised) => raised,
    }
}

/// The exception for a call that was sent before.
pub fn sent_before() -> PyErr {
    exceptions::BatchError::new_err("a call can be sent once; make a new one")
}

/// The exception for a panic in the core. It is an `Exception`, so that a program can go on after a bug in its memory.
pub fn from_panic(panic: &(dyn std::any::Any + Send)) -> PyErr {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    exceptions::AgentMemError::new_err(format!("a bug in agentmem, please report it: {what}"))
}

/// The system's message without the error number, which Python adds itself.
fn reason(source: &std::io::Error) -> String {
    let text = source.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// Whether an exception is an `Exception`, and so may be replaced by another one. Ctrl-C and exit may not.
pub fn is_ordinary(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<pyo3::exceptions::PyException>(py)
}

/// The start of a value's `repr`, and its type, for messages.
pub fn describe(value: &Bound<'_, PyAny>) -> String {
    let kind = value.get_type().name().map_or_else(|_| "object".into(), |name| name.to_string());
    let Ok(text) = value.repr() else { return format!("an object of type {kind}") };
    let text = text.to_string_lossy();
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown} ({kind})")
}
