//! Vectors for records that have none. Records are told by their numbers, so all of them are in the space that holds a scope.

use super::Store;
use crate::backend::write::{Call, Job, Outcome, Write};
use crate::error::Result;
use crate::record::{Scope, Seq, check_vector};

impl Store {
    /// Numbers and contents of the first `limit` records above `after` that have no vector, in ascending order.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`](crate::Error::InvalidFilter) if the scope is not inside one space;
    /// [`Error::Closed`](crate::Error::Closed), [`Error::Busy`](crate::Error::Busy).
    pub fn without_vector(
        &self,
        after: Seq,
        limit: usize,
        scope: Option<&Scope>,
    ) -> Result<Vec<(Seq, String)>> {
        self.one_space(scope, "embed_missing")?;
        self.snapshot_of(scope)?.without_vector(after, limit)
    }

    /// How many records have no vector.
    ///
    /// # Errors
    /// As [`Store::without_vector`].
    pub fn count_without_vector(&self, scope: Option<&Scope>) -> Result<u64> {
        self.one_space(scope, "embed_missing")?;
        self.snapshot_of(scope)?.count_without_vector()
    }

    /// Gives vectors, made by `embedder` if it has a name, to the records with these numbers. Those that are gone or have
    /// one are passed over. No number, date or order changes. Says how many records got one.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`](crate::Error::DimensionMismatch),
    /// [`Error::EmbedderMismatch`](crate::Error::EmbedderMismatch); otherwise as [`Store::without_vector`] and [`Store::add`].
    pub fn embed(
        &self,
        vectors: Vec<(Seq, Vec<f32>)>,
        embedder: Option<String>,
        scope: Option<&Scope>,
    ) -> Result<u64> {
        self.check_writable()?;
        vectors.iter().try_for_each(|(_, vector)| check_vector(vector))?;
        let call = Call { embedder, ..Call::new(None, Some(Write::Embed(vectors))) };
        let space = self.space(&self.one_space(scope, "embed_missing")?)?;
        Ok(space.submit(Job { calls: vec![call] })?.iter().map(Outcome::count).sum())
    }
}
