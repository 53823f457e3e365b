//! Export and import as JSON lines; see [`super::lines`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, Write as Out};
use std::mem;
use std::sync::Arc;

use super::lines::{Line, entry_line, record_line};
use super::{OnConflict, Store};
use crate::backend::snapshot::PastVersion;
use crate::backend::write::{Call, Job, NewRecord, Outcome, Write};
use crate::backend::{Progress, Snapshot};
use crate::clock;
use crate::error::{Error, Result};
use crate::journal::{self, Change, Changed};
use crate::record::{Filter, Record, RecordId, Viewer};

/// Lines that are imported in one transaction.
const BATCH: usize = 10_000;
/// Ids that are looked up at a time.
const CHECKED_AT_ONCE: usize = 1000;
/// The byte order mark, which some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Lines between two reports of progress.
const STRIDE: u64 = 1000;
/// Longest line that is read.
const MAX_LINE_BYTES: usize = 256 << 20;

/// What an export contains besides records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// The superseded versions of the records that the viewer may see.
    pub history: bool,
    /// All journals.
    pub journals: bool,
    /// Damaged records and entries are left out.
    pub skip_damaged: bool,
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records and entries written.
    pub written: u64,
    /// Records and entries that were skipped, because they exist already or have expired.
    pub skipped: u64,
}

impl Store {
    /// Writes the records that pass the filter, in the order of writing. Returns how many lines it wrote. A damaged record ends
    /// the export, or is left out and logged. `progress` counts lines.
    ///
    /// # Errors
    /// [`Error::Io`] if `out` fails, [`Error::Corrupt`], [`Error::Interrupted`]; what was written before stays.
    pub fn export(
        &self,
        out: &mut dyn Out,
        filter: &Filter,
        options: ExportOptions,
        progress: &mut Progress<'_>,
    ) -> Result<u64> {
        let whole = self.snapshot_of(filter.scope.as_ref().filter(|_| !options.journals))?;
        let entries = if options.journals { whole.journal_totals()?.entries } else { 0 };
        let total = whole.count(filter)? + entries;
        drop(whole);
        let mut export = Export { out, progress, skip_damaged: options.skip_damaged, done: 0, total };
        let journals_too = Filter::all();
        for path in self.paths(if options.journals { &journals_too } else { filter }, usize::MAX)? {
            export.write_space(&*self.spaces.snapshot(Some(&path))?, filter, options)?;
        }
        export.end()
    }

    /// Reads the input of [`Store::import`] without changing anything, and raises the error that the import would raise midway.
    /// `progress` counts lines.
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
        let mut dimensions: HashMap<String, usize> = HashMap::new();
        let (mut ids, mut unchecked) = (HashSet::new(), Vec::new());
        each_line(lines, progress, |line| {
            let path = line.space(self.spaces.depth());
            let Line::Record(record, _) = line else { return Ok(()) };
            if let Some(found) = record.embedding.as_ref().map(Vec::len) {
                let expected = match dimensions.get(&path) {
                    Some(known) => *known,
                    None => self.spaces.snapshot(Some(&path))?.dimension()?.unwrap_or(found),
                };
                if expected != found {
                    return Err(Error::DimensionMismatch { expected, found });
                }
                dimensions.insert(path.clone(), expected);
            }
            if on_conflict == OnConflict::Fail {
                if !ids.insert((path.clone(), record.id.clone())) {
                    return Err(Error::DuplicateId(record.id.to_string()));
                }
                unchecked.push((record.id, path));
                if unchecked.len() == CHECKED_AT_ONCE {
                    self.check_new(&mem::take(&mut unchecked))?;
                }
            }
            Ok(())
        })?;
        self.check_new(&unchecked)
    }

    /// Checks that none of these records exists, each in the space with this path.
    fn check_new(&self, records: &[(RecordId, String)]) -> Result<()> {
        let ids: Vec<RecordId> = records.iter().map(|(id, _)| id.clone()).collect();
        let known: HashSet<_> = self.spaces.places_of(&ids, None)?.into_iter().collect();
        match records.iter().find(|record| known.contains(record)) {
            Some((id, _)) => Err(Error::DuplicateId(id.to_string())),
            None => Ok(()),
        }
    }

    /// Imports records and entries of journals from JSON lines, 10,000 in a transaction. Skips blank lines, what has expired, and
    /// entries whose numbers exist already. `progress` counts lines; the total is unknown and given as 0.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] naming the line, or if an entry's number belongs to another journal; [`Error::Interrupted`];
    /// what was committed before stays.
    pub fn import(
        &self,
        lines: &mut dyn BufRead,
        on_conflict: OnConflict,
        progress: &mut Progress<'_>,
    ) -> Result<Imported> {
        self.check_writable()?;
        let mut imported = Imported::default();
        let mut batches = ImportBatches::default();
        let outcome = each_line(lines, progress, |line| {
            if line.expires_at().is_some_and(|at| at <= clock::now()) {
                imported.skipped += 1;
                return Ok(());
            }
            let path = line.space(self.spaces.depth());
            // A record that replaces another one of the batch must be written after it.
            if batches.lines >= BATCH || on_conflict == OnConflict::Replace && batches.have(&path, &line) {
                self.import_batches(mem::take(&mut batches), on_conflict, &mut imported)?;
            }
            batches.lines += 1;
            batches.by_space.entry(path).or_default().take(line);
            Ok(())
        });
        let read = outcome.map_err(|error| match error {
            Error::Interrupted { .. } => Error::Interrupted { done: imported.written },
            other => other,
        })?;
        self.import_batches(batches, on_conflict, &mut imported)?;
        progress(read, 0);
        Ok(imported)
    }

    fn import_batches(
        &self,
        batches: ImportBatches,
        on_conflict: OnConflict,
        imported: &mut Imported,
    ) -> Result<()> {
        for batch in batches.by_space.into_values() {
            let given = batch.lines as u64;
            let outcomes = self.submit(batch.into_job(on_conflict)?)?;
            let written: u64 = outcomes.iter().map(written).sum();
            imported.written += written;
            imported.skipped += given - written;
        }
        Ok(())
    }
}

