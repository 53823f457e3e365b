//! Reading records. Writing them is for [`super::batch`], which keeps the rest in step.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use rusqlite::types::{ToSql, ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::checksum::Fields;
use super::filter::Where;
use super::meta;
use super::sqlite_error::told;
use crate::backend::snapshot::{Prior, ScopeInfo};
use crate::error::{Error, Result};
use crate::record::{Filter, Micros, Record, RecordId, Scope, Seq, Viewer};

/// What [`record`] reads, from [`FROM`].
const COLUMNS: &str =
    "records.seq, records.id, scopes.path, created_at, updated_at, last_accessed, importance, source,
     private, categories, metadata, content, vector, checksum";
// A record whose scope is gone is damaged, and must not be passed over.
const FROM: &str = " FROM records LEFT JOIN scopes ON scopes.id = records.scope
     LEFT JOIN embeddings ON embeddings.seq = records.seq";

/// Records that one run of [`BY_SEQS`] reads: as many as a search finds unless asked for more.
const AT_ONCE: usize = 10;
/// The first loop of a cross join is its left table: so rows come in the order of the numbers.
static BY_SEQS: LazyLock<String> = LazyLock::new(|| {
    let numbers = ["(?)"; AT_ONCE].join(",");
    let from = FROM.replacen("records", "wanted CROSS JOIN records ON records.seq = wanted.seq", 1);
    format!("WITH wanted(seq) AS (VALUES {numbers}) SELECT {COLUMNS}{from}")
});

/// The record with this id.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn by_id(conn: &Connection, id: &RecordId) -> Result<Option<(Seq, Record)>> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS}{FROM} WHERE records.id = ?"))?;
    Ok(statement.query_row([EncodedId::new(id)], record).optional()?)
}

/// The records with these ids, in this order; `None` where there is none that the viewer may see.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn by_ids(conn: &Connection, ids: &[RecordId], viewer: &Viewer) -> Result<Vec<Option<Record>>> {
    let visible = |(_, record): &(Seq, Record)| viewer.sees(record.source.as_deref(), record.private);
    ids.iter().map(|id| Ok(by_id(conn, id)?.filter(visible).map(|(_, record)| record))).collect()
}

/// The records with these numbers, in this order; those that are gone are left out.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn by_seqs(conn: &Connection, seqs: &[Seq]) -> Result<Vec<(Seq, Record)>> {
    let mut statement = conn.prepare_cached(&BY_SEQS)?;
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

/// Only the content of the records with these numbers, as [`by_seqs`].
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn contents(conn: &Connection, seqs: &[Seq]) -> Result<Vec<(Seq, String)>> {
    let mut statement = conn.prepare_cached("SELECT content FROM records WHERE seq = ?")?;
    let mut found = Vec::with_capacity(seqs.len());
    for &seq in seqs {
        found.extend(statement.query_row([seq], |row| Ok((seq, content(row, 0).to_owned()))).optional()?);
    }
    Ok(found)
}

/// Only the vectors of the records with these numbers that have one, as [`by_seqs`].
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn vectors(conn: &Connection, seqs: &[Seq]) -> Result<Vec<(Seq, Vec<f32>)>> {
    let mut statement = conn.prepare_cached("SELECT vector FROM embeddings WHERE seq = ?")?;
    let mut found = Vec::with_capacity(seqs.len());
    for &seq in seqs {
        let read = statement.query_row([seq], |row| Ok(vector(row, 0))).optional()?.flatten();
        found.extend(read.map(|vector| (seq, vector)));
    }
    Ok(found)
}

/// Only what blending needs of the records with these numbers, as [`by_seqs`].
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

