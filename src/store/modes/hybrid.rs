//! BM25, the best of it ranked again by the texts, and fused with the nearest vectors.

use std::collections::HashSet;

use rustc_hash::FxHashMap;

use super::depth::depth;
use super::vector;
use crate::backend::budget::Budget;
use crate::error::Result;
use crate::index::Scoring;
use crate::index::vector::ExactQuery;
use crate::rank::calibration::{Signs, answered};
use crate::rank::dialogue::{self, RankedTurn, Turn};
use crate::rank::fusion::{self, ByVectors, ByWords, Spread};
use crate::rank::hybrid::{Candidate, HybridQuery, Ranked};
use crate::rank::tuning::score::ANSWER;
use crate::rank::tuning::{CANDIDATES, COUNTED_BYTES, TEXT_BYTES, fusion as tuning};
use crate::rank::{Scored, Texts};
use crate::record::{Query, Seq, Viewer};
use crate::store::retriever::Retriever;
use crate::store::search_error::SearchError;

/// The texts of candidates.
const CANDIDATE_TEXTS: Budget = Budget { total: TEXT_BYTES, each: COUNTED_BYTES };
/// The texts of candidates and of the records around them. What does not fit has no label to judge by.
const CONVERSATION_TEXTS: Budget = Budget { total: 2 * TEXT_BYTES, each: COUNTED_BYTES };

/// How many records the index is asked for by words.
pub fn candidates(query: &Query) -> usize {
    depth(query).max(CANDIDATES)
}

/// How many records the index is asked for by vectors.
pub fn neighbours(query: &Query) -> usize {
    depth(query).max(tuning::NEAREST)
}

pub fn search(retriever: &impl Retriever, query: &Query) -> Result<Vec<Scored>, SearchError> {
    let by_words = by_words(retriever, query)?;
    let mut found = match &query.vector {
        None => by_words.found,
        Some(vector) => {
            let by_vectors = by_vectors(retriever, query, vector, &by_words)?;
            fusion::fuse(by_words, &by_vectors)
        }
    };
    let answered = answered(found.iter().map(|found| found.score));
    found.iter_mut().for_each(|found| found.explain.push(("answered", answered)));
    Ok(found)
}

/// The nearest records, and the cosines of those that the second stage ranked.
fn by_vectors(
    retriever: &impl Retriever,
    query: &Query,
    vector: &[f32],
    by_words: &ByWords,
) -> Result<ByVectors, SearchError> {
    let mut spread = Spread::default();
    let nearest = vector::nearest(retriever, query, neighbours(query), Some(&mut spread))?;
    let near: HashSet<Seq> = nearest.iter().map(|&(seq, _)| seq).collect();
    let ranked = by_words.found.iter().take(by_words.orders.len()).map(|found| found.seq);
    let others: Vec<Seq> = ranked.filter(|seq| !near.contains(seq)).collect();
    let exact = ExactQuery::new(vector);
    let cosine = |(seq, vector): (Seq, Vec<f32>)| Some((seq, exact.cosine(&vector)?));
    let others = retriever.snapshot().vectors(&others)?.into_iter().filter_map(cosine).collect();
    Ok(ByVectors { nearest, others, spread })
}

/// BM25, and the best of it ranked again.
fn by_words(retriever: &impl Retriever, query: &Query) -> Result<ByWords, SearchError> {
    let hybrid = HybridQuery::new(&query.text, retriever)?;
    let top = retriever.top(&hybrid.terms(), candidates(query), Scoring::Bm25)?;
    let best: Vec<Seq> = top.iter().take(CANDIDATES).map(|&(seq, _)| seq).collect();
    let texts = retriever.texts(&best, CANDIDATE_TEXTS)?;
    let (candidates, rest) = top.split_at(texts.count());
    let candidates: Vec<Candidate> = candidates.iter().map(|&(seq, bm25)| Candidate { seq, bm25 }).collect();
    let mut words = if query.dialogue {
        drop(texts);
        in_conversation(retriever, &hybrid, &candidates, &query.filter.viewer)?
    } else {
        let ranked = hybrid.rank(&candidates, &texts, retriever)?;
        // Unless the order changes once more, no more records are needed than those that tell whether the query is answered.
        let is_final = depth(query) == query.limit && query.vector.is_none();
        let wanted = if is_final { query.limit.max(ANSWER) } else { ranked.len() };
        let found = ranked.iter().take(wanted).map(Scored::from).collect();
        let (orders, signs) = ranked.iter().map(|one| (one.order, one.signs)).unzip();
        ByWords { found, orders, signs, evidence: evidence(&ranked) }
    };
    if words.found.len() >= candidates.len() {
        let least = candidates.last().map_or(f32::INFINITY, |candidate| candidate.bm25);
        append(&mut words.found, rest, least);
    }
    Ok(ByWords { orders: scaled(words.orders), ..words })
}