/// The superseded versions of a record that `viewer` may see.
fn visible_past(snapshot: &dyn Snapshot, record: &Record, viewer: &Viewer) -> Result<Vec<PastVersion>> {
    let mut past = snapshot.past(&record.id)?;
    past.retain(|(version, _)| viewer.sees(version.source.as_deref(), version.private));
    Ok(past)
}

/// How many records or entries a call wrote.
fn written(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Journal(Changed::Written(numbers)) => numbers.len() as u64,
        other => other.count(),
    }
}

/// An export in progress.
struct Export<'a, 'p> {
    out: &'a mut dyn Out,
    progress: &'a mut Progress<'p>,
    skip_damaged: bool,
    done: u64,
    total: u64,
}

impl Export<'_, '_> {
    /// Writes the records of a space that pass the filter, and its journals if the options say so.
    fn write_space(
        &mut self,
        snapshot: &dyn Snapshot,
        filter: &Filter,
        options: ExportOptions,
    ) -> Result<()> {
        snapshot.each(filter, &mut |record| {
            let line = record.and_then(|record| {
                let past = match options.history {
                    true => visible_past(snapshot, &record, &filter.viewer)?,
                    false => Vec::new(),
                };
                Ok(record_line(&record, &past))
            });
            self.write(line)
        })?;
        if options.journals {
            snapshot
                .each_entry(&mut |entry| self.write(entry.map(|(name, entry)| entry_line(&name, &entry))))?;
        }
        Ok(())
    }

    /// Writes a line. A damaged record or entry is left out and logged if the options say so; otherwise it is an error.
    fn write(&mut self, line: Result<String>) -> Result<bool> {
        match line {
            Err(Error::Corrupt { detail, .. }) if self.skip_damaged => {
                log::error!("not exported: {detail}");
                return Ok(true);
            }
            line => writeln!(self.out, "{}", line?).map_err(|error| Error::io("the export", error))?,
        }
        self.done += 1;
        if self.done.is_multiple_of(STRIDE) && !(self.progress)(self.done, self.total) {
            return Err(Error::Interrupted { done: self.done });
        }
        Ok(true)
    }

    fn end(self) -> Result<u64> {
        self.out.flush().map_err(|error| Error::io("the export", error))?;
        (self.progress)(self.done, self.total);
        Ok(self.done)
    }
}

/// Lines that are imported next, a batch for each space.
#[derive(Default)]
struct ImportBatches {
    lines: usize,
    by_space: BTreeMap<String, ImportBatch>,
}

impl ImportBatches {
    /// True if the batch of a space has the record of the line already.
    fn have(&self, path: &str, line: &Line) -> bool {
        self.by_space.get(path).is_some_and(|batch| batch.has(line))
    }
}

/// Lines that are imported in one transaction.
#[derive(Default)]
struct ImportBatch {
    lines: usize,
    records: Vec<NewRecord>,
    ids: HashSet<RecordId>,
    journals: BTreeMap<String, Vec<journal::Entry>>,
}

impl ImportBatch {
    /// True if the batch has the record of the line already.
    fn has(&self, line: &Line) -> bool {
        matches!(line, Line::Record(record, _) if self.ids.contains(&record.id))
    }

    fn take(&mut self, line: Line) {
        self.lines += 1;
        match line {
            Line::Record(record, past) => {
                self.ids.insert(record.id.clone());
                self.records.push(NewRecord::with_past(record, past));
            }
            Line::Entry(name, entry) => self.journals.entry(name).or_default().push(entry),
        }
    }

    fn into_job(self, on_conflict: OnConflict) -> Result<Job> {
        let mut writes = Vec::new();
        if !self.records.is_empty() {
            writes.push(Write::add(Arc::new(self.records), on_conflict)?);
        }
        writes.extend(
            self.journals
                .into_iter()
                .map(|(name, entries)| Write::Journal { name, change: Change::Restore(entries) }),
        );
        let call = |write| Call::new(None, Some(write));
        Ok(Job { calls: writes.into_iter().map(call).collect() })
    }
}

/// Passes every line to `take`, and at intervals the number of lines to `progress`. Returns the number of lines.
fn each_line(
    lines: &mut dyn BufRead,
    progress: &mut Progress<'_>,
    mut take: impl FnMut(Line) -> Result<()>,
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

fn parse(line: &[u8], number: u64) -> Result<Line> {
    Line::parse(line).map_err(|error| match error {
        Error::InvalidRecord(what) => Error::InvalidRecord(format!("line {number}: {what}")),
        other => other,
    })
}
