//! Numbers of records, deletions and entries, which increase and are never used twice.

use std::ops::RangeInclusive;

/// What is said of a store that has no more numbers.
pub const USED_UP: &str = "the store has used up its numbers; export it and import into a new store";

/// The `count` numbers that follow `newest`; `None` if there are not so many.
pub fn numbers_after(newest: i64, count: usize) -> Option<RangeInclusive<i64>> {
    let last = newest.checked_add(i64::try_from(count).ok()?)?;
    Some(newest.checked_add(1)?..=last)
}
