//! The length of a record's term vector, in one byte.
//!
//! The vector's components are `1 + ln tf`, without idf (SMART "lnc"): so a norm never changes as the collection grows.
//! It serves to find the candidates of a cosine search; the cosine that users see is computed exactly afterwards.

use std::sync::LazyLock;

/// Steps per doubling of the squared norm: 2 % apart in the norm.
const STEPS: f32 = 16.0;

static INVERSE: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|code| (-(code as f32) / STEPS / 2.0).exp2()));

/// `1 + ln tf`.
#[inline]
pub fn sublinear(tf: u32) -> f32 {
    if tf == 1 { 1.0 } else { 1.0 + (tf as f32).ln() }
}

/// The code of a vector with these term frequencies.
pub fn code(frequencies: impl Iterator<Item = u32>) -> u8 {
    let squared: f32 = frequencies.map(|tf| sublinear(tf).powi(2)).sum();
    (squared.max(1.0).log2() * STEPS).round().min(255.0) as u8
}

/// One over the norm that a code stands for.
pub fn inverses() -> &'static [f32; 256] {
    &INVERSE
}

/// More than `sublinear(tf) / norm` can be, rounding of the code included.
pub const COSINE_BOUND: f32 = 1.03;
