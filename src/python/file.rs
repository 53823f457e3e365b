//! Python's binary files as Rust's readers and writers.

use std::io::{Read, Result, Write};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// An object with `read(size) -> bytes` or `write(bytes)`. Its exceptions reach the caller unchanged.
pub struct File<'a> {
    object: &'a Py<PyAny>,
    raised: &'a mut Option<PyErr>,
}

impl<'a> File<'a> {
    /// Puts an exception of `object` into `raised`.
    pub fn new(object: &'a Py<PyAny>, raised: &'a mut Option<PyErr>) -> Self {
        Self { object, raised }
    }

    fn attached<T>(&mut self, call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Result<T> {
        Python::attach(|py| call(self.object.bind(py))).map_err(|error| {
            *self.raised = Some(error);
            std::io::Error::other("the file object raised an exception")
        })
    }
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.attached(|object| {
            let bytes = object.call_method1("read", (buffer.len(),))?;
            let bytes = bytes.cast::<PyBytes>()?.as_bytes();
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes[..count]);
            Ok(count)
        })
    }
}

impl Write for File<'_> {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        self.attached(|object| object.call_method1("write", (PyBytes::new(object.py(), buffer),)).map(drop))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.attached(|object| object.call_method0("flush").map(drop))
    }
}
