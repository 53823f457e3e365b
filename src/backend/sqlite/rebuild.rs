//! Derives everything in the file from the records again.

use std::time::Instant;

use rusqlite::Connection;

use super::interruptible::Interruptible;
use super::transaction::Transaction;
use super::{Progress, fts, late_vectors, meta, records, segments};
use crate::backend::manifest::IndexFile;
use crate::error::{Error, Result};
use crate::text::{ANALYZER_VERSION, Bag};

/// Records between two reports of progress.
const STRIDE: u64 = 1000;

/// See [`Backend::rebuild`](crate::backend::Backend::rebuild).
pub(super) fn rebuild(
    conn: &Connection,
    lock_until: Instant,
    deadline: Instant,
    progress: &mut Progress<'_>,
) -> Result<(u64, Vec<IndexFile>)> {
    let transaction = Transaction::begin(conn, lock_until)?;
    let records = refill(conn, progress)?;
    let invalid = segments::read(conn)?;
    segments::replace(conn, &[])?;
    late_vectors::clear(conn)?;
    meta::set(conn, meta::ANALYZER_VERSION, ANALYZER_VERSION)?;
    transaction.commit(deadline)?;
    Ok((records, invalid))
}

fn refill(conn: &Connection, progress: &mut Progress<'_>) -> Result<u64> {
    let _interruptible = Interruptible::new(conn)?;
    let total = meta::totals(conn)?.records;
    let (mut done, mut wordless, mut terms) = (0u64, 0u64, 0u64);
    records::seal(conn)?;
    fts::clear(conn)?;
    records::each_content(conn, 0, |seq, content| {
        let bag = Bag::of(content);
        wordless += u64::from(bag.is_empty());
        terms += bag.length();
        fts::insert(conn, seq, bag.joined())?;
        done += 1;
        if done.is_multiple_of(STRIDE) && !progress(done, total) {
            return Err(Error::Interrupted { done: 0 });
        }
        Ok(true)
    })?;
    progress(done, total);
    meta::set(conn, meta::TERMS, terms)?;
    meta::set(conn, meta::WORDLESS, wordless)?;
    meta::set(conn, meta::RECORDS, done)?;
    Ok(done)
}
