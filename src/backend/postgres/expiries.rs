//! When records expire: a column of `agentmem_records`, and its minimum in the head row.

use std::sync::Arc;

use super::batch::Batch;
use super::filter::{Reach, boxed, conditions};
use super::query::Sql;
use super::records::read_seqs;
use super::view::View;
use crate::error::Result;
use crate::record::{Filter, Micros, Scope, Seq};

impl View<'_> {
    /// True if a record may have expired.
    pub(super) fn some_expired(&self) -> bool {
        self.head.expires <= self.now
    }

    pub(super) fn read_expired(&self) -> Result<Arc<[Seq]>> {
        if !self.some_expired() {
            return Ok(Arc::default());
        }
        if let Some(known) = self.expired.get() {
            return Ok(Arc::clone(known));
        }
        let mut sql = Sql::new("SELECT seq FROM agentmem_records");
        self.reach.apply(&mut sql);
        sql.push(" AND expires_at <= ? ORDER BY seq", [boxed(self.now)]);
        let seqs: Arc<[Seq]> = read_seqs(self, &sql)?.into();
        Ok(Arc::clone(self.expired.get_or_init(|| seqs)))
    }
}

impl Batch<'_> {
    /// Removes at most `limit` expired records, only those in `scope` if one is given. Returns how many.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize> {
        if self.head.expires > self.now {
            return Ok(0);
        }
        let filter = Filter { scope: scope.cloned(), ..Filter::all() };
        let mut sql = Sql::new("SELECT seq FROM agentmem_records");
        conditions(&mut sql, Reach::Space(self.space), &filter);
        let limited = i64::try_from(limit).unwrap_or(i64::MAX);
        let due = [boxed(self.now), boxed(limited)];
        sql.push(" AND expires_at <= ? ORDER BY expires_at LIMIT ?", due);
        let seqs: Vec<Seq> = self.run(&sql)?.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>()?;
        let before = self.deleted.len();
        self.remove_seqs(&seqs)?;
        self.expired.extend(self.deleted.drain(before..));
        if scope.is_none() && seqs.len() < limit {
            let next = "SELECT coalesce(min(expires_at), 9223372036854775807) FROM agentmem_records WHERE space = $1";
            let rows = self.query(next, &[&self.space])?;
            self.head.expires = rows.first().map_or(Ok(Micros::MAX), |row| row.try_get(0))?;
        }
        Ok(seqs.len())
    }
}
