//! Searches: one attempt is made on a snapshot, and repeated when the store changed meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::retriever::{DiskRetriever, MemoryRetriever};
use super::scope_index::{MOST_RECORDS, ScopeIndexes};
use super::search_error::SearchError;
use super::shared_index::SharedIndex;
use super::space::Space;
use super::{Store, filter_cache, modes, parallel};
use crate::backend::Snapshot;
use crate::error::{Error, Result};
use crate::index::{Damaged, Listing};
use crate::rank::{Scored, Statistics};
use crate::record::{Filter, Hit, Query, Seq, check_vector};

/// A search is tried so many times while others write.
const ATTEMPTS: usize = 50;

/// What is special about one of several attempts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attempt {
    /// The index was brought up to date just before, so that without a filter it may lack what came since.
    caught_up: bool,
    /// It is the last one, so that hits which were deleted meanwhile may be left out.
    last: bool,
}

impl Store {
    /// The best records for a query, best first; of equal scores the one written last comes first.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`]; [`Error::EmbedderMismatch`]; [`Error::InvalidFilter`]; [`Error::Closed`];
    /// [`Error::Busy`]; [`Error::Corrupt`].
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        self.check_open()?;
        check(query)?;
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let mut through = Query { limit: query.limit.saturating_add(query.offset), ..query.clone() };
        through.filter.scope.take_if(|scope| self.holds_whole_spaces(scope));
        match &self.searched(&query.filter)?[..] {
            [space] => space.search(&through),
            spaces => search_several(spaces, &through),
        }
    }

    /// [`Store::search`] for each query, on all cores.
    ///
    /// # Errors
    /// The first error of any.
    pub fn search_many(&self, queries: &[Query]) -> Result<Vec<Vec<Hit>>> {
        parallel::map(queries.len(), 1, |i| self.search(&queries[i])).into_iter().collect()
    }
}

/// The best records of several spaces. Their scores are compared, although each space has statistics of its own.
fn search_several(spaces: &[Arc<Space>], query: &Query) -> Result<Vec<Hit>> {
    let each = Query { limit: query.limit, offset: 0, ..query.clone() };
    let mut hits = Vec::new();
    for space in spaces {
        hits.extend(space.search(&each)?);
    }
    hits.sort_by(|one, other| other.score.total_cmp(&one.score));
    hits.truncate(query.limit);
    hits.drain(..query.offset.min(hits.len()));
    Ok(hits)
}

impl Space {
    /// The hits of a query from its offset to its limit, which counts from the first hit.
    fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        let start = Instant::now();
        let hits = retry(|attempt| self.attempt(query, attempt), |ended| self.prepare_again(ended))?;
        self.note_if_slow(query, start.elapsed());
        Ok(hits)
    }

    fn attempt(&self, query: &Query, attempt: Attempt) -> Result<Vec<Hit>, SearchError> {
        let snapshot = self.backend.snapshot()?;
        let found = match &self.index {
            Some(index) => in_memory(index.shared(), &*snapshot, &query.filter, attempt, |retriever| {
                modes::search(retriever, query)
            })?,
            None => {
                on_disk(&self.scopes, &*snapshot, &query.filter, |retriever| modes::search(retriever, query))?
            }
        };
        read_hits(&*snapshot, found, query.offset, attempt)
    }

    /// Mends what ended an attempt.
    pub(super) fn prepare_again(&self, ended: SearchError) -> Result<()> {
        match (ended, &self.index) {
            (SearchError::Failed(error), _) => Err(error),
            (SearchError::Damaged(damaged), Some(index)) => index.repair(damaged),
            _ => self.catch_up(),
        }
    }

    fn note_if_slow(&self, query: &Query, took: Duration) {
        const SLOW: Duration = Duration::from_millis(500);
        if took > SLOW {
            self.backend.counters().slow_searches.add(1);
            log::warn!(
                "a search for {} bytes of text in {:?} took {took:.1?}",
                query.text.len(),
                self.backend.path()
            );
        }
    }
}