/// The numbers of the records written just before and just after this one in its very scope.
///
/// # Errors
/// [`Error::Backend`].
pub fn neighbours(conn: &Connection, seq: Seq) -> Result<[Option<Seq>; 2]> {
    let mut statement = conn.prepare_cached(
        "SELECT (SELECT max(seq) FROM records WHERE scope = own.scope AND seq < own.seq),
                (SELECT min(seq) FROM records WHERE scope = own.scope AND seq > own.seq)
         FROM records AS own WHERE seq = ?",
    )?;
    let found = statement.query_row([seq], |row| Ok([row.get(0)?, row.get(1)?])).optional()?;
    Ok(found.unwrap_or_default())
}

/// The number of the record with this id.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seq_of_id(conn: &Connection, id: &RecordId) -> Result<Option<Seq>> {
    let mut statement = conn.prepare_cached("SELECT seq FROM records WHERE id = ?")?;
    Ok(statement.query_row([EncodedId::new(id)], |row| row.get(0)).optional()?)
}

/// The numbers of the records with these ids; unknown ids are left out.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seqs_of_ids(conn: &Connection, ids: &[RecordId]) -> Result<Vec<Seq>> {
    ids.iter().filter_map(|id| seq_of_id(conn, id).transpose()).collect()
}

/// Records that pass the filter, newest first: by `created_at`, then by number.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn select(conn: &Connection, filter: &Filter, limit: usize, offset: usize) -> Result<Vec<(Seq, Record)>> {
    let few = is_narrow(conn, filter)?;
    let mut clause = Where::new(conn, filter)?.avoiding(if few { &[] } else { &["scope"] });
    let page = [limit, offset].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let order = if few { "+created_at" } else { "created_at" };
    let sql = format!(
        "SELECT {COLUMNS}{FROM}{} ORDER BY {order} DESC, records.seq DESC LIMIT ? OFFSET ?",
        clause.sql()
    );
    clause.bind(page);
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(clause.params(), record)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Are there so few records in the filter's scope that sorting them beats walking by date?
fn is_narrow(conn: &Connection, filter: &Filter) -> Result<bool> {
    const FEW: i64 = 10_000;
    if filter.ids.is_some() {
        return Ok(true);
    }
    if filter.scope.is_none() {
        return Ok(false);
    }
    let mut clause =
        Where::regardless_of_viewer(conn, &Filter { scope: filter.scope.clone(), ..Filter::default() })?;
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM records{} LIMIT ?)", clause.sql());
    clause.bind([FEW]);
    let found: i64 = conn.prepare_cached(&sql)?.query_row(clause.params(), |row| row.get(0))?;
    Ok(found < FEW)
}

/// How many records pass the filter.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn count(conn: &Connection, filter: &Filter) -> Result<u64> {
    let all = if filter.narrows() {
        count_where(conn, &Where::regardless_of_viewer(conn, filter)?)?
    } else {
        meta::totals(conn)?.records
    };
    match Where::hidden_from(&filter.viewer) {
        Some(mut hidden) if all > 0 => {
            hidden.extend(Where::regardless_of_viewer(conn, filter)?);
            let hidden = hidden.avoiding(&["scope", "created_at"]);
            Ok(all.saturating_sub(count_where(conn, &hidden)?))
        }
        _ => Ok(all),
    }
}

fn count_where(conn: &Connection, clause: &Where) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM records{}", clause.sql());
    Ok(conn.prepare_cached(&sql)?.query_row(clause.params(), |row| row.get(0))?)
}

/// The numbers above `after` of the records that pass the filter, rising.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seqs_matching(conn: &Connection, filter: &Filter, after: Seq) -> Result<Vec<Seq>> {
    let passing = seqs(conn, Where::regardless_of_viewer(conn, filter)?, after)?;
    let hidden = hidden(conn, &filter.viewer, after)?;
    if hidden.is_empty() {
        return Ok(passing);
    }
    let mut hidden = hidden.into_iter().peekable();
    Ok(passing
        .into_iter()
        .filter(|seq| {
            while hidden.next_if(|one| one < seq).is_some() {}
            hidden.peek() != Some(seq)
        })
        .collect())
}

