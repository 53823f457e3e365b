//! Reading records, whose numbers or ids are known. [`super::inserts`] writes them.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension};

use super::filter::Where;
use super::row::{self, EncodedId, SELECT, record};
use super::sqlite_error::message;
use crate::backend::budget::Budget;
use crate::backend::snapshot::Prior;
use crate::error::{Error, Result};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq, Viewer};

/// How many records one execution of [`BY_SEQS`] reads: as many as a search returns by default.
const AT_ONCE: usize = 10;
/// Reads records by number.
static BY_SEQS: LazyLock<String> = LazyLock::new(|| by_seqs_sql(true));
/// [`BY_SEQS`] without expiries.
static BY_SEQS_UNEXPIRING: LazyLock<String> = LazyLock::new(|| by_seqs_sql(false));

/// SQLite's outer loop over a cross join is its left table, so rows come in the order of the numbers.
fn by_seqs_sql(may_expire: bool) -> String {
    let numbers = ["(?)"; AT_ONCE].join(",");
    let select = row::select("wanted CROSS JOIN records ON records.seq = wanted.seq", may_expire);
    format!("WITH wanted(seq) AS (VALUES {numbers}) {select}")
}

/// The record with this id.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn by_id(conn: &Connection, id: &RecordId) -> Result<Option<(Seq, Record)>> {
    let mut statement = conn.prepare_cached(&format!("{} WHERE records.id = ?", *SELECT))?;
    Ok(statement.query_row([EncodedId::new(id)], record).optional()?)
}

/// The records with these ids, in this order; `None` where there is none in the scope that the viewer may see.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn by_ids(
    conn: &Connection,
    ids: &[RecordId],
    scope: Option<&Scope>,
    viewer: &Viewer,
    now: Micros,
) -> Result<Vec<Option<Record>>> {
    let passes = |record: &Record| {
        scope.is_none_or(|scope| scope.contains(&record.scope))
            && viewer.sees(record.source.as_deref(), record.private)
    };
    ids.iter().map(|id| Ok(live(conn, id, now)?.map(|(_, record)| record).filter(passes))).collect()
}

/// The record with this id, if it has not expired at `now`.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn live(conn: &Connection, id: &RecordId, now: Micros) -> Result<Option<(Seq, Record)>> {
    let unexpired = |(_, record): &(Seq, Record)| record.expires_at.is_none_or(|at| at > now);
    Ok(by_id(conn, id)?.filter(unexpired))
}

/// The records with these numbers, in this order. Numbers that no record has any more are left out. If no record
/// `may_expire`, expiries are not read.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn by_seqs(conn: &Connection, seqs: &[Seq], may_expire: bool) -> Result<Vec<(Seq, Record)>> {
    let mut statement = conn.prepare_cached(if may_expire { &BY_SEQS } else { &BY_SEQS_UNEXPIRING })?;
    let mut found = Vec::with_capacity(seqs.len());
    for some in seqs.chunks(AT_ONCE) {
        let numbers: [Option<Seq>; AT_ONCE] = std::array::from_fn(|at| some.get(at).copied());
        let mut rows = statement.query(numbers)?;
        while let Some(row) = rows.next()? {
            found.push(record(row)?);
        }
    }
    Ok(found)
}

/// As [`by_seqs`], but only the contents.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn contents(conn: &Connection, seqs: &[Seq], budget: Budget) -> Result<Vec<(Seq, String)>> {
    let mut statement = conn.prepare_cached("SELECT content FROM records WHERE seq = ?")?;
    let (mut found, mut bytes) = (Vec::with_capacity(seqs.len()), 0);
    for &seq in seqs {
        let content = statement.query_row([seq], |row| Ok(row::content(row, 0).to_owned())).optional()?;
        let Some(content) = content else { continue };
        bytes += content.len().min(budget.each);
        found.push((seq, content));
        if bytes > budget.total {
            break;
        }
    }
    Ok(found)
}

