//! Adds records in one round trip to the server, which computes their numbers.
//!
//! That is possible if nothing has to be read first: nothing in the space has expired, and its vectors are like the new ones.
//! The statement checks that, for each space that it adds to. If it does not hold, nothing is added to the space; if an id is in
//! use, to none of them.

use std::time::{Duration, Instant};

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::batch::{milliseconds_until, not_committed, unknown};
use super::client::Client;
use super::database::Database;
use super::inserts::{self, COLUMNS, Columns};
use super::postgres_error::is_disconnected;
use super::query::{Param, typed};
use super::trip::{Sums, Trip};
use crate::backend::settings::Durability;
use crate::clock;
use crate::error::Result;
use crate::record::{Micros, Seq};
use crate::text::ANALYZER_VERSION;

/// How long a statement for several spaces waits for the lock of one. The others wait with it.
const LOCK_OF_SEVERAL: Duration = Duration::from_millis(20);

/// Makes trips to different spaces together. Returns the number of the first record of each; `None` where nothing was written.
///
/// # Errors
/// [`crate::Error::Busy`] when explained, if the lock of the only space is not free in time; [`crate::Error::Io`] if the
/// connection is lost, or the commit takes too long: nobody knows then what will stay.
pub fn make(database: &Database, trips: &[&Trip]) -> Result<Vec<Option<Seq>>> {
    let nothing = || Ok(vec![None; trips.len()]);
    let Some(mut connection) = database.fresh_connection()? else { return nothing() };
    match insert(database, &mut connection, trips)? {
        Ok(_) if connection.was_canceled() => Err(unknown(database, "it took too long")),
        Ok(rows) => first_seqs(trips, &rows),
        Err(error) if is_disconnected(&error) => Err(not_committed(database, error)),
        Err(error) if trips.len() == 1 && error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            Err(error.into())
        }
        Err(error) => {
            log::debug!("records could not be added in one round trip: {error}");
            nothing()
        }
    }
}

/// Inserts the records. Returns the space and the number of each that was inserted.
fn insert(
    database: &Database,
    connection: &mut Client,
    trips: &[&Trip],
) -> Result<Result<Vec<Row>, tokio_postgres::Error>> {
    let durability = database.settings().durability;
    let (lock_until, deadline) = times(trips);
    let lock_timeout = milliseconds_until(lock_until).to_string();
    let (signature, analyzer, now) = (signature(durability), i64::from(ANALYZER_VERSION), clock::now());
    let (heads, records) = (Heads::of(trips), Records::of(trips)?);
    let (name, sql): (_, fn(Durability) -> String);
    let mut params: Vec<&dyn Param> = vec![&signature, &lock_timeout, &now, &analyzer];
    if let [_] = records.behind[..] {
        (name, sql) = ("one", one);
        params.extend(heads.first().into_iter().chain(records.columns.row(0)));
    } else {
        (name, sql) = ("many", many);
        params.extend(heads.all().into_iter().chain(records.all()));
    }
    Ok(database.transact_again(connection, name, || sql(durability), &typed(&params), deadline))
}

/// How long to wait for locks, and for all: as long as the most impatient trip.
fn times(trips: &[&Trip]) -> (Instant, Instant) {
    let now = Instant::now();
    let earliest = |time: fn(&Trip) -> Instant| trips.iter().map(|trip| time(trip)).min().unwrap_or(now);
    let lock_until = earliest(|trip| trip.lock_until);
    let most = if trips.len() > 1 { now + LOCK_OF_SEVERAL } else { lock_until };
    (lock_until.min(most), earliest(|trip| trip.deadline))
}

/// The number of the first record of each trip.
fn first_seqs(trips: &[&Trip], rows: &[Row]) -> Result<Vec<Option<Seq>>> {
    let mut firsts = vec![None; trips.len()];
    for row in rows {
        let (space, seq): (i64, Seq) = (row.try_get(0)?, row.try_get(1)?);
        for (trip, first) in trips.iter().zip(&mut firsts) {
            if trip.space == space {
                *first = Some(first.map_or(seq, |first: Seq| first.min(seq)));
            }
        }
    }
    Ok(firsts)
}

/// What tells apart the statements of programs that add otherwise. A pooler may confuse them.
fn signature(durability: Durability) -> String {
    format!("agentmem {}, {durability:?}", env!("CARGO_PKG_VERSION"))
}

/// What the trips add to head rows, one value each. They are parameters 5 to 13 of a statement.
struct Heads<'t> {
    spaces: Vec<i64>,
    paths: Vec<&'t str>,
    /// Records, wordless, terms, vectors, dimension.
    counts: [Vec<i64>; 5],
    embedders: Vec<Option<&'t str>>,
    expires: Vec<Micros>,
}

