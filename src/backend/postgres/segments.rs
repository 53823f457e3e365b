//! The manifest of index files, and the files themselves in parts: a host that lacks one fetches it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::client::Client;
use super::query::{execute, query};
use crate::backend::manifest::IndexFile;
use crate::error::{Error, Result};
use crate::files::{PartFile, create_private_folder, folder};
use crate::record::Micros;

/// A memtable of so many records is written to the database, so that hosts which come new to the space need not analyze more.
pub const RECORDS: u32 = 4096;

/// Bytes of a part.
const PART: usize = 1 << 20;

/// All files, by their first record.
///
/// # Errors
/// [`Error::Backend`].
pub fn read(client: &mut Client, space: i64) -> Result<Vec<IndexFile>> {
    let sql = "SELECT name, first, last, deletion, bytes, checksum FROM agentmem_segments WHERE space = $1 ORDER BY first";
    let rows = query(client, sql, &[&space])?;
    let file = |row: &tokio_postgres::Row| {
        Ok(IndexFile {
            name: row.try_get(0)?,
            first: row.try_get(1)?,
            last: row.try_get(2)?,
            deletion: row.try_get(3)?,
            bytes: row.try_get::<_, i64>(4)?.cast_unsigned(),
            checksum: row.try_get::<_, i64>(5)?.cast_unsigned(),
        })
    };
    rows.iter().map(file).collect()
}

/// Puts `files` in place of all that were named before. Belongs in a write transaction.
///
/// # Errors
/// [`Error::Backend`].
pub fn replace(client: &mut Client, space: i64, files: &[IndexFile]) -> Result<()> {
    execute(client, "DELETE FROM agentmem_segments WHERE space = $1", &[&space])?;
    let sql = "INSERT INTO agentmem_segments (space, name, first, last, deletion, bytes, checksum)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for file in files {
        let (bytes, checksum) = (file.bytes.cast_signed(), file.checksum.cast_signed());
        execute(
            client,
            sql,
            &[&space, &file.name, &file.first, &file.last, &file.deletion, &bytes, &checksum],
        )?;
    }
    Ok(())
}

/// Stores a file in parts.
///
/// # Errors
/// [`Error::Io`], [`Error::Backend`].
pub fn store(client: &mut Client, space: i64, name: &str, path: &Path, now: Micros) -> Result<()> {
    let sql = "INSERT INTO agentmem_chunks (space, name, part, written_at, checksum, data)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let mut file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut data = Vec::with_capacity(PART);
    for part in 0.. {
        data.clear();
        let read = Read::by_ref(&mut file).take(PART as u64).read_to_end(&mut data);
        if read.map_err(|error| Error::io(path, error))? == 0 {
            break;
        }
        let part: i32 = part;
        execute(client, sql, &[&space, &name, &part, &now, &xxh3_64(&data).cast_signed(), &data.as_slice()])?;
    }
    Ok(())
}

/// Writes a file from its parts to `target`, where it appears when it is complete. False if a part is missing or damaged.
///
/// # Errors
/// [`Error::Io`], [`Error::Backend`].
pub fn fetch(client: &mut Client, space: i64, file: &IndexFile, target: &Path) -> Result<bool> {
    let failed = |error| Error::io(target, error);
    let sql = "SELECT data, checksum FROM agentmem_chunks WHERE space = $1 AND name = $2 AND part = $3";
    create_private_folder(folder(target)).map_err(failed)?;
    let temporary = target.with_extension(format!("{:x}.part", crate::random::number()));
    let (published, mut out) = PartFile::create(temporary).map_err(failed)?;
    let mut written = 0u64;
    for part in 0.. {
        let part: i32 = part;
        let rows = query(client, sql, &[&space, &file.name, &part])?;
        let Some(row) = rows.first() else { break };
        let data: &[u8] = row.try_get(0)?;
        if xxh3_64(data).cast_signed() != row.try_get::<_, i64>(1)? {
            return Ok(false);
        }
        out.write_all(data).map_err(failed)?;
        written += data.len() as u64;
    }
    if written != file.bytes {
        return Ok(false);
    }
    match published.publish(target) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(true),
        outcome => outcome.map(|()| true).map_err(failed),
    }
}

/// Deletes the parts of a file.
///
/// # Errors
/// [`Error::Backend`].
pub fn remove(client: &mut Client, space: i64, name: &str) -> Result<()> {
    execute(client, "DELETE FROM agentmem_chunks WHERE space = $1 AND name = $2", &[&space, &name]).map(drop)
}

/// Deletes the parts that were written before `before` of files that the manifest does not name.
///
/// # Errors
/// [`Error::Backend`].
pub fn sweep(client: &mut Client, space: i64, before: Micros) -> Result<()> {
    let sql = "DELETE FROM agentmem_chunks WHERE space = $1 AND written_at < $2
               AND name NOT IN (SELECT name FROM agentmem_segments WHERE space = $1)";
    execute(client, sql, &[&space, &before]).map(drop)
}
