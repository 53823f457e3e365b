//! When something expires, as Python says it: `ttl` or `expires_at`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDelta;

use super::conversion::{Argument, ConversionError, Named};
use super::timestamp::datetime;
use super::values;
use crate::clock;
use crate::error::Error;
use crate::record::{Micros, timestamp};

/// When something expires: `expires_at` as it is, or `ttl` from now. Both are an error.
#[pyfunction]
#[pyo3(signature = (ttl, expires_at=None))]
pub fn expiry<'py>(
    py: Python<'py>,
    ttl: Option<&Bound<'py, PyAny>>,
    expires_at: Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match (after_ttl(ttl)?, expires_at) {
        (Some(_), Some(_)) => {
            Err(Error::InvalidRecord("ttl and expires_at do not go together".into()).into())
        }
        (Some(at), None) => Ok(Some(datetime(py, at)?.into_any())),
        (None, expires_at) => Ok(expires_at),
    }
}

/// The moment at which something that lives for `ttl` from now expires; `None` for no `ttl`.
pub fn after_ttl(ttl: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Micros>> {
    let Some(ttl) = ttl.filter(|ttl| !ttl.is_none()) else { return Ok(None) };
    let at = clock::now().saturating_add(micros(ttl).in_record("ttl")?);
    if timestamp::RANGE.contains(&at) {
        return Ok(Some(at));
    }
    Err(Error::InvalidRecord(format!("ttl {} ends after the year 9999", ttl.repr()?)).into())
}

/// The length of a `ttl`: a timedelta, or a number of seconds.
fn micros(ttl: &Bound<'_, PyAny>) -> Argument<Micros> {
    let needed = || ConversionError::needed("a timedelta or a finite number of seconds, more than 0", ttl);
    let micros = if ttl.is_instance_of::<PyDelta>() {
        let part = |name| ttl.getattr(name)?.extract::<i64>();
        let py = ttl.py();
        let (days, seconds) = (part(intern!(py, "days"))?, part(intern!(py, "seconds"))?);
        let micros_of_day = seconds * 1_000_000 + part(intern!(py, "microseconds"))?;
        days.saturating_mul(86_400_000_000).saturating_add(micros_of_day)
    } else {
        let seconds = values::number(ttl).map_err(|_| needed())?;
        // Shorter ones would expire at once.
        if seconds.is_finite() && seconds > 0.0 { (seconds * 1e6).ceil() as Micros } else { 0 }
    };
    if micros > 0 { Ok(micros) } else { Err(needed()) }
}
