//! Queries: retrieve, rank, read the records.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::disk::OnDisk;
use super::index_handle::IndexHandle;
use super::text_cache::TextCache;
use super::{Store, parallel};
use crate::backend::sqlite::records;
use crate::error::{Error, Result};
use crate::index::vector::Nearest;
use crate::index::{Allowed, Damaged, Index, Scoring};
use crate::rank::bm25::{self, Bm25Query, Collection};
use crate::rank::cosine::CosineQuery;
use crate::rank::dialogue::{self, Heard, Turn};
use crate::rank::hybrid::{Candidate, Plan, Ranked};
use crate::rank::recipe::{CANDIDATES, TEXT_BYTES};
use crate::rank::{Statistics, Texts, WeightedTerm};
use crate::record::{Hit, Mode, Query, Record, Seq, check_vector, now};

/// Candidates for an exact cosine, whose first stage knows norms without idf alone.
const COSINE_CANDIDATES: usize = 200;
/// Of a conversation's records no more are read; the labels of the others do not count.
const CONVERSATION_BYTES: usize = 4 * TEXT_BYTES;
/// So many of the most relevant records at least are ordered anew where recency, importance or vectors count too: the best
/// hits are the same whatever the limit.
const MIXED: usize = 200;
/// Rank fusion's constant (Cormack, Clarke and Büttcher 2009).
const RRF_K: f64 = 60.0;
/// A search starts again when records vanish under it, or the index is behind what a filter saw, at most so often.
const ATTEMPTS: usize = 50;

/// What the first stage asks: the index in memory or the full-text table.
pub(super) trait Retriever: Statistics<Error: From<Error>> {
    /// The best `k` records for `terms`, best first.
    fn top(&self, terms: &[WeightedTerm], k: usize, scoring: Scoring)
    -> Result<Vec<(Seq, f32)>, Self::Error>;
    /// Does the filter let this record be found?
    fn allows(&self, seq: Seq) -> bool;
    /// Lends `work` texts of these records, within a budget, as [`super::text_cache::TextCache::lend`].
    fn lend<T>(
        &self,
        seqs: &[Seq],
        budget: usize,
        work: impl FnOnce(&Texts, &[Seq]) -> T,
    ) -> Result<Option<T>, Self::Error>;
    /// The nearest `k` records by cosine of vectors, best first.
    fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<(Seq, f32)>, Self::Error>;
}

/// A record on its way to becoming a hit.
#[derive(Debug, Clone)]
struct Found {
    seq: Seq,
    score: f64,
    explain: Vec<(&'static str, f64)>,
}

impl Store {
    /// The best records for a query, best first; of equal scores the one written last comes first.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] for [`Mode::Vector`] without a vector; [`Error::DimensionMismatch`]; [`Error::Closed`];
    /// [`Error::Busy`]; [`Error::Corrupt`].
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        self.check_open()?;
        check(query)?;
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let start = Instant::now();
        let mut caught_up = false;
        let hits = until_found(|last| {
            let found = self.attempt(query, caught_up, last)?;
            if found.is_none() {
                self.catch_up()?;
                caught_up = true;
            }
            Ok(found)
        })?;
        self.log_if_slow(query, start.elapsed());
        Ok(hits)
    }

    /// [`Store::search`] for each query, on all cores.
    ///
    /// # Errors
    /// The first error of any.
    pub fn search_many(&self, queries: &[Query]) -> Result<Vec<Vec<Hit>>> {
        parallel::map(queries.len(), 1, |i| self.search(&queries[i])).into_iter().collect()
    }

    fn log_if_slow(&self, query: &Query, took: Duration) {
        const SLOW: Duration = Duration::from_millis(500);
        if took > SLOW {
            self.pool.counters().slow_searches.add(1);
            log::warn!("a search of {} characters in {:?} took {took:.1?}", query.text.len(), self.path());
        }
    }

