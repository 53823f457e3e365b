//! Statements and their parameters.
//!
//! They are not prepared on the server, except by [`Database::transact_again`](super::database::Database::transact_again): a
//! statement and its result take one round trip all the same, and a pooler may pass each transaction to another session.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::client::Client;
use crate::error::Result;

/// How many rows are fetched at first where there may be many. The first may be enough.
const FETCHED: usize = 200;

/// Most rows that are fetched at a time.
const MOST_FETCHED: usize = 5000;

/// About as many bytes are fetched at a time at most, once the sizes of rows are known.
const MOST_BYTES: usize = 2 << 20;

/// A parameter of a statement. Its type is sent with it.
pub trait Param: ToSql + Sync {
    /// The type.
    fn kind(&self) -> Type;
}

macro_rules! params {
    ($($rust:ty: $kind:ident;)*) => {
        $(impl Param for $rust {
            fn kind(&self) -> Type {
                Type::$kind
            }
        })*
    };
}

params! {
    i64: INT8;
    i32: INT4;
    f64: FLOAT8;
    bool: BOOL;
    &str: TEXT;
    String: TEXT;
    &[u8]: BYTEA;
    Option<i64>: INT8;
    Option<&str>: TEXT;
    Option<String>: TEXT;
    Option<&[u8]>: BYTEA;
    Option<Vec<u8>>: BYTEA;
    &[i64]: INT8_ARRAY;
    Vec<i64>: INT8_ARRAY;
    Vec<i32>: INT4_ARRAY;
    Vec<f64>: FLOAT8_ARRAY;
    Vec<bool>: BOOL_ARRAY;
    Vec<&str>: TEXT_ARRAY;
    Vec<String>: TEXT_ARRAY;
    Vec<Option<i64>>: INT8_ARRAY;
    Vec<Option<&str>>: TEXT_ARRAY;
    Vec<Option<String>>: TEXT_ARRAY;
    Vec<Option<&[u8]>>: BYTEA_ARRAY;
    Vec<Option<Vec<u8>>>: BYTEA_ARRAY;
}

/// A statement that is put together, with its parameters.
#[derive(Default)]
pub struct Sql<'a> {
    /// The text, with `$1` and so on.
    pub text: String,
    params: Vec<Box<dyn Param + 'a>>,
}

impl<'a> Sql<'a> {
    /// A statement without parameters so far.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), params: Vec::new() }
    }

    /// Adds text, in which each `?` stands for one of the parameters.
    pub fn push(&mut self, text: &str, params: impl IntoIterator<Item = Box<dyn Param + 'a>>) {
        let mut params = params.into_iter();
        let mut pieces = text.split('?');
        self.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.params.extend(params.next());
            self.text.push_str(&format!("${}", self.params.len()));
            self.text.push_str(piece);
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn query(&self, client: &mut Client) -> Result<Vec<Row>> {
        let params: Vec<&dyn Param> = self.params.iter().map(|param| &**param).collect();
        query(client, &self.text, &params)
    }

    /// All rows, of a connection that is lent.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub fn rows(&self, client: &dyn Lend) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        client.lend(&mut |client| {
            rows = self.query(client)?;
            Ok(())
        })?;
        Ok(rows)
    }

    /// Passes all rows to `take`, until it returns false. A few are read at a time, and `take` may use the connection.
    ///
    /// # Errors
    /// [`crate::Error::Backend`], and what `take` raises.
    pub fn each(&self, client: &dyn Lend, mut take: impl FnMut(&Row) -> Result<bool>) -> Result<()> {
        let params: Vec<&dyn Param> = self.params.iter().map(|param| &**param).collect();
        // Reads may be nested.
        let cursor = format!("agentmem_{:x}", crate::random::number());
        let declare = format!("DECLARE {cursor} NO SCROLL CURSOR FOR {}", self.text);
        client.lend(&mut |client| query(client, &declare, &params).map(drop))?;
        let (mut go_on, mut wanted) = (true, FETCHED);
        while go_on {
            let fetch = format!("FETCH {wanted} FROM {cursor}");
            let mut rows = Vec::new();
            client.lend(&mut |client| {
                rows = query(client, &fetch, &[])?;
                Ok(())
            })?;
            go_on = rows.len() == wanted;
            wanted = more_than(&rows);
            for row in &rows {
                if !take(row)? {
                    go_on = false;
                    break;
                }
            }
        }
        client.lend(&mut |client| Ok(client.batch_execute(&format!("CLOSE {cursor}"))?))
    }
}

/// How many rows to fetch after these: twice as many, within the bounds.
fn more_than(rows: &[Row]) -> usize {
    let bytes: usize = rows.iter().map(Row::raw_size_bytes).sum();
    let fitting = MOST_BYTES.saturating_mul(rows.len()) / bytes.max(1);
    fitting.min(2 * rows.len()).clamp(1, MOST_FETCHED)
}

/// Lends a connection for a statement.
pub trait Lend {
    /// Runs `work` with the connection.
    ///
    /// # Errors
    /// What `work` raises.
    fn lend(&self, work: &mut dyn FnMut(&mut Client) -> Result<()>) -> Result<()>;
}

/// Runs a statement and returns all rows.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn query(client: &mut Client, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
    Ok(client.query_typed(sql, &typed(params))?)
}

/// Runs a statement and returns how many rows it concerned.
///
/// # Errors
/// [`crate::Error::Backend`].
pub fn execute(client: &mut Client, sql: &str, params: &[&dyn Param]) -> Result<u64> {
    Ok(client.execute_typed(sql, &typed(params))?)
}

/// Parameters with their types.
pub fn typed<'p>(params: &[&'p dyn Param]) -> Vec<(&'p (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (*param as &(dyn ToSql + Sync), param.kind())).collect()
}
