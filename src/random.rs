//! Random bytes of the operating system.
//!
//! Never those of a generator in memory: a fork doubles its state, and two processes would draw the same ids.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Fresh random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        // A system that gives none, as a strict sandbox: what differs between moments and processes must do.
        let state = RandomState::new();
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = state.hash_one((i, std::process::id(), now())) as u8;
        }
    }
    bytes
}

/// A fresh random number.
#[must_use]
pub fn number() -> u64 {
    u64::from_ne_bytes(bytes())
}

/// A fresh UUIDv7 (RFC 9562, 5.7 and 6.2, method 3): the time since 1970 in 4096ths of a millisecond, so that ids made
/// one after the other stand so in an index, then 62 random bits.
#[must_use]
pub fn uuid_v7() -> uuid::Uuid {
    const MILLISECOND: u128 = 1_000_000;
    let now = now();
    let fraction = (now % MILLISECOND * 4096 / MILLISECOND) as u16;
    let mut rest: [u8; 10] = bytes();
    rest[..2].copy_from_slice(&fraction.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis((now / MILLISECOND) as u64, &rest).into_uuid()
}

/// Nanoseconds since 1970; 0 for a clock that is set before.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_say_when_they_were_made() {
        let ids: Vec<_> = (0..10_000).map(|_| super::uuid_v7()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        let year_2020 = 1_577_836_800;
        assert!(ids.iter().all(|id| id.get_timestamp().is_some_and(|at| at.to_unix().0 > year_2020)));
        // The clock may be set back, or stand still for a moment.
        let in_order = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!(in_order > 5_000, "{in_order}");
    }
}
