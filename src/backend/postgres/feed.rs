//! The change feed: what was added and deleted since a position. The head row orders the writes of a space, so that a reader who
//! knows all numbers up to one misses none below it.

use std::ops::RangeInclusive;

use tokio_postgres::Row;

use super::batch::Batch;
use super::row;
use super::view::View;
use crate::backend::change_log::Deletion;
use crate::backend::encoding;
use crate::backend::feed::{Added, Feed, FeedText, Known, Position};
use crate::backend::snapshot::Snapshot;
use crate::error::Result;
use crate::record::Seq;

/// Texts that are read at a time.
const AT_ONCE: usize = 2000;

/// See [`Snapshot::feed`].
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn since(
    view: &View<'_>,
    from: Position,
    limit: usize,
    known: Option<Known<'_>>,
) -> Result<Option<Feed>> {
    if !view.head.continues(from) {
        return Ok(None);
    }
    let mut newest = view.head.position();
    if newest.era == 0 {
        newest.era = from.era;
    }
    let mut deleted = Vec::new();
    if newest.deletion > from.deletion {
        if from.deletion < view.head.pruned {
            return Ok(None);
        }
        deleted = deletions(view, from.deletion)?;
    }
    let added = match known {
        _ if newest.seq <= from.seq => Vec::new(),
        None => texts(view, from.seq, limit)?,
        Some(known) => added(view, from.seq, limit, known)?,
    };
    let all = added.len() < limit;
    // Numbers whose records are gone are behind a reader who has read everything.
    let seq = added.last().filter(|_| !all).map_or(newest.seq.max(from.seq), |last| last.seq);
    let mut position = Position { seq, deletion: newest.deletion, vectors: from.vectors, era: newest.era };
    let (mut vectors, mut complete) = (Vec::new(), all);
    if all && newest.vectors > from.vectors {
        let late = late(view, from.vectors)?;
        complete = late.len() < AT_ONCE;
        position.vectors =
            if complete { newest.vectors } else { late.last().map_or(from.vectors, |last| last.0) };
        let seqs: Vec<Seq> = late.into_iter().map(|(_, seq)| seq).collect();
        vectors = view.vectors(&seqs)?;
    }
    Ok(Some(Feed { added, vectors, deleted, position, complete }))
}

/// At most `limit` deletions after `after` that users see.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn visible_deletions(view: &View<'_>, after: i64, limit: usize) -> Result<Vec<Deletion>> {
    let sql = "SELECT deletion, first, last, newest FROM agentmem_deletions
               WHERE space = $1 AND deletion > $2 AND NOT hidden ORDER BY deletion LIMIT $3";
    let rows = view.query(sql, &[&view.space(), &after, &encoding::limit(limit)])?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?..=row.try_get(2)?, row.try_get(3)?))).collect()
}

fn deletions(view: &View<'_>, after: i64) -> Result<Vec<RangeInclusive<Seq>>> {
    let sql =
        "SELECT first, last FROM agentmem_deletions WHERE space = $1 AND deletion > $2 ORDER BY deletion";
    let rows = view.query(sql, &[&view.space(), &after])?;
    rows.iter().map(|row| Ok(row.try_get(0)?..=row.try_get(1)?)).collect()
}

/// The records after `after`, with their texts.
fn texts(view: &View<'_>, after: Seq, limit: usize) -> Result<Vec<Added>> {
    let sql = "SELECT seq, content, vector FROM agentmem_records WHERE space = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let (mut added, mut last) = (Vec::new(), after);
    loop {
        let wanted = (limit - added.len()).min(AT_ONCE);
        let rows = view.query(sql, &[&view.space(), &last, &(wanted as i64)])?;
        for row in &rows {
            last = row.try_get(0)?;
            added.push(Added { seq: last, text: Some(text(row)) });
        }
        if rows.len() < wanted || added.len() >= limit {
            return Ok(added);
        }
    }
}

fn text(row: &Row) -> FeedText {
    FeedText { content: row::content(row, 1), embedding: row::vector(row, 2) }
}

/// The records after `after`, with the texts of those that are not `known`.
fn added(view: &View<'_>, after: Seq, limit: usize, known: Known<'_>) -> Result<Vec<Added>> {
    let sql = "SELECT seq FROM agentmem_records WHERE space = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let rows = view.query(sql, &[&view.space(), &after, &encoding::limit(limit)])?;
    let mut added = Vec::with_capacity(rows.len());
    for row in rows {
        added.push(Added { seq: row.try_get(0)?, text: None });
    }
    let unknown: Vec<Seq> = added.iter().map(|record| record.seq).filter(|&seq| !known(seq)).collect();
    let mut behind = added.iter_mut();
    let sql =
        "SELECT seq, content, vector FROM agentmem_records WHERE space = $1 AND seq = ANY($2) ORDER BY seq";
    for some in unknown.chunks(AT_ONCE) {
        for row in view.query(sql, &[&view.space(), &some])? {
            let seq: Seq = row.try_get(0)?;
            if let Some(record) = behind.find(|record| record.seq == seq) {
                record.text = Some(text(&row));
            }
        }
    }
    Ok(added)
}

/// Number of the entry, and of the record, of vectors that came after their records.
fn late(view: &View<'_>, after: i64) -> Result<Vec<(i64, Seq)>> {
    let sql =
        "SELECT late, seq FROM agentmem_late_vectors WHERE space = $1 AND late > $2 ORDER BY late LIMIT $3";
    let rows = view.query(sql, &[&view.space(), &after, &(AT_ONCE as i64)])?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

impl Batch<'_> {
    pub(super) fn log_deletions(&mut self, mut seqs: Vec<Seq>, hidden: bool) -> Result<()> {
        seqs.sort_unstable();
        let ranges: Vec<(Seq, Seq)> = seqs
            .chunk_by(|a, b| a + 1 == *b)
            .filter_map(|range| Some((*range.first()?, *range.last()?)))
            .collect();
        ranges.into_iter().try_for_each(|(first, last)| self.log_range(first, last, hidden))
    }

    pub(super) fn log_range(&mut self, first: Seq, last: Seq, hidden: bool) -> Result<()> {
        self.head.deletion += 1;
        let sql = "INSERT INTO agentmem_deletions (space, deletion, first, last, newest, hidden)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let (space, deletion, newest) = (self.space, self.head.deletion, self.head.seq);
        self.write(sql, &[&space, &deletion, &first, &last, &newest, &hidden])?;
        Ok(())
    }
}
