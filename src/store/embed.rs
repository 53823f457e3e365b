//! Vectors for records that have none.

use super::Store;
use crate::backend::write::{Call, Job, Outcome, Write};
use crate::error::Result;
use crate::record::{Seq, check_vector};

impl Store {
    /// Numbers and contents of the first `limit` records above `after` that have no vector, rising.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed), [`Error::Busy`](crate::Error::Busy).
    pub fn without_vector(&self, after: Seq, limit: usize) -> Result<Vec<(Seq, String)>> {
        self.snapshot()?.without_vector(after, limit)
    }

    /// How many records have no vector.
    ///
    /// # Errors
    /// As [`Store::without_vector`].
    pub fn count_without_vector(&self) -> Result<u64> {
        self.snapshot()?.count_without_vector()
    }

    /// Gives vectors, made by `embedder` if it has a name, to the records with these numbers. Those that are gone or have
    /// one are passed over. No number, date or order changes. Says how many records got one.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`](crate::Error::DimensionMismatch),
    /// [`Error::EmbedderMismatch`](crate::Error::EmbedderMismatch); otherwise as [`Store::add`].
    pub fn embed(&self, vectors: Vec<(Seq, Vec<f32>)>, embedder: Option<String>) -> Result<u64> {
        self.check_writable()?;
        vectors.iter().try_for_each(|(_, vector)| check_vector(vector))?;
        let call = Call { embedder, ..Call::new(None, Some(Write::Embed(vectors))) };
        Ok(self.submit(Job { calls: vec![call] })?.iter().map(Outcome::count).sum())
    }
}
