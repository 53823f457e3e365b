//! Settings: the options of a store, and arguments that name one of several choices.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::choice::{choice, choice_of_read};
use super::conversion::Named;
use super::values::{count, flag, path, seconds};
use crate::record::Order;
use crate::store::{Durability, IndexMode, OnConflict, Options};

/// Most systems do not give a process the file handles for more connections.
const MOST_CONNECTIONS: usize = 1000;

/// How to open a store.
pub fn extract(
    file: &Bound<'_, PyAny>,
    pool_size: &Bound<'_, PyAny>,
    durability: &Bound<'_, PyAny>,
    index: &Bound<'_, PyAny>,
    read_only: &Bound<'_, PyAny>,
    busy_timeout: &Bound<'_, PyAny>,
) -> PyResult<Options> {
    const DURABILITIES: [(&str, Durability); 2] =
        [("full", Durability::Full), ("normal", Durability::Normal)];
    const INDEXES: [(&str, IndexMode); 2] = [("memory", IndexMode::Memory), ("disk", IndexMode::Disk)];
    Ok(Options {
        path: path(file)?,
        pool_size: match count(pool_size).in_options("pool_size")? {
            size @ 1..=MOST_CONNECTIONS => size as u32,
            size => {
                let message = format!("pool_size must be 1 to {MOST_CONNECTIONS}, not {size}");
                return Err(PyValueError::new_err(message));
            }
        },
        durability: choice("durability", durability, &DURABILITIES)?,
        index: choice("index", index, &INDEXES)?,
        read_only: flag(read_only).in_options("read_only")?,
        busy_timeout: seconds(busy_timeout).in_options("busy_timeout")?,
    })
}

/// What a write does with an id that is in use.
pub fn on_conflict(value: &Bound<'_, PyAny>) -> PyResult<OnConflict> {
    const CHOICES: [(&str, OnConflict); 3] =
        [("fail", OnConflict::Fail), ("replace", OnConflict::Replace), ("skip", OnConflict::Skip)];
    choice_of_read("on_conflict", value, &CHOICES)
}

/// The order of a list.
pub fn order(value: &Bound<'_, PyAny>) -> PyResult<Order> {
    const ORDERS: [(&str, Order); 4] = [
        ("newest", Order::Newest),
        ("oldest", Order::Oldest),
        ("written", Order::Written),
        ("updated", Order::Updated),
    ];
    choice_of_read("order", value, &ORDERS)
}
