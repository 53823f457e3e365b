//! Queries: retrieve, rank, read the records.

use std::cell::Cell;
use std::collections::HashMap;

use rusqlite::Connection;

use super::disk::OnDisk;
use super::follow::{Derived, Shared};
use super::{Store, parallel, snapshot};
use crate::db::{changes, records};
use crate::error::{Error, Result};
use crate::index::{Allowed, Damaged, Position, Scoring};
use crate::rank::bm25::{self, Bm25Query, Collection};
use crate::rank::cosine::CosineQuery;
use crate::rank::dialogue::{self, Heard, Turn};
use crate::rank::hybrid::{Candidate, Plan, Ranked};
use crate::rank::recipe::{CANDIDATES, TEXT_BYTES};
use crate::rank::{Statistics, WeightedTerm};
use crate::record::{Hit, Mode, Query, Record, Seq, check_vector, now};

/// Candidates for an exact cosine, whose first stage knows norms without idf alone.
const COSINE_CANDIDATES: usize = 200;
/// Rank fusion's constant (Cormack, Clarke and Büttcher 2009).
const RRF_K: f64 = 60.0;
/// A search starts again when records vanish under it, or the index is behind what a filter saw, at most so often.
const ATTEMPTS: usize = 50;

/// What the first stage asks, be it the index or the full-text table.
pub(super) trait Retriever: Statistics {
    /// The best `k` records for `terms`, best first.
    fn top(&self, terms: &[WeightedTerm], k: usize, scoring: Scoring) -> Result<Vec<(Seq, f32)>>;
    /// Does the filter let this record be found?
    fn allows(&self, seq: Seq) -> bool;
    /// The nearest `k` records by cosine of vectors, best first.
    fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<(Seq, f32)>>;
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
        self.catch_up()?;
        let start = std::time::Instant::now();
        for _ in 1..ATTEMPTS {
            if let Some(hits) = self.attempt(query, false)? {
                self.log_if_slow(query, start.elapsed());
                return Ok(hits);
            }
            self.catch_up()?;
        }
        Ok(self.attempt(query, true)?.unwrap_or_default())
    }

    /// [`Store::search`] for each query, on all cores.
    ///
    /// # Errors
    /// The first error of any.
    pub fn search_many(&self, queries: &[Query]) -> Result<Vec<Vec<Hit>>> {
        parallel::map(queries.len(), 1, |i| self.search(&queries[i])).into_iter().collect()
    }

    fn log_if_slow(&self, query: &Query, took: std::time::Duration) {
        const SLOW: std::time::Duration = std::time::Duration::from_millis(500);
        if took > SLOW {
            self.pool.counters().slow_searches.add(1);
            log::warn!("a search of {} characters in {:?} took {took:.1?}", query.text.len(), self.path());
        }
    }

    /// `None` when records vanished between retrieval and reading, unless that is `tolerated`.
    fn attempt(&self, query: &Query, tolerated: bool) -> Result<Option<Vec<Hit>>> {
        self.pool.read(|conn| {
            let found = match &self.shared {
                Some(shared) => in_memory(shared, &self.pool, conn, query)?,
                None => retrieve(&OnDisk::new(conn, &query.filter)?, conn, query)?,
            };
            let Some(found) = found else { return Ok(None) };
            let hits = read_hits(conn, &found)?;
            Ok((tolerated || hits.len() == found.len()).then_some(hits))
        })
    }
}

fn check(query: &Query) -> Result<()> {
    query.blend.check()?;
    match &query.vector {
        Some(vector) => check_vector(vector)
            .map_err(|_| Error::InvalidFilter("the query's vector is empty or holds NaN or infinity".into())),
        None if query.mode == Mode::Vector => {
            Err(Error::InvalidFilter("mode \"vector\" needs vector=..., or a store with an embedder".into()))
        }
        None => Ok(()),
    }
}

fn in_memory(
    shared: &Shared,
    pool: &crate::db::Pool,
    conn: &Connection,
    query: &Query,
) -> Result<Option<Vec<Found>>> {
    let position = shared.read(|derived| derived.index.position());
    let newest = position.seq;
    if query.filter.narrows() && is_behind(position, conn)? {
        // What the filter selects would not be in the index yet, nor what was there in its place.
        return Ok(None);
    }
    let allowed = shared.selections().select(conn, &query.filter, newest)?;
    let (found, damaged) = shared.read(|derived| {
        if derived.index.position().seq > newest {
            // The filter is not known for what came since.
            return (Ok(None), None);
        }
        let memory = InMemory { derived, allowed: allowed.as_deref(), damaged: Cell::new(None) };
        (retrieve(&memory, conn, query), memory.damaged.get())
    });
    match damaged {
        None => found,
        Some(damaged) => {
            snapshot::disown(pool, damaged)?;
            shared.reload(pool)?;
            Ok(None)
        }
    }
}