/// As [`by_seqs`], but only what blending needs.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn priors(conn: &Connection, seqs: &[Seq]) -> Result<Vec<Prior>> {
    let mut statement = conn.prepare_cached("SELECT created_at, importance FROM records WHERE seq = ?")?;
    let mut found = Vec::with_capacity(seqs.len());
    for &seq in seqs {
        let prior = statement.query_row([seq], |row| {
            let importance = row.get::<_, Option<f64>>(1)?.unwrap_or(0.5);
            Ok(Prior { seq, created_at: row.get(0)?, importance })
        });
        found.extend(prior.optional()?);
    }
    Ok(found)
}

/// For each of these numbers, those of the records written just before and just after it in the same scope, among those that
/// `viewer` may see.
///
/// # Errors
/// [`Error::Backend`].
pub fn neighbours(conn: &Connection, seqs: &[Seq], viewer: &Viewer) -> Result<Vec<[Option<Seq>; 2]>> {
    let visible = if viewer.include_private { "" } else { "AND (private IS NULL OR source = ?2)" };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT (SELECT max(seq) FROM records WHERE scope = own.scope AND seq < own.seq {visible}),
                (SELECT min(seq) FROM records WHERE scope = own.scope AND seq > own.seq {visible})
         FROM records AS own WHERE seq = ?1 AND ?2 IS ?2",
    ))?;
    let around = |seq: &Seq| {
        let found = statement.query_row((seq, &viewer.source), |row| Ok([row.get(0)?, row.get(1)?]));
        Ok(found.optional()?.unwrap_or_default())
    };
    seqs.iter().map(around).collect()
}

/// True if the record with this id is in the scope or below.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn is_within(conn: &Connection, id: &RecordId, scope: &Scope) -> Result<bool> {
    Ok(by_id(conn, id)?.is_some_and(|(_, record)| scope.contains(&record.scope)))
}

/// Passes every record that passes the filter to `take`, in the order of writing, until it returns false. For a damaged
/// record it passes the error.
///
/// # Errors
/// [`crate::Error::Backend`], and what `take` raises.
pub fn each(
    conn: &Connection,
    filter: &Filter,
    now: Micros,
    mut take: impl FnMut(Result<Record>) -> Result<bool>,
) -> Result<()> {
    let clause = Where::new(conn, filter, now)?;
    let sql = format!("{}{} ORDER BY records.seq", *SELECT, clause.sql());
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(clause.params())?;
    while let Some(row) = rows.next()? {
        if !take(record(row).map(|(_, record)| record).map_err(Error::from))? {
            break;
        }
    }
    Ok(())
}

/// One line for each record that cannot be read or that does not fit its checksum.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn problems(conn: &Connection) -> Result<Vec<String>> {
    let mut statement = conn.prepare_cached(&format!("{} ORDER BY records.seq", *SELECT))?;
    let mut rows = statement.query([])?;
    let mut problems = Vec::new();
    while let Some(row) = rows.next()? {
        if let Err(error) = record(row) {
            problems.push(format!("record number {}: {}", row.get::<_, Seq>(0)?, message(&error)));
        }
    }
    Ok(problems)
}

/// Adds a checksum to each record that has none because it was written under an older schema.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seal(conn: &Connection) -> Result<()> {
    let mut statement = conn.prepare(&format!("{} WHERE records.checksum IS NULL", *SELECT))?;
    let checksums =
        statement.query_map([], |row| Ok((row.get::<_, Seq>(0)?, row::fields(row)?.checksum())))?;
    let checksums = checksums.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut update = conn.prepare("UPDATE records SET checksum = ? WHERE seq = ?")?;
    for (seq, checksum) in checksums {
        update.execute((checksum, seq))?;
    }
    Ok(())
}

/// Passes number and content of every record above `after` to `take`, in ascending order, until it returns false.
///
/// # Errors
/// [`crate::Error::Backend`], and what `take` raises.
pub fn each_content(
    conn: &Connection,
    after: Seq,
    mut take: impl FnMut(Seq, &str) -> Result<bool>,
) -> Result<()> {
    let mut statement = conn.prepare_cached("SELECT seq, content FROM records WHERE seq > ? ORDER BY seq")?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        if !take(row.get(0)?, row::content(row, 1))? {
            break;
        }
    }
    Ok(())
}
