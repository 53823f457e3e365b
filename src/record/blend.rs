//! What counts besides relevance.

use crate::error::{Error, Result};

/// Weights of recency and importance. Relevance has weight 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    /// Weight of recency, which is 1 for a record created now and halves with each half-life of age.
    pub recency: f64,
    /// Weight of a record's importance.
    pub importance: f64,
    /// Half-life of recency in days.
    pub half_life_days: f64,
}

impl Default for Blend {
    /// Relevance alone.
    fn default() -> Self {
        Self { recency: 0.0, importance: 0.0, half_life_days: 30.0 }
    }
}

impl Blend {
    /// Whether only relevance counts.
    pub fn is_relevance(&self) -> bool {
        self.recency == 0.0 && self.importance == 0.0
    }

    /// Checks the weights and the half-life.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if a weight is negative or not finite, or the half-life is not greater than 0.
    pub fn check(&self) -> Result<()> {
        let weight = |weight: f64| weight.is_finite() && weight >= 0.0;
        if weight(self.recency) && weight(self.importance) && self.half_life_days > 0.0 {
            return Ok(());
        }
        Err(Error::InvalidFilter(format!(
            "weights {} and {} must be 0 or more, and the half-life of {} days more than 0",
            self.recency, self.importance, self.half_life_days
        )))
    }
}