    /// `None` when the index is behind what a reader sees, unless it has just `caught_up` and no filter saw more; or when
    /// records vanished between retrieval and reading, which may be left out if that is `tolerated`.
    fn attempt(&self, query: &Query, caught_up: bool, tolerated: bool) -> Result<Option<Vec<Hit>>> {
        self.pool.read_by(|reader| {
            let found = match &self.index {
                Some(index) => {
                    let position = index.shared().state.read().index.position();
                    if !reader.is_current(position)? && (query.filter.narrows() || !caught_up) {
                        // What the filter selects would not be in the index yet, nor what was there in its place.
                        return Ok(None);
                    }
                    in_memory(index, reader, query, position.seq)?
                }
                None => retrieve(&OnDisk::new(reader, &query.filter)?, reader, query)?,
            };
            let Some(found) = found else { return Ok(None) };
            let wanted = found.len();
            let hits = read_hits(reader, found)?;
            Ok((tolerated || hits.len() == wanted).then_some(hits))
        })
    }
}

/// What `attempt` finds; it is told when it is the last one.
fn until_found<T>(mut attempt: impl FnMut(bool) -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    for left in (0..ATTEMPTS).rev() {
        if let Some(found) = attempt(left == 0)? {
            return Ok(found);
        }
    }
    Err(Error::Busy { what: "the change feed", waited: start.elapsed() })
}

fn check(query: &Query) -> Result<()> {
    query.blend.check()?;
    match &query.vector {
        Some(vector) => check_vector(vector).map_err(|error| match error {
            Error::InvalidRecord(why) => Error::InvalidFilter(format!("vector: {why}")),
            other => other,
        }),
        None if query.mode == Mode::Vector => {
            Err(Error::InvalidFilter("mode \"vector\" needs vector=..., or a store with an embedder".into()))
        }
        None => Ok(()),
    }
}

fn in_memory(
    index: &IndexHandle,
    conn: &Connection,
    query: &Query,
    newest: Seq,
) -> Result<Option<Vec<Found>>> {
    let shared = index.shared();
    let allowed = shared.filters.select(conn, &query.filter, newest)?;
    let state = shared.state.read();
    if state.index.position().seq > newest {
        // The filter does not know the records that came since.
        return Ok(None);
    }
    let (allowed, library) = (allowed.as_deref(), &shared.texts);
    let found = retrieve(&InMemory { index: &state.index, allowed, library, conn }, conn, query);
    drop(state);
    match found {
        Ok(found) => Ok(found),
        Err(InMemoryError::Other(error)) => Err(error),
        Err(InMemoryError::Damaged(damaged)) => {
            index.repair(damaged)?;
            Ok(None)
        }
    }
}

/// Why the index in memory gives no answer.
#[derive(Debug)]
enum InMemoryError {
    /// A file of the index is damaged: the index has to be repaired.
    Damaged(Damaged),
    /// Anything else, which the caller of the search gets.
    Other(Error),
}

impl From<Damaged> for InMemoryError {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

impl From<Error> for InMemoryError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// The index in memory, seen through a filter.
struct InMemory<'a> {
    index: &'a Index,
    allowed: Option<&'a Allowed>,
    library: &'a TextCache,
    conn: &'a Connection,
}

impl Statistics for InMemory<'_> {
    type Error = InMemoryError;

    fn collection(&self) -> Collection {
        self.index.collection()
    }

    fn document_frequency(&self, term: &str) -> Result<u64, InMemoryError> {
        Ok(self.index.document_frequency(term)?)
    }

    fn document_frequencies(&self, terms: &[&str]) -> Result<Vec<u64>, InMemoryError> {
        Ok(self.index.document_frequencies(terms)?)
    }

    fn terms_with(&self, prefixes: &[&str], visit: &mut dyn FnMut(&str)) -> Result<(), InMemoryError> {
        Ok(self.index.terms_with(prefixes, visit)?)
    }

    fn generation(&self) -> u32 {
        self.index.generation()
    }
}