/// The numbers above `after` of the records that the viewer may not see, rising.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn hidden(conn: &Connection, viewer: &Viewer, after: Seq) -> Result<Vec<Seq>> {
    Where::hidden_from(viewer).map_or(Ok(Vec::new()), |clause| seqs(conn, clause, after))
}

fn seqs(conn: &Connection, mut clause: Where, after: Seq) -> Result<Vec<Seq>> {
    if after > 0 {
        clause = clause.avoiding(&["scope", "created_at"]);
        clause.and("records.seq > ?", [after]);
    }
    let mut statement = conn.prepare_cached(&format!("SELECT seq FROM records{}", clause.sql()))?;
    let rows = statement.query_map(clause.params(), |row| row.get(0))?;
    let mut seqs = rows.collect::<rusqlite::Result<Vec<Seq>>>()?;
    // Nearly sorted as it comes, which this sort is quick with.
    seqs.sort();
    Ok(seqs)
}

/// The labels of the records that pass the filter with how often they occur, most frequent first, then by name.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn categories(conn: &Connection, filter: &Filter) -> Result<Vec<(String, u64)>> {
    let mut clause = Where::new(conn, filter)?;
    clause.and::<Value>("categories IS NOT NULL", []);
    let mut statement = conn.prepare_cached(&format!("SELECT categories FROM records{}", clause.sql()))?;
    let mut rows = statement.query(clause.params())?;
    // Few different lists occur: each is read once.
    let mut lists: HashMap<String, u64> = HashMap::new();
    while let Some(row) = rows.next()? {
        let list = row.get_ref(0)?.as_str().map_err(|error| unreadable(0, error))?;
        match lists.get_mut(list) {
            Some(count) => *count += 1,
            None => drop(lists.insert(list.to_owned(), 1)),
        }
    }
    let mut counts: HashMap<String, u64> = HashMap::new();
    for (list, count) in lists {
        for category in serde_json::from_str::<Vec<String>>(&list).map_err(|error| unreadable(0, error))? {
            *counts.entry(category).or_default() += count;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(counts)
}

/// The immediate children of `parent` that hold a visible record, or have one below them, by name.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn scopes(conn: &Connection, parent: &Scope, viewer: &Viewer) -> Result<Vec<Scope>> {
    let visible = Where::new(conn, &Filter { viewer: viewer.clone(), ..Filter::default() })?;
    let and = visible.sql().replacen(" WHERE", " AND", 1);
    // Of "/": all but itself, "/" < path < "0".
    let prefix = if *parent == Scope::root() { "" } else { parent.as_str() };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT path FROM scopes WHERE EXISTS (SELECT 1 FROM records WHERE scope = scopes.id{and})
         AND path > ? AND path < ?"
    ))?;
    let mut clause = visible;
    clause.bind([format!("{prefix}/"), format!("{prefix}0")]);
    let mut rows = statement.query(clause.params())?;
    let mut children = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let path: String = row.get(0)?;
        let end = path[prefix.len() + 1..].find('/').map_or(path.len(), |at| prefix.len() + 1 + at);
        children.insert(Scope::parse(&path[..end])?);
    }
    Ok(children.into_iter().collect())
}

/// What a viewer sees in a scope and below.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn scope_info(conn: &Connection, scope: &Scope, viewer: &Viewer) -> Result<ScopeInfo> {
    let filter = Filter { scope: Some(scope.clone()), viewer: viewer.clone(), ..Filter::default() };
    let clause = Where::new(conn, &filter)?;
    let sql = format!("SELECT count(*), min(created_at), max(created_at) FROM records{}", clause.sql());
    let (records, oldest, newest) = conn
        .prepare_cached(&sql)?
        .query_row(clause.params(), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(ScopeInfo {
        scope: scope.clone(),
        records,
        categories: categories(conn, &filter)?,
        oldest,
        newest,
        children: scopes(conn, scope, viewer)?,
    })
}

