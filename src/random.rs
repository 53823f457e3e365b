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

/// A fresh UUIDv7 (RFC 9562, 5.7): the milliseconds since 1970, then 74 random bits.
#[must_use]
pub fn uuid_v7() -> uuid::Uuid {
    uuid::Builder::from_unix_timestamp_millis((now() / 1_000_000) as u64, &bytes()).into_uuid()
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
        let seconds = |id: &uuid::Uuid| id.get_timestamp().map(|at| at.to_unix());
        assert!(seconds(&ids[0]).is_some() && seconds(&ids[0]) <= seconds(&ids[9_999]));
    }
}
