//! Deriving everything anew from the records.

use std::time::Instant;

use rusqlite::Connection;

use crate::backend::manifest::IndexFile;
use crate::backend::sqlite::{Pool, Progress, Transaction, fts, meta, records, segments, upkeep};
use crate::error::{Error, Result};
use crate::interrupt::{self, PollingWait};
use crate::text::{ANALYZER_VERSION, Bag};

/// Records between two reports of progress.
const STRIDE: u64 = 1000;

/// Fills the full-text table anew and invalidates all index files, in one transaction. Returns how many records there are, and
/// the files.
///
/// # Errors
/// [`Error::Interrupted`] when progress says so, or the user while the lock is awaited; nothing is changed then.
pub fn full_text(pool: &Pool, progress: &mut Progress<'_>) -> Result<(u64, Vec<IndexFile>)> {
    let wait = PollingWait::new(pool.patience());
    loop {
        let poll = wait.next_poll();
        match pool.write(poll, |conn| try_full_text(conn, poll, wait.deadline, progress)) {
            Err(Error::Busy { .. }) if !wait.timed_out() => {
                if interrupt::requested() {
                    return Err(Error::Interrupted { done: 0 });
                }
            }
            outcome => return outcome,
        }
    }
}

/// Waits for the lock until `lock_until`; after that nothing is done.
fn try_full_text(
    conn: &Connection,
    lock_until: Instant,
    deadline: Instant,
    progress: &mut Progress<'_>,
) -> Result<(u64, Vec<IndexFile>)> {
    let transaction = Transaction::begin(conn, lock_until)?;
    let records = refill(conn, progress)?;
    let files = segments::read(conn)?;
    segments::replace(conn, &[])?;
    meta::set(conn, meta::ANALYZER_VERSION, ANALYZER_VERSION)?;
    transaction.commit(deadline)?;
    Ok((records, files))
}

/// Gives back the room that deleted records left in the file. Should that fail, for want of room for the copy say, all is as
/// before.
pub fn compact(pool: &Pool) {
    let deadline = Instant::now() + pool.patience();
    if let Err(error) = pool.write(deadline, |conn| upkeep::compact(conn, deadline)) {
        log::warn!("{:?} could not be made smaller: {error}", pool.path());
    }
}

fn refill(conn: &Connection, progress: &mut Progress<'_>) -> Result<u64> {
    let total = meta::totals(conn)?.records;
    let (mut done, mut terms) = (0u64, 0u64);
    records::seal(conn)?;
    fts::clear(conn)?;
    records::each_content(conn, 0, |seq, content| {
        let bag = Bag::of(content);
        terms += bag.total();
        fts::insert(conn, seq, bag.joined())?;
        done += 1;
        if done.is_multiple_of(STRIDE) && !progress(done, total) {
            return Err(Error::Interrupted { done: 0 });
        }
        Ok(true)
    })?;
    progress(done, total);
    meta::set(conn, meta::TERMS, terms)?;
    meta::set(conn, meta::RECORDS, done)?;
    Ok(done)
}