/// Has something been written that the connection sees and an index at this position does not hold?
fn is_behind(position: Position, conn: &Connection) -> Result<bool> {
    Ok(changes::newest_live(conn)? > position.seq || changes::newest_deletion(conn)? > position.deletion)
}

/// The index and the vectors in memory, seen through a filter.
struct InMemory<'a> {
    derived: &'a Derived,
    allowed: Option<&'a Allowed>,
    damaged: Cell<Option<Damaged>>,
}

impl InMemory<'_> {
    fn sound<T: Default>(&self, outcome: Result<T, Damaged>) -> T {
        outcome.unwrap_or_else(|damaged| {
            self.damaged.set(Some(damaged));
            T::default()
        })
    }
}

impl Statistics for InMemory<'_> {
    fn collection(&self) -> Collection {
        self.derived.index.collection()
    }

    fn document_frequency(&self, term: &str) -> u64 {
        self.sound(self.derived.index.document_frequency(term))
    }
}

impl Retriever for InMemory<'_> {
    fn top(&self, terms: &[WeightedTerm], k: usize, scoring: Scoring) -> Result<Vec<(Seq, f32)>> {
        Ok(self.sound(self.derived.index.top(terms, k, scoring, self.allowed)))
    }

    fn allows(&self, seq: Seq) -> bool {
        self.allowed.is_none_or(|allowed| allowed.holds(seq))
    }

    fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<(Seq, f32)>> {
        let dimension = self.derived.vectors.dimension();
        if dimension != 0 && dimension != vector.len() {
            return Err(Error::DimensionMismatch { expected: dimension, found: vector.len() });
        }
        Ok(self.derived.vectors.top(vector, k, self.allowed))
    }
}

/// What answers a query, best first, cut to its limit. `None`: records vanished meanwhile.
fn retrieve(retriever: &impl Retriever, conn: &Connection, query: &Query) -> Result<Option<Vec<Found>>> {
    let found = match query.mode {
        Mode::Bm25 => Some(bm25(retriever, query)?),
        Mode::Tfidf => tfidf(retriever, conn, query)?,
        Mode::Vector => Some(vector(retriever, query, query.limit)?),
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

fn bm25(retriever: &impl Retriever, query: &Query) -> Result<Vec<Found>> {
    let terms = Bm25Query::new(&query.text).terms(retriever);
    let maximum = bm25::maximum(&terms);
    let top = retriever.top(&terms, query.limit, Scoring::Bm25)?;
    let found = |(seq, score): (Seq, f32)| Found {
        seq,
        score: bm25::relevance(score, maximum),
        explain: vec![("bm25", f64::from(score))],
    };
    Ok(top.into_iter().map(found).collect())
}

fn tfidf(retriever: &impl Retriever, conn: &Connection, query: &Query) -> Result<Option<Vec<Found>>> {
    let cosine = CosineQuery::new(&query.text);
    let k = query.limit.saturating_mul(2).max(COSINE_CANDIDATES);
    let top = retriever.top(&cosine.terms(retriever), k, Scoring::Cosine)?;
    let Some(texts) = texts(conn, &top)? else { return Ok(None) };
    let mut found: Vec<Found> = top
        .iter()
        .zip(cosine.scores(&texts, retriever))
        .map(|(&(seq, _), score)| Found { seq, score, explain: vec![("tfidf", score)] })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.seq.cmp(&a.seq)));
    Ok(Some(found))
}

fn vector(retriever: &impl Retriever, query: &Query, k: usize) -> Result<Vec<Found>> {
    let Some(vector) = &query.vector else { return Ok(Vec::new()) };
    let found = |(seq, cosine): (Seq, f32)| {
        let cosine = f64::from(cosine);
        Found { seq, score: cosine.clamp(0.0, 1.0), explain: vec![("vector", cosine)] }
    };
    Ok(retriever.nearest(vector, k)?.into_iter().map(found).collect())
}

fn hybrid(retriever: &impl Retriever, conn: &Connection, query: &Query) -> Result<Option<Vec<Found>>> {
    let Some(lexical) = lexical(retriever, conn, query)? else { return Ok(None) };
    if query.vector.is_none() {
        return Ok(Some(lexical));
    }
    let near = vector(retriever, query, query.limit.max(CANDIDATES))?;
    Ok(Some(fuse(lexical, near)))
}

