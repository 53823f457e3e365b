//! The targets as a crate of their own, for libFuzzer: `nox -s fuzz`, or
//! `cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none query`.

#![allow(clippy::expect_used, clippy::panic)]

mod targets;

pub use targets::*;
