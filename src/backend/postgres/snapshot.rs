//! [`Snapshot`] of a space, or of all spaces: a connection with an open transaction.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;

use super::filter::{Rest, boxed};
use super::postgres_error::unexplained_message;
use super::query::Sql;
use super::records::{read_seqs, seqs_matching};
use super::row::{self, COLUMNS, PAST_COLUMNS, record};
use super::view::{AT_ONCE, View};
use super::{feed, journals, segments};
use crate::backend::budget::Budget;
use crate::backend::change_log::{Cursor, LogPage};
use crate::backend::encoding;
use crate::backend::feed::{Feed, Known, Position};
use crate::backend::manifest::IndexFile;
use crate::backend::snapshot::{FullText, PastVersion, Prior, ScopeInfo, Snapshot, Totals};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::record::{Filter, Page, Record, RecordId, Scope, Scopes, Seq, Viewer};

impl View<'_> {
    fn read_problems(&self) -> Result<Vec<String>> {
        let mut problems = journals::problems(self)?;
        let mut sql = Sql::new(format!("SELECT {PAST_COLUMNS} FROM agentmem_past"));
        self.reach.apply(&mut sql);
        sql.each(self, |row| {
            problems.extend(
                row::past(row).err().map(|error| format!("history: {}", unexplained_message(&error))),
            );
            Ok(true)
        })?;
        Ok(problems)
    }
}