/// Hands every record that passes the filter to `take`, in the order of writing, until it answers false; for a damaged one
/// what is wrong with it.
///
/// # Errors
/// [`crate::Error::Backend`], and what `take` raises.
pub fn each(
    conn: &Connection,
    filter: &Filter,
    mut take: impl FnMut(Result<Record>) -> Result<bool>,
) -> Result<()> {
    let clause = Where::new(conn, filter)?;
    let sql = format!("SELECT {COLUMNS}{FROM}{} ORDER BY records.seq", clause.sql());
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(clause.params())?;
    while let Some(row) = rows.next()? {
        if !take(record(row).map(|(_, record)| record).map_err(Error::from))? {
            break;
        }
    }
    Ok(())
}

/// What is wrong with the records themselves, one line for each that cannot be read or is not what was written.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn problems(conn: &Connection) -> Result<Vec<String>> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS}{FROM} ORDER BY records.seq"))?;
    let mut rows = statement.query([])?;
    let mut problems = Vec::new();
    while let Some(row) = rows.next()? {
        if let Err(error) = record(row) {
            problems.push(format!("record number {}: {}", row.get::<_, Seq>(0)?, told(&error)));
        }
    }
    Ok(problems)
}

/// Gives a checksum to each record that has none, because an older schema held it.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn seal(conn: &Connection) -> Result<()> {
    let mut statement = conn.prepare(&format!("SELECT {COLUMNS}{FROM} WHERE checksum IS NULL"))?;
    let checksums = statement.query_map([], |row| Ok((row.get::<_, Seq>(0)?, fields(row)?.checksum())))?;
    let checksums = checksums.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut update = conn.prepare("UPDATE records SET checksum = ? WHERE seq = ?")?;
    for (seq, checksum) in checksums {
        update.execute((checksum, seq))?;
    }
    Ok(())
}

/// Hands number and content of every record above `after` to `take`, rising, until it answers false.
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
        if !take(row.get(0)?, content(row, 1))? {
            break;
        }
    }
    Ok(())
}

/// Hands number and vector of every record above `after` that has one to `take`, rising, until it answers false.
///
/// # Errors
/// [`crate::Error::Backend`], and what `take` raises.
pub fn each_vector(
    conn: &Connection,
    after: Seq,
    mut take: impl FnMut(Seq, Vec<f32>) -> Result<bool>,
) -> Result<()> {
    let mut statement =
        conn.prepare_cached("SELECT seq, vector FROM embeddings WHERE seq > ? ORDER BY seq")?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        if let Some(vector) = vector(row, 1)
            && !take(row.get(0)?, vector)?
        {
            break;
        }
    }
    Ok(())
}

/// Length of the vectors that the store holds; `None` while it holds none.
///
/// # Errors
/// [`Error::Backend`].
pub fn dimension(conn: &Connection) -> Result<Option<usize>> {
    let mut statement = conn.prepare_cached("SELECT length(vector) / 4 FROM embeddings LIMIT 1")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// Does a vector of length `found` fit those that the store holds? While it holds none, any does.
///
/// # Errors
/// [`Error::DimensionMismatch`] if not; [`Error::Backend`].
pub fn check_dimension(conn: &Connection, found: usize) -> Result<()> {
    match dimension(conn)? {
        Some(expected) if expected != found => Err(Error::DimensionMismatch { expected, found }),
        _ => Ok(()),
    }
}

/// An id as it is stored: a UUID in its canonical form takes 16 bytes instead of 36.
pub(super) struct EncodedId<'a>(pub ValueRef<'a>);

impl<'a> EncodedId<'a> {
    pub(super) fn new(id: &'a RecordId) -> Self {
        Self(id.uuid().map_or_else(ValueRef::from, |uuid| ValueRef::Blob(uuid.as_bytes())))
    }
}

impl ToSql for EncodedId<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

