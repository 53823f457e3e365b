//! When records expire: a column of `agentmem_records`, and its minimum in the head row.

use std::sync::Arc;

use super::filter::boxed;
use super::query::Sql;
use super::records::read_seqs;
use super::view::View;
use crate::error::Result;
use crate::record::Seq;

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
