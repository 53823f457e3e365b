//! Random bytes from the operating system.
//!
//! A generator in memory would not do: a fork copies its state, and two processes would draw the same ids.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// New random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        // The system gives none, for example in a strict sandbox. Time, process and hash seed differ at least.
        let state = RandomState::new();
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = state.hash_one((i, std::process::id(), now())) as u8;
        }
    }
    bytes
}

/// A new random number.
#[must_use]
pub fn number() -> u64 {
    u64::from_ne_bytes(bytes())
}

/// A new UUIDv7 (RFC 9562, sections 5.7 and 6.2, method 3): the time since 1970 in 4096ths of a millisecond, so that ids
/// sort by the time they were made, then 62 random bits.
#[must_use]
pub fn uuid_v7() -> uuid::Uuid {
    const MILLISECOND: u128 = 1_000_000;
    let now = now();
    let fraction = (now % MILLISECOND * 4096 / MILLISECOND) as u16;
    let mut rest: [u8; 10] = bytes();
    rest[..2].copy_from_slice(&fraction.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis((now / MILLISECOND) as u64, &rest).into_uuid()
}

/// Nanoseconds since 1970; 0 if the clock is set before that.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_contain_the_time() {
        let ids: Vec<_> = (0..10_000).map(|_| super::uuid_v7()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        let year_2020 = 1_577_836_800;
        assert!(ids.iter().all(|id| id.get_timestamp().is_some_and(|at| at.to_unix().0 > year_2020)));
        // The clock may be set back, or stand still.
        let in_order = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!(in_order > 5_000, "{in_order}");
    }
}
