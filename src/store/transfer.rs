//! Export and import as JSON lines: one record a line, as [`Record::to_json`] writes it.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::mem;

use super::{OnConflict, Store};
use crate::backend::Progress;
use crate::error::{Error, Result};
use crate::record::{Filter, Record};

/// Records that are imported in one transaction.
const BATCH: usize = 10_000;
/// What some programs put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Records between two reports of progress.
const STRIDE: u64 = 1000;
/// Longest line that is read.
const MAX_LINE_BYTES: usize = 256 << 20;

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records written.
    pub written: u64,
    /// Records passed over, because their ids were there already.
    pub skipped: u64,
}

impl Store {
    /// Writes the records that pass the filter, in the order of writing, and says how many. Damaged ones end it, or are left
    /// out and logged. `progress` counts records.
    ///
    /// # Errors
    /// [`Error::Io`] when `out` fails, [`Error::Corrupt`], [`Error::Interrupted`]; what was written so far stays.
    pub fn export(
        &self,
        out: &mut dyn Write,
        filter: &Filter,
        skip_damaged: bool,
        progress: &mut Progress<'_>,
    ) -> Result<u64> {
        let total = self.count(filter)?;
        let failed = |error| Error::io("the export", error);
        let mut done = 0u64;
        self.snapshot()?.each(filter, &mut |record| {
            match record {
                Err(Error::Corrupt { detail, .. }) if skip_damaged => {
                    log::error!("not exported: {detail}");
                    return Ok(true);
                }
                record => writeln!(out, "{}", record?.to_json()).map_err(failed)?,
            }
            done += 1;
            if done.is_multiple_of(STRIDE) && !progress(done, total) {
                return Err(Error::Interrupted { done });
            }
            Ok(true)
        })?;
        out.flush().map_err(failed)?;
        progress(done, total);
        Ok(done)
    }

    /// Reads what [`Store::import`] is to read, and changes nothing: what it raises, that would raise in the middle.
    /// `progress` as there.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] naming the line; [`Error::DimensionMismatch`]; [`Error::DuplicateId`] for what is to fail;
    /// [`Error::Interrupted`].
    pub fn check_import(
        &self,
        lines: &mut dyn BufRead,
        on_conflict: OnConflict,
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        self.check_writable()?;
        let mut ids = HashSet::new();
        let snapshot = self.snapshot()?;
        let mut dimension = snapshot.dimension()?;
        each_record(lines, progress, |record| {
            if let Some(found) = record.embedding.as_ref().map(Vec::len) {
                let expected = *dimension.get_or_insert(found);
                if expected != found {
                    return Err(Error::DimensionMismatch { expected, found });
                }
            }
            if on_conflict == OnConflict::Fail
                && (snapshot.contains(&record.id)? || !ids.insert(record.id.clone()))
            {
                return Err(Error::DuplicateId(record.id.to_string()));
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Reads records from JSON lines, blank ones passed over, 10,000 in a transaction. `progress` counts lines; the
    /// total is not known and 0.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] naming the line; [`Error::Interrupted`]; what was committed before stays.
    pub fn import(
        &self,
        lines: &mut dyn BufRead,
        on_conflict: OnConflict,
        progress: &mut Progress<'_>,
    ) -> Result<Imported> {
        self.check_writable()?;
        let mut imported = Imported::default();
        let mut batch = Vec::new();
        let mut in_batch = HashSet::new();
        let outcome = each_record(lines, progress, |record| {
            // One that replaces another of its batch must come after it.
            let replaces = on_conflict == OnConflict::Replace && !in_batch.insert(record.id.clone());
            if replaces || batch.len() >= BATCH {
                self.import_batch(mem::take(&mut batch), on_conflict, &mut imported)?;
                in_batch = HashSet::from([record.id.clone()]);
            }
            batch.push(record);
            Ok(())
        });
        let read = outcome.map_err(|error| match error {
            Error::Interrupted { .. } => Error::Interrupted { done: imported.written },
            other => other,
        })?;
        self.import_batch(batch, on_conflict, &mut imported)?;
        progress(read, 0);
        Ok(imported)
    }

    fn import_batch(
        &self,
        batch: Vec<Record>,
        on_conflict: OnConflict,
        imported: &mut Imported,
    ) -> Result<()> {
        let given = batch.len() as u64;
        let written = self.add_counted(batch, on_conflict)?;
        imported.written += written;
        imported.skipped += given - written;
        Ok(())
    }
}

/// Hands every record to `take`, and now and then the number of lines to `progress`; returns that number at the end.
fn each_record(
    lines: &mut dyn BufRead,
    progress: &mut Progress<'_>,
    mut take: impl FnMut(Record) -> Result<()>,
) -> Result<u64> {
    let mut number = 0u64;
    let mut line = Vec::new();
    while read_line(lines, &mut line)? {
        number += 1;
        if number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if !line.trim_ascii().is_empty() {
            take(parse(&line, number)?)?;
        }
        if number.is_multiple_of(STRIDE) && !progress(number, 0) {
            return Err(Error::Interrupted { done: 0 });
        }
    }
    Ok(number)
}

fn read_line(lines: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let mut bounded = std::io::Read::take(lines, MAX_LINE_BYTES as u64 + 1);
    bounded.read_until(b'\n', line).map_err(|error| Error::io("the import", error))?;
    if line.len() > MAX_LINE_BYTES {
        return Err(Error::InvalidRecord(format!("a line has more than {MAX_LINE_BYTES} bytes")));
    }
    Ok(!line.is_empty())
}

fn parse(line: &[u8], number: u64) -> Result<Record> {
    Record::from_json_bytes(line).map_err(|error| match error {
        Error::InvalidRecord(what) => Error::InvalidRecord(format!("line {number}: {what}")),
        other => other,
    })
}