/// The greatest evidence in the best hits.
fn evidence(ranked: &[Ranked]) -> f64 {
    ranked.iter().take(tuning::TOP).map(|one| one.signs.evidence).fold(0.0, f64::max)
}

/// Orders over the greatest.
fn scaled(mut orders: Vec<f64>) -> Vec<f64> {
    let greatest = orders.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    orders.iter_mut().for_each(|order| *order /= greatest);
    orders
}

/// Ranks the candidates together with the records around them. The orders are not scaled yet.
fn in_conversation(
    retriever: &impl Retriever,
    hybrid: &HybridQuery,
    candidates: &[Candidate],
    viewer: &Viewer,
) -> Result<ByWords, SearchError> {
    let seqs: Vec<Seq> = candidates.iter().map(|one| one.seq).collect();
    let mut neighbours = neighbours_of(retriever, &seqs, viewer)?;
    let mut around: Vec<Seq> = neighbours.values().flatten().flatten().copied().collect();
    around.retain(|seq| !neighbours.contains_key(seq) && retriever.allows(*seq));
    around.sort_unstable();
    around.dedup();
    let texts = retriever.texts(&[&seqs[..], &around].concat(), CONVERSATION_TEXTS)?;
    drop_wordless(&mut around, &texts, retriever)?;
    neighbours.extend(neighbours_of(retriever, &around, viewer)?);
    let ranked = hybrid.rank(candidates, &texts, retriever)?;
    let turn = |seq, order, signs| Turn { seq, neighbours: neighbours[&seq], order, signs };
    let turns = ranked.iter().map(|one| turn(one.seq, one.order, one.signs));
    let turns: Vec<Turn> = turns.chain(around.iter().map(|&seq| turn(seq, 0.0, Signs::default()))).collect();
    let scored = |turn: RankedTurn| {
        let mut explain = ranked.get(turn.turn).map_or_else(Vec::new, |one| one.explain.to_vec());
        explain.push(("dialogue", turn.boost));
        let passage = ranked.get(turn.turn).and_then(|one| one.passage);
        Scored { seq: turns[turn.turn].seq, score: turn.score, explain, passage }
    };
    let ranked_turns = dialogue::rank(hybrid, &texts, &turns);
    let (orders, signs) = ranked_turns.iter().map(|turn| (turn.signs.order, turn.signs)).unzip();
    let found = ranked_turns.into_iter().map(scored).collect();
    Ok(ByWords { found, orders, signs, evidence: evidence(&ranked) })
}

/// The records around each of these that the viewer may see. To leave hidden ones out takes longer, and there are seldom any.
fn neighbours_of(
    retriever: &impl Retriever,
    seqs: &[Seq],
    viewer: &Viewer,
) -> Result<FxHashMap<Seq, [Option<Seq>; 2]>> {
    let mut found = retriever.snapshot().neighbours(seqs, &Viewer::all())?;
    if !found.iter().flatten().flatten().all(|&seq| retriever.sees(seq)) {
        found = retriever.snapshot().neighbours(seqs, viewer)?;
    }
    Ok(seqs.iter().copied().zip(found).collect())
}

/// Drops records without terms, which no text search returns.
fn drop_wordless(seqs: &mut Vec<Seq>, texts: &Texts, retriever: &impl Retriever) -> Result<(), SearchError> {
    let unread: Vec<Seq> = seqs.iter().copied().filter(|&seq| texts.has_terms(seq).is_none()).collect();
    let contents = retriever.snapshot().contents(&unread, Budget::UNLIMITED)?.into_iter();
    let blank: HashSet<Seq> =
        contents.filter(|(_, text)| text.trim().is_empty()).map(|(seq, _)| seq).collect();
    seqs.retain(|seq| texts.has_terms(*seq).unwrap_or_else(|| !blank.contains(seq)));
    Ok(())
}

/// Appends records that were not ranked again, below the last score, in proportion to their BM25. `least` is that of the
/// last record that was ranked again.
fn append(found: &mut Vec<Scored>, rest: &[(Seq, f32)], least: f32) {
    let last = found.last().map_or(0.0, |found| found.score);
    let known: HashSet<Seq> = found.iter().map(|found| found.seq).collect();
    let below = |&(seq, bm25): &(Seq, f32)| {
        let share = f64::from(bm25 / least).clamp(0.0, 1.0);
        Scored { seq, score: last * share, explain: vec![("bm25", f64::from(bm25))], passage: None }
    };
    found.extend(rest.iter().filter(|(seq, _)| !known.contains(seq)).map(below));
}