fn decode_id(value: ValueRef<'_>, column: usize) -> rusqlite::Result<RecordId> {
    match value {
        ValueRef::Blob(bytes) => {
            Uuid::from_slice(bytes).map(RecordId::from).map_err(|error| unreadable(column, error))
        }
        text => RecordId::parse(text.as_str()?).map_err(|error| unreadable(column, error)),
    }
}

/// A vector as bytes.
pub(super) fn encode_vector(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A row's content, for what is derived of it. One that is no text is damaged, as whoever reads the record is told; here it
/// is empty, so that the store can be opened all the same, and the record be deleted.
pub(super) fn content<'r>(row: &'r Row<'_>, column: usize) -> &'r str {
    row.get_ref(column).ok().and_then(|value| value.as_str().ok()).unwrap_or_default()
}

/// A row's vector, for what is derived of it; `None` for a damaged one, likewise.
pub(super) fn vector(row: &Row<'_>, column: usize) -> Option<Vec<f32>> {
    let bytes = row.get_ref(column).ok()?.as_blob_or_null().ok()??;
    decode_vector(bytes, column).ok()
}

fn decode_vector(bytes: &[u8], column: usize) -> rusqlite::Result<Vec<f32>> {
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(unreadable(column, "a vector's length is no multiple of 4"));
    }
    Ok(floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
}

fn record(row: &Row<'_>) -> rusqlite::Result<(Seq, Record)> {
    let fields = checked(row)?;
    let record = Record {
        id: decode_id(fields.id, 1)?,
        content: fields.content.to_owned(),
        scope: Scope::parse(fields.scope).map_err(|error| unreadable(2, error))?,
        categories: json(fields.categories, 9)?,
        metadata: json(fields.metadata, 10)?,
        importance: fields.importance.unwrap_or(0.5),
        source: fields.source.map(str::to_owned),
        private: fields.private,
        created_at: fields.created_at,
        updated_at: fields.updated_at.unwrap_or(fields.created_at),
        last_accessed: row.get::<_, Option<Micros>>(5)?.unwrap_or(fields.created_at),
        embedding: fields.vector.map(|bytes| decode_vector(bytes, 12)).transpose()?,
    };
    Ok((row.get(0)?, record))
}

/// The fields of a row of [`COLUMNS`], if they are what was written.
fn checked<'r>(row: &'r Row<'_>) -> rusqlite::Result<Fields<'r>> {
    let found = fields(row);
    let sealed: Option<i32> = row.get(13)?;
    let as_written = |fields: &Fields<'_>| sealed.is_none_or(|sealed| fields.checksum() == sealed);
    match found {
        Ok(fields) if as_written(&fields) => Ok(fields),
        Err(error) if sealed.is_none() => Err(error),
        _ => {
            let id = decode_id(row.get_ref(1)?, 1)?;
            let what = format!("record {:?} is not what was written, by its checksum", id.text());
            Err(unreadable(13, what + "; delete it, or restore a backup"))
        }
    }
}

/// The fields of a row of [`COLUMNS`].
fn fields<'r>(row: &'r Row<'_>) -> rusqlite::Result<Fields<'r>> {
    Ok(Fields {
        id: row.get_ref(1)?,
        scope: row.get_ref(2)?.as_str()?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
        importance: row.get(6)?,
        source: row.get_ref(7)?.as_str_or_null()?,
        private: row.get::<_, Option<bool>>(8)?.unwrap_or_default(),
        categories: row.get_ref(9)?.as_str_or_null()?,
        metadata: row.get_ref(10)?.as_str_or_null()?,
        content: row.get_ref(11)?.as_str()?,
        vector: row.get_ref(12)?.as_blob_or_null()?,
    })
}

fn json<T: Default + serde::de::DeserializeOwned>(text: Option<&str>, column: usize) -> rusqlite::Result<T> {
    text.map_or(Ok(T::default()), |text| {
        serde_json::from_str(text).map_err(|error| unreadable(column, error))
    })
}

/// Only a damaged file, or another program that wrote into it, leads here.
fn unreadable(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
