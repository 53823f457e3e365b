//! [`Snapshot`] of an SQLite file: a reader of the pool with an open transaction.

use std::sync::Arc;

use super::interruptible::Interruptible;
use super::sqlite_error;
use super::view::View;
use super::{
    change_log, changes, embeddings, facets, fts, history, maintenance, meta, records, segments, selection,
};
use crate::backend::budget::Budget;
use crate::backend::change_log::{Cursor, LogPage};
use crate::backend::feed::{Feed, Known, Position};
use crate::backend::manifest::IndexFile;
use crate::backend::snapshot::{FullText, PastVersion, Prior, ScopeInfo, Snapshot, Totals};
use crate::error::Result;
use crate::record::{Filter, Page, Record, RecordId, Scope, Scopes, Seq, Viewer};

impl Snapshot for View<'_> {
    fn by_ids(
        &self,
        ids: &[RecordId],
        scope: Option<&Scope>,
        viewer: &Viewer,
    ) -> Result<Vec<Option<Record>>> {
        self.explained(records::by_ids(&self.reader, ids, scope, viewer, self.now))
    }

    fn by_seqs(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Record)>> {
        self.explained(
            self.version()
                .and_then(|version| records::by_seqs(&self.reader, seqs, self.reader.may_expire(version))),
        )
    }

    fn contents(&self, seqs: &[Seq], budget: Budget) -> Result<Vec<(Seq, String)>> {
        self.explained(records::contents(&self.reader, seqs, budget))
    }

    fn vectors(&self, seqs: &[Seq]) -> Result<Vec<(Seq, Vec<f32>)>> {
        self.explained(embeddings::vectors(&self.reader, seqs))
    }

    fn priors(&self, seqs: &[Seq]) -> Result<Vec<Prior>> {
        self.explained(records::priors(&self.reader, seqs))
    }

    fn neighbours(&self, seqs: &[Seq], viewer: &Viewer) -> Result<Vec<[Option<Seq>; 2]>> {
        self.explained(records::neighbours(&self.reader, seqs, viewer))
    }

    fn seqs_matching(&self, filter: &Filter, after: Seq) -> Result<Vec<Seq>> {
        self.explained(selection::seqs_matching(&self.reader, filter, after))
    }

    fn hidden(&self, viewer: &Viewer, after: Seq) -> Result<Vec<Seq>> {
        self.explained(selection::hidden(&self.reader, viewer, after))
    }

    fn expired(&self) -> Result<Arc<[Seq]>> {
        self.explained(self.version().and_then(|version| self.reader.expired(version, self.now)))
    }

    fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Record>> {
        let rows = self.explained(selection::select(&self.reader, filter, page, self.now))?;
        Ok(rows.into_iter().map(|(_, record)| record).collect())
    }

    fn history(&self, id: &RecordId, viewer: &Viewer) -> Result<Vec<Record>> {
        self.explained(history::visible(&self.reader, id, viewer, self.now))
    }

    fn past(&self, id: &RecordId) -> Result<Vec<PastVersion>> {
        self.explained(history::of(&self.reader, id))
    }

    fn changes(&self, after: Option<Cursor>, limit: usize, viewer: &Viewer) -> Result<LogPage> {
        self.explained(change_log::since(&self.reader, after, limit, viewer, self.now))
    }

    fn count(&self, filter: &Filter) -> Result<u64> {
        self.explained(facets::count(&self.reader, filter, self.now))
    }

    fn categories(&self, filter: &Filter) -> Result<Vec<(String, u64)>> {
        self.explained(facets::categories(&self.reader, filter, self.now))
    }

    fn scopes(&self, wanted: &Scopes, viewer: &Viewer) -> Result<Vec<Scope>> {
        self.explained(facets::scopes(&self.reader, wanted, viewer, self.now))
    }

    fn scope_info(&self, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
        self.explained(facets::scope_info(&self.reader, scope, viewer, self.now))
    }

    fn each(&self, filter: &Filter, visit: &mut dyn FnMut(Result<Record>) -> Result<bool>) -> Result<()> {
        let explain = |error| sqlite_error::explain(error, self.pool.path(), self.pool.timeout());
        self.explained(records::each(&self.reader, filter, self.now, |record| visit(record.map_err(explain))))
    }

    fn each_content(&self, after: Seq, visit: &mut dyn FnMut(Seq, &str) -> Result<bool>) -> Result<()> {
        self.explained(records::each_content(&self.reader, after, visit))
    }

    fn each_vector(&self, after: Seq, visit: &mut dyn FnMut(Seq, Vec<f32>) -> Result<bool>) -> Result<()> {
        self.explained(embeddings::each_vector(&self.reader, after, visit))
    }

    fn dimension(&self) -> Result<Option<usize>> {
        self.explained(embeddings::dimension(&self.reader))
    }

    fn embedder(&self) -> Result<Option<String>> {
        self.explained(embeddings::embedder(&self.reader))
    }

    fn without_vector(&self, after: Seq, limit: usize) -> Result<Vec<(Seq, String)>> {
        self.explained(embeddings::missing(&self.reader, after, limit, self.now))
    }

    fn count_without_vector(&self) -> Result<u64> {
        self.explained(embeddings::missing_count(&self.reader, self.now))
    }

    fn totals(&self) -> Result<Totals> {
        self.explained(meta::totals(&self.reader))
    }

    fn analyzer_version(&self) -> Result<u32> {
        let version = self.explained(meta::get(&self.reader, meta::ANALYZER_VERSION))?;
        Ok(version.unwrap_or_default())
    }

    fn newest(&self) -> Result<Position> {
        self.explained(changes::newest(&self.reader))
    }

    fn is_current(&self, position: Position) -> Result<bool> {
        self.explained(self.version().and_then(|version| self.reader.is_current(version, position)))
    }

    fn feed(&self, from: Position, limit: usize, known: Option<Known<'_>>) -> Result<Option<Feed>> {
        self.explained(changes::since(&self.reader, from, limit, known.unwrap_or(&|_| false)))
    }

    fn manifest(&self) -> Result<Vec<IndexFile>> {
        self.explained(segments::read(&self.reader))
    }

    fn full_text(&self) -> Option<&dyn FullText> {
        Some(self)
    }

    fn problems(&self) -> Result<Vec<String>> {
        let _interruptible = Interruptible::new(&self.reader)?;
        self.explained(maintenance::problems(&self.reader))
    }

    fn damaged_records(&self) -> Result<Vec<String>> {
        let _interruptible = Interruptible::new(&self.reader)?;
        self.explained(records::problems(&self.reader))
    }
}

impl FullText for View<'_> {
    fn records_with(&self, term: &str) -> Result<Vec<Seq>> {
        self.explained(fts::rows_with_term(&self.reader, term))
    }

    fn document_frequency(&self, term: &str) -> Result<u64> {
        self.explained(fts::document_frequency(&self.reader, term))
    }

    fn terms_with(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<()> {
        self.explained(fts::terms_with(&self.reader, prefix, visit))
    }

    fn vocabulary(&self) -> Result<Vec<(String, u64)>> {
        let _interruptible = Interruptible::new(&self.reader)?;
        self.explained(fts::vocabulary(&self.reader))
    }
}
