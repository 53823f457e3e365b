//! Removing records, with all that depends on them.

use super::batch::Batch;
use super::filter::{Reach, boxed, conditions};
use super::head::Head;
use super::query::{Param, Sql};
use super::records::seqs_matching;
use crate::backend::encoding;
use crate::backend::write_transaction::RemoveRecords;
use crate::error::Result;
use crate::record::{Filter, Micros, Scope, Seq};

/// Most records of one statement.
const AT_ONCE: usize = 4000;

impl RemoveRecords for Batch<'_> {
    fn remove_matching(&mut self, filter: &Filter) -> Result<u64> {
        let seqs = seqs_matching(self, Reach::Space(self.space), filter, 0)?;
        self.remove_seqs(&seqs)
    }

    fn remove_all(&mut self) -> Result<u64> {
        let space = self.space;
        let mut live = self.head.totals().records;
        if self.head.expires <= self.now {
            let sql = "SELECT count(*) FROM agentmem_records WHERE space = $1 AND expires_at <= $2";
            let rows = self.query(sql, &[&space, &self.now])?;
            let expired: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
            live = live.saturating_sub(expired.max(0) as u64);
        }
        let removed = self.head.records > 0;
        for table in ["records", "past", "late_vectors"] {
            self.write(&format!("DELETE FROM agentmem_{table} WHERE space = $1"), &[&space])?;
        }
        if removed {
            self.log_range(1, self.head.seq, false)?;
        }
        let (head, rows) = (self.head.clone(), self.head.totals().records);
        self.head = Head { records: 0, wordless: 0, terms: 0, vectors: 0, expires: Micros::MAX, ..head };
        self.deleted.clear();
        self.rows += rows;
        Ok(live)
    }

    fn sweep(&mut self, scope: Option<&Scope>, limit: usize) -> Result<usize> {
        if self.head.expires > self.now {
            return Ok(0);
        }
        let filter = Filter { scope: scope.cloned(), ..Filter::all() };
        let mut sql = Sql::new("SELECT seq FROM agentmem_records");
        conditions(&mut sql, Reach::Space(self.space), &filter);
        let limited = encoding::limit(limit);
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

impl Batch<'_> {
    /// Removes the records with these ids and their histories: all, or those that have expired at a moment.
    pub(super) fn remove_ids(&mut self, ids: &[String], expired_at: Option<Micros>) -> Result<u64> {
        let expired_at = expired_at.unwrap_or(Micros::MAX);
        let condition = "space = $1 AND id = ANY($2) AND coalesce(expires_at, $4) <= $3";
        let missing = if expired_at == Micros::MAX { Micros::MIN } else { Micros::MAX };
        self.take_out(condition, &[&ids.to_vec(), &expired_at, &missing], true)
    }

    pub(super) fn remove_seqs(&mut self, seqs: &[Seq]) -> Result<u64> {
        let mut live = 0;
        for some in seqs.chunks(AT_ONCE) {
            live += self.take_out("space = $1 AND seq = ANY($2)", &[&some], true)?;
        }
        Ok(live)
    }

    /// Removes rows, and their histories if they are to be forgotten. The condition's first parameter is the space. Returns how
    /// many of them had not expired.
    pub(super) fn take_out(&mut self, condition: &str, params: &[&dyn Param], forget: bool) -> Result<u64> {
        let forgotten = if forget {
            ", forgotten AS (DELETE FROM agentmem_past WHERE space = $1 AND id IN (SELECT id FROM gone))"
        } else {
            ""
        };
        let sql = format!(
            "WITH gone AS (DELETE FROM agentmem_records WHERE {condition}
                           RETURNING seq, id, terms, vector IS NOT NULL AS has_vector, expires_at){forgotten}
             SELECT seq, terms, has_vector, expires_at FROM gone"
        );
        let space = self.space;
        let params: Vec<&dyn Param> =
            std::iter::once(&space as &dyn Param).chain(params.iter().copied()).collect();
        let mut live = 0;
        for row in self.write(&sql, &params)? {
            let terms: i32 = row.try_get(1)?;
            self.deleted.push(row.try_get(0)?);
            self.head.records -= 1;
            self.head.wordless -= i64::from(terms == 0);
            self.head.terms -= i64::from(terms);
            self.head.vectors -= i64::from(row.try_get::<_, bool>(2)?);
            live += u64::from(row.try_get::<_, Option<Micros>>(3)?.is_none_or(|at| at > self.now));
            self.rows += 1;
        }
        Ok(live)
    }
}