impl Snapshot for View<'_> {
    fn by_ids(
        &self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        viewer: &Viewer,
    ) -> Result<Vec<Option<Record>>> {
        let filter = Filter {
            ids: Some(ids.to_vec()),
            scope: scope.cloned(),
            viewer: viewer.clone(),
            ..Filter::default()
        };
        let read = || {
            let mut found = HashMap::with_capacity(ids.len());
            for row in self.run(&self.live(COLUMNS, &filter))? {
                let (_, record) = record(&row)?;
                found.insert(record.id.clone(), record);
            }
            Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
        };
        self.explained(read())
    }

    fn by_seqs(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Record)>> {
        let read = || {
            let mut found = Vec::with_capacity(seqs.len());
            for some in seqs.chunks(AT_ONCE) {
                let sql =
                    format!("SELECT {COLUMNS} FROM agentmem_records WHERE space = $1 AND seq = ANY($2)");
                let mut records = HashMap::with_capacity(some.len());
                for row in self.query(&sql, &[&self.space(), &some])? {
                    let (seq, record) = record(&row)?;
                    records.insert(seq, record);
                }
                found.extend(some.iter().filter_map(|seq| Some((*seq, records.remove(seq)?))));
            }
            Ok(found)
        };
        self.explained(read())
    }

    fn contents(&self, seqs: &[Seq], budget: Budget) -> Result<Vec<(Seq, String)>> {
        self.explained(self.read_contents(seqs, budget))
    }

    fn vectors(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Vec<f32>)>> {
        let found = self.explained(self.by_seq("vector", seqs, |row| Ok(row::vector(row, 1))))?;
        Ok(found.into_iter().filter_map(|(seq, vector)| Some((seq, vector?))).collect())
    }

    fn priors(&self, seqs: &[Seq]) -> Result<Vec<Prior>> {
        let read = |row: &Row| {
            Ok(Prior { seq: row.try_get(0)?, created_at: row.try_get(1)?, importance: row.try_get(2)? })
        };
        let found = self.explained(self.by_seq("created_at, importance", seqs, read))?;
        Ok(found.into_iter().map(|(_, prior)| prior).collect())
    }

    fn neighbours(&self, seqs: &[Seq], viewer: &Viewer) -> Result<Vec<[Option<Seq>; 2]>> {
        self.explained(self.read_neighbours(seqs, viewer))
    }

    fn seqs_matching(&self, filter: &Filter, after: Seq) -> Result<Vec<Seq>> {
        self.explained(seqs_matching(self, self.reach, filter, after))
    }

    fn hidden(&self, viewer: &Viewer, after: Seq) -> Result<Vec<Seq>> {
        let Some(mut sql) = self.hidden_rows("seq", viewer) else { return Ok(Vec::new()) };
        sql.push(" AND seq > ? ORDER BY seq", [boxed(after)]);
        self.explained(read_seqs(self, &sql))
    }

    fn expired(&self) -> Result<Arc<[Seq]>> {
        self.explained(self.read_expired())
    }

    fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Record>> {
        let rows = self.explained(self.read_list(filter, page))?;
        Ok(rows.into_iter().map(|(_, record)| record).collect())
    }

    fn past(&self, id: &RecordId) -> Result<Vec<PastVersion>> {
        self.explained(self.read_past(id))
    }

    fn history(&self, id: &RecordId, viewer: &Viewer) -> Result<Vec<Record>> {
        self.explained(self.read_history(id, viewer))
    }

    fn changes(&self, after: Option<Cursor>, limit: usize, viewer: &Viewer) -> Result<LogPage> {
        self.explained(self.read_changes(after, limit, viewer))
    }

    fn count(&self, filter: &Filter) -> Result<u64> {
        self.explained(self.count_passing(filter))
    }

    fn categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>> {
        self.explained(self.read_categories(filter))
    }

    fn scopes(&self, wanted: &Scopes, viewer: &Viewer) -> Result<Vec<Scope>> {
        self.explained(self.read_scopes(wanted, viewer))
    }

    fn scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
        self.explained(self.read_scope_info(scope, viewer))
    }

    fn each(&self, filter: &Filter, visit: &mut dyn FnMut(Result<Record>) -> Result<bool>) -> Result<()> {
        let rest = Rest::of(filter);
        let mut sql = self.live(COLUMNS, filter);
        sql.push(" ORDER BY seq", []);
        self.explained(sql.each(self, |row| {
            if !rest.passes(row, 9, 10)? {
                return Ok(true);
            }
            visit(record(row).map(|(_, record)| record).map_err(|error| self.explain(error)))
        }))
    }

    fn each_content(&self, after: Seq, visit: &mut dyn FnMut(Seq, &str) -> Result<bool>) -> Result<()> {
        let take = |row: &Row| visit(row.try_get(0)?, &row::content(row, 1));
        self.explained(self.each_row("seq, content", "", after, take))
    }

    fn each_vector(&self, after: Seq, visit: &mut dyn FnMut(Seq, Vec<f32>) -> Result<bool>) -> Result<()> {
        let take = |row: &Row| match row::vector(row, 1) {
            Some(vector) => visit(row.try_get(0)?, vector),
            None => Ok(true),
        };
        self.explained(self.each_row("seq, vector", " AND vector IS NOT NULL", after, take))
    }

    fn dimension(&self) -> Result<Option<usize>> {
        Ok(self.head.dimension())
    }

    fn embedder(&self) -> Result<Option<String>> {
        Ok(self.head.embedder.clone().filter(|_| self.head.vectors > 0))
    }

    fn without_vector(&self, after: Seq, limit: usize) -> Result<Vec<(Seq, String)>> {
        let filter = Filter::all();
        let mut sql = self.live("seq, content", &filter);
        let limit = encoding::limit(limit);
        sql.push(" AND vector IS NULL AND seq > ? ORDER BY seq LIMIT ?", [boxed(after), boxed(limit)]);
        let read = || self.run(&sql)?.iter().map(|row| Ok((row.try_get(0)?, row::content(row, 1)))).collect();
        self.explained(read())
    }

    fn count_without_vector(&self) -> Result<u64> {
        let filter = Filter::all();
        let mut sql = self.live("count(*)", &filter);
        sql.push(" AND vector IS NULL", []);
        self.explained(self.read_count(&sql))
    }

    fn totals(&self) -> Result<Totals> {
        self.explained(self.read_totals())
    }

    fn analyzer_version(&self) -> Result<u32> {
        Ok(u32::try_from(self.head.analyzer).unwrap_or_default())
    }

    fn newest(&self) -> Result<Position> {
        Ok(self.head.position())
    }

    fn era(&self) -> i64 {
        self.head.era
    }

    fn is_current(&self, position: Position) -> Result<bool> {
        let Position { seq, deletion, vectors, .. } = self.head.position();
        let reaches = position.seq >= seq && position.deletion >= deletion && position.vectors >= vectors;
        Ok(reaches && self.head.continues(position))
    }

    fn feed(&self, from: Position, limit: usize, known: Option<Known<'_>>) -> Result<Option<Feed>> {
        self.explained(feed::since(self, from, limit, known))
    }

    fn manifest(&self) -> Result<Vec<IndexFile>> {
        if self.head.seq < i64::from(segments::RECORDS) {
            return Ok(Vec::new());
        }
        let read = || segments::read(&mut self.connection.borrow_mut(), self.space());
        self.explained(read())
    }

    fn full_text(&self) -> Option<&dyn FullText> {
        None
    }

    fn problems(&self) -> Result<Vec<String>> {
        self.explained(self.read_problems())
    }

    fn damaged_records(&self) -> Result<Vec<String>> {
        let (mut problems, mut read) = (Vec::new(), 0u64);
        let outcome = self.each_row(COLUMNS, "", 0, |row| {
            if let Err(error) = record(row) {
                let seq: Seq = row.try_get(0)?;
                problems.push(format!("record number {seq}: {}", unexplained_message(&error)));
            }
            read += 1;
            if read.is_multiple_of(AT_ONCE as u64) && interrupt::requested() {
                return Err(Error::Interrupted { done: 0 });
            }
            Ok(true)
        });
        self.explained(outcome.map(|()| problems))
    }
}