impl Retriever for InMemory<'_> {
    fn top(
        &self,
        terms: &[WeightedTerm],
        k: usize,
        scoring: Scoring,
    ) -> Result<Vec<(Seq, f32)>, InMemoryError> {
        Ok(self.index.top(terms, k, scoring, self.allowed)?)
    }

    fn allows(&self, seq: Seq) -> bool {
        self.allowed.is_none_or(|allowed| allowed.holds(seq))
    }

    fn lend<T>(
        &self,
        seqs: &[Seq],
        budget: usize,
        work: impl FnOnce(&Texts, &[Seq]) -> T,
    ) -> Result<Option<T>, InMemoryError> {
        Ok(self.library.lend(self.conn, seqs, budget, work)?)
    }

    fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<(Seq, f32)>, InMemoryError> {
        records::check_dimension(self.conn, vector.len())?;
        let mut nearest = Nearest::new(vector, k);
        let candidates = self.index.near(vector, k, self.allowed)?;
        records::vectors(self.conn, &candidates)?.iter().for_each(|(seq, vector)| nearest.show(*seq, vector));
        Ok(nearest.into_sorted())
    }
}

/// What answers a query, best first, cut to its limit. `None`: records vanished meanwhile.
fn retrieve<R: Retriever>(
    retriever: &R,
    conn: &Connection,
    query: &Query,
) -> Result<Option<Vec<Found>>, R::Error> {
    let found = match query.mode {
        Mode::Bm25 => Some(bm25(retriever, query)?),
        Mode::Tfidf => tfidf(retriever, query)?,
        Mode::Vector => Some(vector(retriever, query, taking_part(query))?),
        Mode::Hybrid => hybrid(retriever, conn, query)?,
    };
    let Some(mut found) = found else { return Ok(None) };
    if !query.blend.is_relevance() {
        found = blended(conn, found, query)?;
    }
    found.truncate(query.limit);
    found.retain(|one| one.score >= query.min_score);
    Ok(Some(found))
}

/// How many of the most relevant records take part: as many as are wanted, or more if they will be ordered anew.
fn taking_part(query: &Query) -> usize {
    let fused = query.mode == Mode::Hybrid && query.vector.is_some();
    if query.blend.is_relevance() && !fused { query.limit } else { query.limit.max(MIXED) }
}

/// Orders anew by relevance, recency and importance together; records that vanished are left out.
fn blended(conn: &Connection, found: Vec<Found>, query: &Query) -> Result<Vec<Found>> {
    let now = now();
    let seqs: Vec<Seq> = found.iter().map(|found| found.seq).collect();
    let records: HashMap<Seq, Record> = records::by_seqs(conn, &seqs)?.into_iter().collect();
    let blend = |mut found: Found| {
        let relevance = found.score;
        found.score = query.blend.of(relevance, records.get(&found.seq)?, now);
        found.explain.push(("relevance", relevance));
        Some(found)
    };
    let mut found: Vec<Found> = found.into_iter().filter_map(blend).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.seq.cmp(&a.seq)));
    Ok(found)
}

fn bm25<R: Retriever>(retriever: &R, query: &Query) -> Result<Vec<Found>, R::Error> {
    let terms = Bm25Query::new(&query.text).terms(retriever)?;
    let maximum = bm25::maximum(&terms);
    let top = retriever.top(&terms, taking_part(query), Scoring::Bm25)?;
    let found = |(seq, score): (Seq, f32)| Found {
        seq,
        score: bm25::relevance(score, maximum),
        explain: vec![("bm25", f64::from(score))],
    };
    Ok(top.into_iter().map(found).collect())
}

fn tfidf<R: Retriever>(retriever: &R, query: &Query) -> Result<Option<Vec<Found>>, R::Error> {
    let cosine = CosineQuery::new(&query.text, retriever)?;
    let k = query.limit.saturating_mul(2).max(COSINE_CANDIDATES);
    let top = seqs(&retriever.top(&cosine.terms(), k, Scoring::Cosine)?);
    let mut found = Vec::with_capacity(top.len());
    for part in top.chunks(COSINE_CANDIDATES) {
        let compare = |texts: &Texts, seqs: &[Seq]| cosine.scores(texts, seqs, retriever);
        let Some(scores) = retriever.lend(part, usize::MAX, compare)?.transpose()? else { return Ok(None) };
        found.extend(part.iter().zip(scores).map(|(&seq, score)| Found {
            seq,
            score,
            explain: vec![("tfidf", score)],
        }));
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.seq.cmp(&a.seq)));
    Ok(Some(found))
}

fn seqs(top: &[(Seq, f32)]) -> Vec<Seq> {
    top.iter().map(|&(seq, _)| seq).collect()
}