impl<'t> Heads<'t> {
    fn of(trips: &[&'t Trip]) -> Self {
        let count = |count: fn(&Sums) -> i64| trips.iter().map(|trip| count(&trip.sums)).collect();
        Self {
            spaces: trips.iter().map(|trip| trip.space).collect(),
            paths: trips.iter().map(|trip| trip.path.as_str()).collect(),
            counts: [
                count(|sums| sums.records),
                count(|sums| sums.wordless),
                count(|sums| sums.terms),
                count(|sums| sums.vectors),
                count(|sums| sums.dimension),
            ],
            embedders: trips.iter().map(|trip| trip.sums.embedder.as_deref()).collect(),
            expires: trips.iter().map(|trip| trip.sums.expires.unwrap_or(Micros::MAX)).collect(),
        }
    }

    /// The values of the first trip.
    fn first(&self) -> [&dyn Param; 9] {
        let [records, wordless, terms, vectors, dimension] = &self.counts;
        [
            &self.spaces[0],
            &self.paths[0],
            &records[0],
            &wordless[0],
            &terms[0],
            &vectors[0],
            &dimension[0],
            &self.embedders[0],
            &self.expires[0],
        ]
    }

    fn all(&self) -> [&dyn Param; 9] {
        let [records, wordless, terms, vectors, dimension] = &self.counts;
        let (embedders, expires) = (&self.embedders, &self.expires);
        [&self.spaces, &self.paths, records, wordless, terms, vectors, dimension, embedders, expires]
    }
}

/// The records of all trips, one value each. They are the parameters from 14 on.
struct Records<'t> {
    spaces: Vec<i64>,
    /// How many records of the same space follow.
    behind: Vec<i64>,
    columns: Columns<'t>,
}

impl<'t> Records<'t> {
    fn of(trips: &[&'t Trip]) -> Result<Self> {
        let records = trips.iter().flat_map(|trip| trip.records());
        Ok(Self {
            spaces: trips.iter().flat_map(|trip| trip.records().map(|_| trip.space)).collect(),
            behind: trips.iter().flat_map(|trip| (0..trip.sums.records).rev()).collect(),
            columns: Columns::of(records.map(|new| (&new.record, new.terms())))?,
        })
    }

    fn all(&self) -> Vec<&dyn Param> {
        self.columns.params(&[&self.spaces, &self.behind])
    }
}

/// The statement for one record. The server plans it in less time than [`many`].
fn one(durability: Durability) -> String {
    let head = head("SELECT $5, $6, $4, $7, $7, $8, $9, $10, $11, $12, $13", durability);
    format!(
        "WITH head AS ({head}) INSERT INTO agentmem_records (space, seq, {COLUMNS})
         SELECT space, seq, {values} FROM head RETURNING space, seq",
        values = inserts::values(14),
    )
}

/// The statement for the records of any trips. It locks head rows in the order of their spaces, so that two statements cannot
/// deadlock.
fn many(durability: Durability) -> String {
    let trips = "SELECT space, path, $4, records, records, wordless, terms, vectors, dimension, embedder, expires
                 FROM unnest($5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                             $11::bigint[], $12::text[], $13::bigint[])
                      AS trip(space, path, records, wordless, terms, vectors, dimension, embedder, expires)";
    let head = head(trips, durability);
    format!(
        "WITH head AS ({head}) INSERT INTO agentmem_records (space, seq, {COLUMNS})
         SELECT space, head.seq - behind, {COLUMNS}
         FROM head JOIN unnest($14::bigint[], $15::bigint[], {arrays}) AS new(space, behind, {COLUMNS}) USING (space)
         RETURNING space, seq",
        arrays = inserts::arrays(16),
    )
}

/// The part that adds the sums of trips to their head rows, and returns the newest number of each space.
fn head(trips: &str, durability: Durability) -> String {
    let not_synced = match durability {
        Durability::Full => "",
        Durability::Normal => "AND set_config('synchronous_commit', 'off', true) = 'off'",
    };
    // An upsert takes the server less time to plan than an update, which looks at all partitions.
    format!(
        "INSERT INTO agentmem_spaces AS head
             (space, path, analyzer, seq, records, wordless, terms, vectors, dimension, embedder, expires)
         {trips} WHERE $1 = '{signature}' AND set_config('lock_timeout', $2, true) <> '' {not_synced} ORDER BY 1
         ON CONFLICT (space) DO UPDATE SET
             seq = head.seq + excluded.seq, records = head.records + excluded.records,
             wordless = head.wordless + excluded.wordless, terms = head.terms + excluded.terms,
             vectors = head.vectors + excluded.vectors, expires = least(head.expires, excluded.expires)
         WHERE head.path = excluded.path AND head.expires > $3 AND head.entries_expire > $3 AND head.seq <= {newest} - excluded.seq
               AND (excluded.vectors = 0 OR head.vectors > 0 AND head.dimension = excluded.dimension
                    AND (excluded.embedder IS NULL OR head.embedder = excluded.embedder))
         RETURNING space, seq",
        signature = signature(durability),
        newest = Seq::MAX,
    )
}
