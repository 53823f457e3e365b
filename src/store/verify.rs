//! Looks for damage, and compares the full text and the index with the records.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::space::Space;
use crate::backend::feed::Position;
use crate::backend::snapshot::Totals;
use crate::backend::{FullText, Progress, Snapshot};
use crate::error::{Error, Result};
use crate::index::Damaged;
use crate::interrupt;
use crate::record::Seq;
use crate::text::{ANALYZER_VERSION, Bag};

/// Records between two reports of progress.
const STRIDE: u64 = 1000;
/// The most problems of one kind that are listed.
const LISTED: usize = 10;
/// How often a comparison is repeated because of writes meanwhile.
const ATTEMPTS: usize = 10;

/// What [`Store::verify`](super::Store::verify) found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records were checked.
    pub records: u64,
    /// The problems that were found.
    pub problems: Vec<String>,
}

impl Report {
    /// True if no problem was found.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// What the derived tables should hold, computed from the records.
#[derive(Debug, Default)]
struct Truth {
    seqs: Vec<Seq>,
    frequencies: HashMap<String, u64>,
    /// For each term a hash sum over the records that have it.
    holders: HashMap<String, u64>,
    wordless: u64,
    terms: u64,
    with_vector: Vec<Seq>,
}

/// How a comparison of the index with the records ended.
enum Compared {
    /// The comparison was completed and found these problems.
    Done(Vec<String>),
    /// The index is not in the state of the snapshot, because of a write meanwhile or because the numbers are damaged. The
    /// snapshot's newest numbers: of any record, of an existing record, of a deletion.
    Apart([i64; 3]),
    /// An index file cannot be read.
    Unreadable(Damaged),
}

impl Space {
    /// See [`Store::verify`](super::Store::verify).
    ///
    /// # Errors
    /// As there.
    pub fn verify(&self, progress: &mut Progress<'_>) -> Result<Report> {
        let mut report = Report { records: 0, problems: self.backend.snapshot()?.problems()? };
        let mut seen = None;
        for _ in 0..ATTEMPTS {
            self.catch_up()?;
            let compared = self.compare(&mut report, progress)?;
            match (compared, &self.index) {
                (Compared::Done(problems), _) => {
                    report.problems.extend(problems);
                    return Ok(report);
                }
                (Compared::Unreadable(damaged), Some(index)) => index.repair(damaged)?,
                (Compared::Apart(numbers), _) if seen.replace(numbers) == Some(numbers) => {
                    report.problems.push("the numbers of the change feed do not fit the records".into());
                    return Ok(report);
                }
                _ => {}
            }
        }
        Err(Error::Busy {
            what: "the store, written to during every comparison,",
            waited: self.backend.timeout(),
        })
    }

    /// Compares everything with the records of one moment.
    fn compare(&self, report: &mut Report, progress: &mut Progress<'_>) -> Result<Compared> {
        let snapshot = self.backend.snapshot()?;
        let truth = truth(&*snapshot, progress)?;
        report.records = truth.seqs.len() as u64;
        let in_index = match self.index_problems(&*snapshot, &truth)? {
            Compared::Done(problems) => problems,
            other => return Ok(other),
        };
        let in_records = listed(snapshot.damaged_records()?, "records are damaged");
        let in_full_text = full_text_problems(&*snapshot, &truth)?;
        Ok(Compared::Done([in_records, in_full_text, in_index].concat()))
    }