fn vector<R: Retriever>(retriever: &R, query: &Query, k: usize) -> Result<Vec<Found>, R::Error> {
    let Some(vector) = &query.vector else { return Ok(Vec::new()) };
    let found = |(seq, cosine): (Seq, f32)| {
        let cosine = f64::from(cosine);
        Found { seq, score: cosine.clamp(0.0, 1.0), explain: vec![("vector", cosine)] }
    };
    Ok(retriever.nearest(vector, k)?.into_iter().map(found).collect())
}

fn hybrid<R: Retriever>(
    retriever: &R,
    conn: &Connection,
    query: &Query,
) -> Result<Option<Vec<Found>>, R::Error> {
    let Some(lexical) = lexical(retriever, conn, query)? else { return Ok(None) };
    if query.vector.is_none() {
        return Ok(Some(lexical));
    }
    let near = vector(retriever, query, taking_part(query).max(CANDIDATES))?;
    Ok(Some(fuse(lexical, near)))
}

/// BM25, and the best of it ranked again.
fn lexical<R: Retriever>(
    retriever: &R,
    conn: &Connection,
    query: &Query,
) -> Result<Option<Vec<Found>>, R::Error> {
    let plan = Plan::new(&query.text, retriever)?;
    let top = retriever.top(&plan.terms(), taking_part(query).max(CANDIDATES), Scoring::Bm25)?;
    let best = seqs(&top[..top.len().min(CANDIDATES)]);
    let rank = |texts: &Texts, seqs: &[Seq]| {
        let candidates: Vec<Candidate> =
            top.iter().zip(seqs).map(|(&(seq, bm25), _)| Candidate { seq, bm25 }).collect();
        plan.rank(&candidates, texts, retriever)
    };
    let Some(ranked) = retriever.lend(&best, TEXT_BYTES, rank)?.transpose()? else { return Ok(None) };
    let (ranked_again, rest) = top.split_at(ranked.len());
    let mut found: Vec<Found> = if query.dialogue {
        let Some(heard) = in_conversation(retriever, conn, &plan, &ranked)? else { return Ok(None) };
        heard
    } else {
        let found = |ranked: &Ranked| Found {
            seq: ranked.seq,
            score: ranked.score,
            explain: ranked.explain.to_vec(),
        };
        // Without another order to come, no more are needed.
        let last = query.vector.is_none() && query.blend.is_relevance();
        ranked.iter().take(if last { query.limit } else { ranked.len() }).map(found).collect()
    };
    if found.len() < ranked.len() {
        return Ok(Some(found));
    }
    let rest = rest.iter().filter(|(seq, _)| !query.dialogue || found.iter().all(|found| found.seq != *seq));
    // What was not ranked again goes on below the last score, in proportion to its BM25.
    let last = found.last().map_or(0.0, |found| found.score);
    let least = ranked_again.last().map_or(f32::INFINITY, |&(_, bm25)| bm25);
    let rest: Vec<Found> = rest
        .map(|&(seq, bm25)| {
            let share = f64::from(bm25 / least).clamp(0.0, 1.0);
            Found { seq, score: last * share, explain: vec![("bm25", f64::from(bm25))] }
        })
        .collect();
    found.extend(rest);
    Ok(Some(found))
}

/// Ranks the candidates once more, together with the records around them.
fn in_conversation<R: Retriever>(
    retriever: &R,
    conn: &Connection,
    plan: &Plan,
    ranked: &[Ranked],
) -> Result<Option<Vec<Found>>, R::Error> {
    let candidates: HashMap<Seq, &Ranked> = ranked.iter().map(|one| (one.seq, one)).collect();
    let turn = |seq: Seq| {
        let (order, evidence) = candidates.get(&seq).map_or((0.0, 0.0), |one| (one.order, one.evidence));
        Ok(Turn { seq, neighbours: records::neighbours(conn, seq)?, order, evidence })
    };
    let mut turns = ranked.iter().map(|one| turn(one.seq)).collect::<Result<Vec<Turn>>>()?;
    let mut around: Vec<Seq> = turns.iter().flat_map(|turn| turn.neighbours).flatten().collect();
    around.retain(|seq| !candidates.contains_key(seq) && retriever.allows(*seq));
    around.sort_unstable();
    around.dedup();
    for seq in around {
        turns.push(turn(seq)?);
    }
    let all: Vec<Seq> = turns.iter().map(|turn| turn.seq).collect();
    let listen = |texts: &Texts, _: &[Seq]| dialogue::rank(plan, texts, &turns);
    let Some(heard) = retriever.lend(&all, CONVERSATION_BYTES, listen)? else { return Ok(None) };
    let found = |heard: Heard| {
        let seq = turns[heard.turn].seq;
        let mut explain = candidates.get(&seq).map_or_else(Vec::new, |one| one.explain.to_vec());
        explain.push(("dialogue", heard.gained));
        Found { seq, score: heard.score, explain }
    };
    Ok(Some(heard.into_iter().map(found).collect()))
}