/// BM25, and the best of it ranked again.
fn lexical(retriever: &impl Retriever, conn: &Connection, query: &Query) -> Result<Option<Vec<Found>>> {
    let plan = Plan::new(&query.text);
    let mut top = retriever.top(&plan.terms(retriever), query.limit.max(CANDIDATES), Scoring::Bm25)?;
    let mut rest = top.split_off(top.len().min(CANDIDATES));
    let Some(mut texts) = texts(conn, &top)? else { return Ok(None) };
    let within = within_budget(&texts);
    texts.truncate(within);
    rest.splice(0..0, top.split_off(within));
    let candidates: Vec<Candidate<'_>> =
        top.iter().zip(&texts).map(|(&(_, bm25), text)| Candidate { text, bm25 }).collect();
    let ranked = plan.rank(&candidates, retriever);
    let mut found: Vec<Found> = if query.dialogue {
        in_conversation(retriever, conn, &plan, &ranked, &top, &texts)?
    } else {
        let found = |ranked: &Ranked| Found {
            seq: top[ranked.candidate].0,
            score: ranked.score,
            explain: ranked.explain.to_vec(),
        };
        ranked.iter().map(found).collect()
    };
    rest.retain(|(seq, _)| !query.dialogue || found.iter().all(|found| found.seq != *seq));
    // What was not ranked again goes on below the last score, in proportion to its BM25.
    let last = found.last().map_or(0.0, |found| found.score);
    let least = top.iter().map(|&(_, bm25)| bm25).fold(f32::INFINITY, f32::min);
    found.extend(rest.into_iter().map(|(seq, bm25)| {
        let share = f64::from(bm25 / least).clamp(0.0, 1.0);
        Found { seq, score: last * share, explain: vec![("bm25", f64::from(bm25))] }
    }));
    Ok(Some(found))
}

/// Ranks the candidates once more, together with the records around them.
fn in_conversation(
    retriever: &impl Retriever,
    conn: &Connection,
    plan: &Plan,
    ranked: &[Ranked],
    top: &[(Seq, f32)],
    texts: &[String],
) -> Result<Vec<Found>> {
    let candidates: HashMap<Seq, &Ranked> = ranked.iter().map(|one| (top[one.candidate].0, one)).collect();
    let mut around = Vec::new();
    for one in ranked {
        around.extend(records::neighbours(conn, top[one.candidate].0)?.into_iter().flatten());
    }
    around.retain(|seq| !candidates.contains_key(seq) && retriever.allows(*seq));
    around.sort_unstable();
    around.dedup();
    let around = records::contents(conn, &around)?;
    let own = ranked.iter().map(|one| (top[one.candidate].0, &texts[one.candidate]));
    let turns: Vec<Turn<'_>> = own
        .chain(around.iter().map(|(seq, text)| (*seq, text)))
        .map(|(seq, text)| {
            let one = candidates.get(&seq);
            let neighbours = records::neighbours(conn, seq)?;
            let (order, evidence) = one.map_or((0.0, 0.0), |one| (one.order, one.evidence));
            Ok(Turn { seq, text, neighbours, order, evidence })
        })
        .collect::<Result<_>>()?;
    let found = |heard: Heard| {
        let seq = turns[heard.turn].seq;
        let mut explain = candidates.get(&seq).map_or_else(Vec::new, |one| one.explain.to_vec());
        explain.push(("dialogue", heard.gained));
        Found { seq, score: heard.score, explain }
    };
    Ok(dialogue::rank(plan, &turns).into_iter().map(found).collect())
}

/// How many of the texts fit the budget, at least one.
fn within_budget(texts: &[String]) -> usize {
    let mut bytes = 0;
    let fits = |text: &&String| {
        bytes += text.len();
        bytes <= TEXT_BYTES
    };
    texts.iter().take_while(fits).count().max(1).min(texts.len())
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

/// The texts of all of `top`, or `None` when one of them is gone.
fn texts(conn: &Connection, top: &[(Seq, f32)]) -> Result<Option<Vec<String>>> {
    let seqs: Vec<Seq> = top.iter().map(|&(seq, _)| seq).collect();
    let contents = records::contents(conn, &seqs)?;
    Ok((contents.len() == seqs.len()).then(|| contents.into_iter().map(|(_, text)| text).collect()))
}

fn read_hits(conn: &Connection, found: &[Found]) -> Result<Vec<Hit>> {
    let seqs: Vec<Seq> = found.iter().map(|found| found.seq).collect();
    let mut records = records::by_seqs(conn, &seqs)?.into_iter().peekable();
    let mut hits = Vec::with_capacity(found.len());
    for found in found {
        if let Some((_, record)) = records.next_if(|(seq, _): &(Seq, Record)| *seq == found.seq) {
            hits.push(Hit { record, score: found.score, explain: found.explain.clone() });
        }
    }
    Ok(hits)
}