    fn index_problems(&self, snapshot: &dyn Snapshot, truth: &Truth) -> Result<Compared> {
        let Some(handle) = &self.index else { return Ok(Compared::Done(Vec::new())) };
        let index = handle.shared().index.read();
        let Position { seq: newest, deletion, vectors, .. } = snapshot.newest()?;
        let last = truth.seqs.last().copied().unwrap_or_default();
        let position = index.position();
        if last > position.seq
            || position.seq > newest
            || (position.deletion, position.vectors) != (deletion, vectors)
            || !snapshot.is_current(position)?
        {
            return Ok(Compared::Apart([newest, last, deletion]));
        }
        let read = || Ok((index.live()?, index.vocabulary()?, index.with_vector()?));
        let (live, vocabulary, with_vector) = match read() {
            Ok(found) => found,
            Err(damaged) => return Ok(Compared::Unreadable(damaged)),
        };
        let mut problems = Vec::new();
        if live != truth.seqs {
            let (held, there) = (live.len(), truth.seqs.len());
            problems.push(format!("the index holds {held} records, which are not the {there} of the store"));
        }
        problems.extend(differences("index", &truth.frequencies, &vocabulary.into_iter().collect()));
        if with_vector != truth.with_vector {
            problems.push("the vectors in the index are not those of the records".into());
        }
        Ok(Compared::Done(problems))
    }
}

fn truth(snapshot: &dyn Snapshot, progress: &mut Progress<'_>) -> Result<Truth> {
    let total = snapshot.totals()?.records;
    let mut truth = Truth::default();
    snapshot.each_content(0, &mut |seq, content| {
        truth.seqs.push(seq);
        let bag = Bag::of(content);
        truth.wordless += u64::from(bag.is_empty());
        truth.terms += bag.length();
        for (term, _) in bag.terms() {
            count(&mut truth.frequencies, term, 1);
            count(&mut truth.holders, term, mark(seq));
        }
        let done = truth.seqs.len() as u64;
        if done.is_multiple_of(STRIDE) && !progress(done, total) {
            return Err(Error::Interrupted { done });
        }
        Ok(true)
    })?;
    snapshot.each_vector(0, &mut |seq, _| {
        truth.with_vector.push(seq);
        Ok(true)
    })?;
    Ok(truth)
}

fn count(sums: &mut HashMap<String, u64>, term: &str, more: u64) {
    match sums.get_mut(term) {
        Some(sum) => *sum = sum.wrapping_add(more),
        None => drop(sums.insert(term.to_owned(), more)),
    }
}

/// What a record adds to the sum of a term.
fn mark(seq: Seq) -> u64 {
    xxh3_64(&seq.to_le_bytes())
}

fn full_text_problems(snapshot: &dyn Snapshot, truth: &Truth) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let version = snapshot.analyzer_version()?;
    if version != ANALYZER_VERSION {
        problems.push(format!("derived data is of analyzer version {version}, not {ANALYZER_VERSION}"));
    }
    let totals = snapshot.totals()?;
    let there = Totals { records: truth.seqs.len() as u64, wordless: truth.wordless, terms: truth.terms };
    if totals != there {
        let say = |totals: Totals| {
            format!(
                "{} records, {} without words, and {} terms",
                totals.records, totals.wordless, totals.terms
            )
        };
        problems.push(format!("the totals say {}; there are {}", say(totals), say(there)));
    }
    let Some(full_text) = snapshot.full_text() else { return Ok(problems) };
    let listed = full_text.vocabulary().and_then(|found| Ok((found, wrong_holders(full_text, truth)?)));
    match listed {
        Ok((found, wrong)) => {
            problems.extend(differences("full text", &truth.frequencies, &found.into_iter().collect()));
            problems.extend(wrong);
        }
        Err(Error::Interrupted { done }) => return Err(Error::Interrupted { done }),
        Err(error) => problems.push(format!("full text: {error}")),
    }
    Ok(problems)
}

/// The list of terms may be right, and the records that are found by one wrong.
fn wrong_holders(full_text: &dyn FullText, truth: &Truth) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (count, (term, sum)) in truth.holders.iter().enumerate() {
        if (count as u64).is_multiple_of(STRIDE) && interrupt::requested() {
            return Err(Error::Interrupted { done: 0 });
        }
        let found = full_text.records_with(term)?;
        if found.into_iter().fold(0u64, |sum, seq| sum.wrapping_add(mark(seq))) != *sum {
            wrong.push(format!("full text: {term:?} finds other records than those that hold it"));
        }
        if wrong.len() == LISTED {
            break;
        }
    }
    wrong.sort();
    Ok(wrong)
}

fn differences(name: &str, truth: &HashMap<String, u64>, found: &HashMap<String, u64>) -> Vec<String> {
    let missing = truth.iter().filter(|(term, df)| found.get(*term) != Some(df));
    let extra = found.keys().filter(|term| !truth.contains_key(*term));
    let mut wrong: Vec<&String> = missing.map(|(term, _)| term).chain(extra).collect();
    wrong.sort();
    let say = |term: &String| {
        let [found, expected] = [found, truth].map(|table| table.get(term).copied().unwrap_or(0));
        format!("{name}: {term:?} counts {found} records, but {expected} hold it")
    };
    listed(wrong.into_iter().map(say), &format!("terms of the {name} are wrong"))
}

/// The first problems of a kind, and how many more there are.
fn listed(problems: impl IntoIterator<Item = String>, what: &str) -> Vec<String> {
    let mut problems = problems.into_iter();
    let mut listed: Vec<String> = problems.by_ref().take(LISTED).collect();
    let more = problems.count();
    if more > 0 {
        listed.push(format!("{more} more {what}"));
    }
    listed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::TempDir;

    use crate::record::Record;
    use crate::store::{OnConflict, Options, Store};

    #[test]
    fn a_store_of_long_records_is_sound() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(Options::new(folder.path().join("a.db"))).unwrap();
        for words in [1000, 1001, 5000] {
            store.add(vec![Record::new("car ".repeat(words))], OnConflict::Fail).unwrap();
            assert_eq!(store.verify(&mut |_, _| true).unwrap().problems, [""; 0]);
        }
    }
}