pub(super) fn check(query: &Query) -> Result<()> {
    query.blend.check()?;
    match &query.vector {
        Some(vector) => check_vector(vector).map_err(|error| match error {
            Error::InvalidRecord(why) => Error::InvalidFilter(format!("vector: {why}")),
            other => other,
        }),
        None => Ok(()),
    }
}

/// Makes attempts until one succeeds. `prepare` is called between them with what ended the attempt before.
pub(super) fn retry<T>(
    mut attempt: impl FnMut(Attempt) -> Result<T, SearchError>,
    mut prepare: impl FnMut(SearchError) -> Result<()>,
) -> Result<T> {
    let start = Instant::now();
    for number in 1..=ATTEMPTS {
        match attempt(Attempt { caught_up: number > 1, last: number == ATTEMPTS }) {
            Ok(found) => return Ok(found),
            Err(ended) => prepare(ended)?,
        }
    }
    Err(Error::Busy { what: "the change feed", waited: start.elapsed() })
}

/// Calls `ask` with the index in memory, seen through a filter, if it fits the snapshot.
pub(super) fn in_memory<T>(
    shared: &SharedIndex,
    snapshot: &dyn Snapshot,
    filter: &Filter,
    attempt: Attempt,
    ask: impl FnOnce(&MemoryRetriever<'_>) -> Result<T, SearchError>,
) -> Result<T, SearchError> {
    let (position, records) = {
        let index = shared.index.read();
        (index.position(), index.collection().records)
    };
    // The index may lack some records of the snapshot only if no filter depends on them.
    let may_lack = attempt.caught_up && !filter.narrows();
    if !snapshot.is_current(position)? && !may_lack {
        return Err(SearchError::Outdated);
    }
    let population = filter.population();
    let visible = shared.filters.allowed(snapshot, &population, position.seq)?;
    let passing = match &visible {
        visible if *filter == population => visible.clone(),
        _ => shared.filters.allowed(snapshot, filter, position.seq)?,
    };
    let allowed = filter_cache::unexpired(snapshot, passing)?;
    // An index over most of the store would be no quicker than that of the store.
    let own = match visible.as_ref().map(|visible| visible.listing()) {
        Some(Listing::Only(seqs)) if seqs.len() <= MOST_RECORDS && seqs.len() as u64 <= records / 2 => {
            shared.scopes.get(snapshot, &population, seqs, position)?
        }
        _ => None,
    };
    let index = shared.index.read();
    if index.position().seq > position.seq || index.position().era != position.era {
        // The filter does not cover the records that came since, or is that of what a failover lost.
        return Err(SearchError::Outdated);
    }
    let own = own.as_ref().map(|own| own.read());
    let among = match &visible {
        Some(visible) if own.is_none() => Some(index.among(visible)?),
        _ => None,
    };
    let statistics: &dyn Statistics<Error = Damaged> = match (&own, &among) {
        (Some(own), _) => &**own,
        (None, Some(among)) => among,
        (None, None) => &*index,
    };
    let all_pass = matches!((&allowed, &visible), (Some(a), Some(b)) if Arc::ptr_eq(a, b));
    let (index, allowed) = (&*index, allowed.as_deref());
    let own = own.as_ref().map(|own| (&**own, allowed.filter(|_| !all_pass)));
    let visible = visible.as_deref();
    ask(&MemoryRetriever { index, statistics, own, texts: &shared.texts, visible, allowed, snapshot })
}

/// Calls `ask` with the full-text table, seen through a filter.
pub(super) fn on_disk<T>(
    scopes: &ScopeIndexes,
    snapshot: &dyn Snapshot,
    filter: &Filter,
    ask: impl FnOnce(&DiskRetriever<'_>) -> Result<T, SearchError>,
) -> Result<T, SearchError> {
    let population = filter.population();
    let visible = filter_cache::allowed(snapshot, &population)?;
    let passing = match &visible {
        visible if *filter == population => visible.clone(),
        _ => filter_cache::allowed(snapshot, filter)?,
    };
    let allowed = filter_cache::unexpired(snapshot, passing)?;
    let own = match visible.as_ref().map(|visible| visible.listing()) {
        Some(Listing::Only(seqs)) if seqs.len() <= MOST_RECORDS => {
            scopes.get(snapshot, &population, seqs, snapshot.newest()?)?
        }
        _ => None,
    };
    let own = own.as_ref().map(|own| own.read());
    ask(&DiskRetriever::new(snapshot, own.as_deref(), visible, allowed)?)
}

fn read_hits(
    snapshot: &dyn Snapshot,
    mut found: Vec<Scored>,
    offset: usize,
    attempt: Attempt,
) -> Result<Vec<Hit>, SearchError> {
    found.drain(..offset.min(found.len()));
    let seqs: Vec<Seq> = found.iter().map(|found| found.seq).collect();
    let records = snapshot.by_seqs(&seqs)?;
    if records.len() < found.len() && !attempt.last {
        return Err(SearchError::Outdated);
    }
    let mut records = records.into_iter().peekable();
    let hit = |found: Scored| {
        let (_, record) = records.next_if(|(seq, _)| *seq == found.seq)?;
        Some(Hit { record, score: found.score, explain: found.explain, passage: found.passage })
    };
    Ok(found.into_iter().filter_map(hit).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::record::{Mode, Record};
    use crate::store::{IndexMode, OnConflict, Options};

    #[test]
    fn a_search_gives_up_with_an_error_and_never_with_nothing() {
        let mut attempts = 0;
        let outcome: Result<()> = retry(
            |attempt| {
                attempts += 1;
                assert_eq!((attempt.caught_up, attempt.last), (attempts > 1, attempts == ATTEMPTS));
                Err(SearchError::Outdated)
            },
            |_| Ok(()),
        );
        assert!(matches!(outcome, Err(Error::Busy { .. })));
        assert_eq!(attempts, ATTEMPTS);
    }

    /// A store without an index in memory, and a connection to its file beside it.
    fn on_disk(folder: &tempfile::TempDir) -> (Store, rusqlite::Connection) {
        let options = Options::new(folder.path().join("memory.db"));
        let store = Store::open(Options { index: IndexMode::Disk, ..options.clone() }).unwrap();
        store.add(vec![Record::new("red car")], OnConflict::Fail).unwrap();
        (store, rusqlite::Connection::open(options.path).unwrap())
    }

    #[test]
    fn a_database_error_is_no_empty_answer() {
        let folder = tempfile::TempDir::new().unwrap();
        let (store, conn) = on_disk(&folder);
        conn.execute_batch("DROP TABLE records_fts_terms").unwrap();
        for mode in [Mode::Hybrid, Mode::Bm25, Mode::Tfidf] {
            let query = Query { mode, ..Query::new("car", 10) };
            assert!(matches!(store.search(&query), Err(Error::Corrupt { .. })), "{mode:?}");
        }
    }

    #[test]
    fn an_index_behind_the_filter_is_no_answer() {
        let folder = tempfile::TempDir::new().unwrap();
        let options = Options::new(folder.path().join("memory.db"));
        let store = Store::open(options.clone()).unwrap();
        // A store without this index writes as another process would.
        let other = Store::open(Options { index: IndexMode::Disk, ..options }).unwrap();
        let record = Record { categories: vec!["red".into()], ..Record::new("red car") };
        other.add(vec![record], OnConflict::Fail).unwrap();
        let filter = Filter { categories: vec!["red".into()], ..Filter::all() };
        let query = Query { filter, ..Query::new("car", 10) };
        for (caught_up, last) in [(false, false), (true, false), (true, true)] {
            let outcome = store.space("/").unwrap().attempt(&query, Attempt { caught_up, last });
            assert!(matches!(outcome, Err(SearchError::Outdated)));
        }
        let unfiltered = Query::new("car", 10);
        let space = store.space("/").unwrap();
        let attempt = |caught_up| space.attempt(&unfiltered, Attempt { caught_up, last: false });
        assert!(matches!(attempt(false), Err(SearchError::Outdated)));
        assert_eq!(attempt(true).unwrap(), []);
        assert_eq!(store.search(&query).unwrap().len(), 1);
        assert_eq!(attempt(false).unwrap().len(), 1);
    }
}
