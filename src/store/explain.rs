//! Explains why a record is a hit or not. The explanation comes from the search itself.

use super::Store;
use super::modes::{self, FirstStage};
use super::retriever::Retriever;
use super::search::{Attempt, check, in_memory, on_disk, retry};
use super::search_error::SearchError;
use super::space::Space;
use crate::error::{Error, Result};
use crate::rank::Scored;
use crate::rank::matches::Matches;
use crate::record::{Explanation, Filter, Mode, Query, Record, RecordId};

/// The rank of a record beyond the limit is known up to this one.
const DEPTH: usize = 1000;

impl Store {
    /// Why a record is a hit of a query or not. Hits, ranks and scores are those of [`Store::search`]. This takes as long as two
    /// searches if the record is a hit, otherwise as three.
    ///
    /// # Errors
    /// [`Error::RecordNotFound`] if the viewer sees no such record; otherwise as [`Store::search`].
    pub fn explain(&self, query: &Query, id: &RecordId) -> Result<Explanation> {
        self.check_open()?;
        check(query)?;
        let path = self.path_to_explain(id, query.filter.scope.as_ref())?;
        let space = self.space(&path)?;
        retry(|attempt| space.try_to_explain(query, id, attempt), |ended| space.prepare_again(ended))
    }
}

impl Space {
    fn try_to_explain(
        &self,
        query: &Query,
        id: &RecordId,
        attempt: Attempt,
    ) -> Result<Explanation, SearchError> {
        let snapshot = self.backend.snapshot()?;
        let found = snapshot.by_ids(std::slice::from_ref(id), None, &query.filter.viewer)?.pop().flatten();
        let record = found.ok_or_else(|| Error::RecordNotFound(id.to_string()))?;
        match &self.index {
            Some(index) => in_memory(index.shared(), &*snapshot, &query.filter, attempt, |retriever| {
                explain(retriever, query, &record)
            }),
            None => on_disk(&self.scopes, &*snapshot, &query.filter, |retriever| {
                explain(retriever, query, &record)
            }),
        }
    }
}

fn explain(retriever: &impl Retriever, query: &Query, record: &Record) -> Result<Explanation, SearchError> {
    let filter = excluding_filter(&query.filter, record);
    let end = if query.limit == 0 { 0 } else { query.limit.saturating_add(query.offset) };
    let mut search = Query { limit: end, min_score: f64::NEG_INFINITY, ..query.clone() };
    let mut place = if filter.is_none() { Place::find(retriever, &search, record)? } else { None };
    if place.is_none() && filter.is_none() && end < DEPTH {
        search.limit = DEPTH;
        place = Place::find(retriever, &search, record)?.filter(|place| place.rank > end);
    }
    let first_stage = FirstStage::new(retriever, &search)?;
    let matches = Matches::new(&record.content, &first_stage.terms);
    let verdict = match (filter, place) {
        (Some(filter), _) => filter,
        (None, Some(place)) => place.verdict(query, end, &matches),
        (None, None) => verdict_without_place(query, record, &matches),
    };
    Ok(Explanation {
        hit: place.is_some() && verdict.excluded_by.is_none(),
        reason: verdict.reason,
        excluded_by: verdict.excluded_by,
        words: matches.words,
        rank_before: record.version.and_then(|seq| first_stage.rank(seq)),
        rank: place.map(|place| place.rank),
        score: place.map(|place| place.score),
        passage: place.and_then(|place| place.passage).or(matches.passage),
    })
}

/// The reason why a record is left out, if there is one, and a sentence about it.
struct Verdict {
    excluded_by: Option<&'static str>,
    reason: String,
}

impl Verdict {
    fn excluded(by: &'static str, reason: String) -> Self {
        Self { excluded_by: Some(by), reason }
    }
}

/// The first filter that a record does not pass. The viewer sees it.
fn excluding_filter(filter: &Filter, record: &Record) -> Option<Verdict> {
    let Filter { ids, scope, categories, condition, since, until, viewer: _ } = filter;
    let is_any = |category| categories.contains(category);
    let holds = |condition: &crate::record::Condition| condition.holds(&record.metadata.to_map());
    let (by, why) = if scope.as_ref().is_some_and(|scope| !scope.contains(&record.scope)) {
        ("scope", format!("it is in {}", record.scope))
    } else if !categories.is_empty() && !record.categories.iter().any(is_any) {
        ("categories", "it has none of them".to_owned())
    } else if condition.as_ref().is_some_and(|condition| !holds(condition)) {
        ("where", "its metadata does not meet the condition".to_owned())
    } else if since.is_some_and(|since| record.created_at < since) {
        ("since", "it was created earlier".to_owned())
    } else if until.is_some_and(|until| record.created_at >= until) {
        ("until", "it was not created before that".to_owned())
    } else if ids.as_ref().is_some_and(|ids| !ids.contains(&record.id)) {
        ("ids", "its id is not among them".to_owned())
    } else {
        return None;
    };
    Some(Verdict::excluded(by, format!("The filter {by} excludes it: {why}.")))
}

/// A place in a list of hits.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// From 1.
    rank: usize,
    score: f64,
    passage: Option<(usize, usize)>,
}

impl Place {
    fn find(retriever: &impl Retriever, query: &Query, record: &Record) -> Result<Option<Self>, SearchError> {
        if query.limit == 0 {
            return Ok(None);
        }
        let found = modes::search(retriever, query)?;
        let place = (1..).zip(&found).find(|(_, found)| Some(found.seq) == record.version);
        Ok(place.map(|(rank, &Scored { score, passage, .. })| Self { rank, score, passage }))
    }

    /// What a search says that returns the places up to `end`.
    fn verdict(self, query: &Query, end: usize, matches: &Matches) -> Verdict {
        let Self { rank, score, .. } = self;
        let Query { min_score, limit, offset, .. } = query;
        if score < *min_score {
            return Verdict::excluded(
                "min_score",
                format!("Its score {score:.3} is below the min_score {min_score}."),
            );
        }
        if rank > end {
            return Verdict::excluded("limit", format!("It has rank {rank}, and the limit is {limit}."));
        }
        if rank <= *offset {
            return Verdict::excluded("offset", format!("It has rank {rank}, and the offset is {offset}."));
        }
        let why = match matches.words.len() {
            0 if query.mode == Mode::Vector || !query.dialogue => {
                "Its embedding is near that of the query".to_owned()
            }
            0 => "The records beside it hold words of the query".to_owned(),
            1 => "It holds a word of the query".to_owned(),
            words => format!("It holds {words} words of the query"),
        };
        Verdict { excluded_by: None, reason: format!("{why}; it has rank {rank} and score {score:.3}.") }
    }
}

/// Of a record that no search found, though it passes the filters.
fn verdict_without_place(query: &Query, record: &Record, matches: &Matches) -> Verdict {
    let by_vector = match query.mode {
        Mode::Vector | Mode::Hybrid => query.vector.is_some(),
        Mode::Bm25 | Mode::Tfidf => false,
    };
    if !matches.words.is_empty() || (by_vector && record.embedding.is_some()) {
        let reason = format!("It is not among the best records, and the limit is {}.", query.limit);
        return Verdict::excluded("limit", reason);
    }
    let reason = match query.mode {
        Mode::Vector if query.vector.is_none() => "The query has no embedding.",
        Mode::Vector => "It has no embedding.",
        Mode::Hybrid if by_vector => "It holds no word of the query, and has no embedding.",
        Mode::Hybrid | Mode::Bm25 | Mode::Tfidf => "It holds no word of the query.",
    };
    Verdict { excluded_by: None, reason: reason.to_owned() }
}