/// Reciprocal rank fusion of two lists; a hit's score is the better of its two, made to fall down the list.
fn fuse(lexical: Vec<Found>, near: Vec<Found>) -> Vec<Found> {
    let mut fused: HashMap<Seq, (f64, Found)> = HashMap::new();
    for list in [lexical, near] {
        for (rank, found) in list.into_iter().enumerate() {
            let share = 1.0 / (RRF_K + 1.0 + rank as f64);
            match fused.get_mut(&found.seq) {
                Some((sum, held)) => {
                    *sum += share;
                    held.score = held.score.max(found.score);
                    held.explain.extend(found.explain);
                }
                None => drop(fused.insert(found.seq, (share, found))),
            }
        }
    }
    let mut fused: Vec<(f64, Found)> = fused.into_values().collect();
    fused.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(y.seq.cmp(&x.seq)));
    let mut ceiling = 1.0f64;
    fused
        .into_iter()
        .map(|(sum, mut found)| {
            ceiling = ceiling.min(found.score);
            found.score = ceiling;
            found.explain.push(("rrf", sum));
            found
        })
        .collect()
}

fn read_hits(conn: &Connection, found: Vec<Found>) -> Result<Vec<Hit>> {
    let seqs: Vec<Seq> = found.iter().map(|found| found.seq).collect();
    let mut records = records::by_seqs(conn, &seqs)?.into_iter().peekable();
    let mut hits = Vec::with_capacity(found.len());
    for found in found {
        if let Some((_, record)) = records.next_if(|(seq, _): &(Seq, Record)| *seq == found.seq) {
            hits.push(Hit { record, score: found.score, explain: found.explain });
        }
    }
    Ok(hits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::backend::write::{Entry, Write};
    use crate::record::Filter;
    use crate::store::{OnConflict, Options};

    #[test]
    fn a_search_gives_up_with_an_error_and_never_with_nothing() {
        let mut attempts = 0;
        let outcome = until_found(|last| {
            attempts += 1;
            assert_eq!(last, attempts == ATTEMPTS);
            Ok(None::<()>)
        });
        assert!(matches!(outcome, Err(Error::Busy { .. })));
        assert_eq!((attempts, until_found(|last| Ok(last.then_some(7))).unwrap()), (ATTEMPTS, 7));
    }

    #[test]
    fn an_index_behind_the_filter_is_no_answer() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("memory.db"))).unwrap();
        // Past the index, as another process would.
        let entry = Entry::new(Record { categories: vec!["red".into()], ..Record::new("red car") });
        store.queue.write(Write::add(Arc::new(vec![entry]), OnConflict::Fail).unwrap()).unwrap();
        let filter = Filter { categories: vec!["red".into()], ..Filter::all() };
        let query = Query { filter, ..Query::new("car", 10) };
        for (caught_up, tolerated) in [(false, false), (true, false), (true, true)] {
            assert!(store.attempt(&query, caught_up, tolerated).unwrap().is_none());
        }
        let unfiltered = Query::new("car", 10);
        assert!(store.attempt(&unfiltered, false, false).unwrap().is_none());
        assert_eq!(store.attempt(&unfiltered, true, false).unwrap(), Some(Vec::new()));
        assert_eq!(store.search(&query).unwrap().len(), 1);
        assert_eq!(store.attempt(&unfiltered, false, false).unwrap().unwrap().len(), 1);
    }
}
