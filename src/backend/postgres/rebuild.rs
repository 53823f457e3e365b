//! Counts the terms of a space again, and empties its manifest.

use super::batch::Batch;
use super::filter::boxed;
use super::query::Sql;
use super::row;
use super::segments;
use crate::backend::Progress;
use crate::backend::manifest::IndexFile;
use crate::backend::write_transaction::WriteTransaction;
use crate::error::{Error, Result};
use crate::record::Seq;
use crate::text::{ANALYZER_VERSION, Bag};

/// Records that are read and written at a time.
const AT_ONCE: i64 = 1000;

/// See [`Backend::rebuild`](crate::backend::Backend::rebuild).
///
/// # Errors
/// As there, not explained.
pub fn rebuild(mut batch: Batch<'_>, progress: &mut Progress<'_>) -> Result<(u64, Vec<IndexFile>)> {
    let space = batch.space;
    // Long work may follow.
    batch.client().batch_execute("SET LOCAL statement_timeout = 0")?;
    let total = batch.head.totals().records;
    let (mut after, mut done) = (0, 0u64);
    let (mut wordless, mut terms, mut vectors) = (0, 0, 0);
    loop {
        let mut sql = Sql::new("SELECT seq, content, terms, vector IS NOT NULL FROM agentmem_records");
        let bounds = [boxed(space), boxed(after), boxed(AT_ONCE)];
        sql.push(" WHERE space = ? AND seq > ? ORDER BY seq LIMIT ?", bounds);
        let rows = batch.run(&sql)?;
        let (mut seqs, mut counts) = (Vec::new(), Vec::new());
        for row in &rows {
            let bag = Bag::of(&row::content(row, 1));
            let length = i32::try_from(bag.length()).unwrap_or(i32::MAX);
            after = row.try_get::<_, Seq>(0)?;
            wordless += i64::from(length == 0);
            terms += i64::from(length);
            vectors += i64::from(row.try_get::<_, bool>(3)?);
            if row.try_get::<_, i32>(2)? != length {
                seqs.push(after);
                counts.push(length);
            }
        }
        if !seqs.is_empty() {
            let update = "UPDATE agentmem_records AS old SET terms = new.terms
                          FROM unnest($2::bigint[], $3::integer[]) AS new(seq, terms)
                          WHERE old.space = $1 AND old.seq = new.seq";
            batch.write(update, &[&space, &seqs, &counts])?;
        }
        done += rows.len() as u64;
        if (rows.len() as i64) < AT_ONCE {
            break;
        }
        if !progress(done, total) {
            return Err(Error::Interrupted { done: 0 });
        }
    }
    progress(done, total);
    batch.head.records = done as i64;
    (batch.head.wordless, batch.head.terms, batch.head.vectors) = (wordless, terms, vectors);
    batch.head.analyzer = ANALYZER_VERSION.into();
    let invalid = segments::read(batch.client(), space)?;
    segments::replace(batch.client(), space, &[])?;
    batch.write("DELETE FROM agentmem_late_vectors WHERE space = $1", &[&space])?;
    batch.commit()?;
    Ok((done, invalid))
}
