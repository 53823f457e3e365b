//! Group commit over spaces: trips that wait at the same time are made in one statement, with one sync of the server's log.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::trip::Trip;
use crate::backend::write::{JobResult, lost};
use crate::error::{Error, Result};
use crate::record::Seq;

/// How many statements run at a time. Meanwhile other trips gather.
const AT_ONCE: usize = 2;

/// How long a trip waits for a statement to end, which may itself wait for the lock of another space.
const PATIENCE: Duration = Duration::from_millis(5);

/// The trips to one database.
#[derive(Debug, Default)]
pub struct GroupCommit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Statements that run.
    running: usize,
    waiting: Vec<Arc<Ticket>>,
}

/// The number of the first record of a trip; `None` if nothing was written.
type Made = Result<Option<Seq>>;

/// A trip, and what became of it.
#[derive(Debug)]
struct Ticket {
    trip: Trip,
    made: Mutex<Option<Made>>,
    called: Condvar,
}

/// Trips that one thread makes. Those that were not made when it is dropped get an error.
struct Group<'c> {
    commit: &'c GroupCommit,
    tickets: Vec<Arc<Ticket>>,
}

impl GroupCommit {
    /// Makes a trip with others that wait. If that fails, makes it alone. `make` makes trips to different spaces together, and
    /// returns the number of the first record of each. Returns the results of the trip's jobs; `None` if nothing was written.
    ///
    /// # Errors
    /// What `make` raises.
    pub fn make(
        &self,
        trip: Trip,
        make: impl Fn(&[&Trip]) -> Result<Vec<Option<Seq>>>,
    ) -> Result<Option<Vec<JobResult>>> {
        let own = Arc::new(Ticket { trip, made: Mutex::default(), called: Condvar::new() });
        let alone = self.lead(&own).is_some_and(|mut group| group.make(&make) == 1);
        let made = own.made.lock().take().unwrap_or_else(|| Err(lost()));
        let first = match made? {
            None if !alone => make(&[&own.trip])?.pop().flatten(),
            first => first,
        };
        Ok(first.map(|first| own.trip.results(first)))
    }

    /// The trips that wait, with this one among them. `None` if another thread has made it.
    fn lead(&self, own: &Arc<Ticket>) -> Option<Group<'_>> {
        let mut state = self.0.lock();
        state.waiting.push(Arc::clone(own));
        if state.running >= AT_ONCE {
            own.called.wait_for(&mut state, PATIENCE);
        }
        if !state.waiting.iter().any(|other| Arc::ptr_eq(other, own)) {
            own.called.wait_while(&mut state, |_| own.made.lock().is_none());
            return None;
        }
        state.running += 1;
        Some(Group { commit: self, tickets: state.take(own) })
    }
}

impl State {
    /// Takes a trip, and as many others as fit into one statement.
    fn take(&mut self, own: &Arc<Ticket>) -> Vec<Arc<Ticket>> {
        self.waiting.sort_by_key(|other| !Arc::ptr_eq(other, own));
        let fitting = Trip::fitting(self.waiting.iter().map(|ticket| &ticket.trip));
        self.waiting.drain(..fitting).collect()
    }
}

impl Group<'_> {
    /// Makes the trips. Returns how many they are.
    fn make(&mut self, make: impl Fn(&[&Trip]) -> Result<Vec<Option<Seq>>>) -> usize {
        let trips: Vec<&Trip> = self.tickets.iter().map(|ticket| &ticket.trip).collect();
        let (made, count) = (make(&trips), trips.len());
        for (at, ticket) in self.tickets.iter().enumerate() {
            let made = made.as_ref().map(|made| made.get(at).copied().flatten());
            *ticket.made.lock() = Some(made.map_err(Error::clone));
        }
        count
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        let mut state = self.commit.0.lock();
        state.running -= 1;
        for ticket in &self.tickets {
            ticket.made.lock().get_or_insert_with(|| Err(lost()));
            ticket.called.notify_one();
        }
        if let Some(next) = state.waiting.first() {
            next.called.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;
    use crate::backend::write::{Job, NewRecord, OnConflict, Write};
    use crate::record::Record;

    fn trip(space: i64, records: usize) -> Trip {
        let records = (0..records).map(|_| NewRecord::new(Record::new("red car"))).collect();
        let job: Job = Write::add(Arc::new(records), OnConflict::Fail).unwrap().into();
        let now = Instant::now();
        Trip::of(space, "/a", &[Arc::new(job)], now, now).unwrap()
    }

    /// Runs `meanwhile` while all statements that may run at a time are running.
    fn while_busy<T>(commit: &GroupCommit, meanwhile: impl FnOnce() -> T) -> T {
        let (running, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let slow = |trips: &[&Trip]| {
            running.fetch_add(1, Ordering::Relaxed);
            while ended.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            Ok(vec![Some(1); trips.len()])
        };
        std::thread::scope(|scope| {
            for number in 0..AT_ONCE {
                scope.spawn(|| commit.make(trip(100, 1), slow).unwrap().unwrap());
                while running.load(Ordering::Relaxed) <= number {
                    std::thread::yield_now();
                }
            }
            let done = meanwhile();
            ended.store(1, Ordering::Relaxed);
            done
        })
    }

    /// Makes trips to spaces 1 to `count` at the same time. Returns the sizes of their groups.
    fn groups(
        commit: &GroupCommit,
        count: i64,
        made: impl Fn(&[&Trip]) -> Vec<Option<Seq>> + Sync,
    ) -> Vec<usize> {
        let sizes: Mutex<Vec<usize>> = Mutex::default();
        while_busy(commit, || {
            std::thread::scope(|scope| {
                for space in 1..=count {
                    let (sizes, made) = (&sizes, &made);
                    scope.spawn(move || {
                        let make = |trips: &[&Trip]| {
                            sizes.lock().push(trips.len());
                            Ok(made(trips))
                        };
                        assert_eq!(commit.make(trip(space, 1), make).unwrap().unwrap().len(), 1);
                    });
                }
            });
        });
        sizes.into_inner()
    }

    #[test]
    fn a_trip_goes_at_once_if_it_may_and_does_not_wait_long_otherwise() {
        let commit = GroupCommit::default();
        let made = |trips: &[&Trip]| Ok(vec![Some(7); trips.len()]);
        assert_eq!(commit.make(trip(1, 2), made).unwrap().unwrap().len(), 1);
        while_busy(&commit, || assert!(commit.make(trip(1, 2), made).unwrap().is_some()));
        assert_eq!(commit.0.lock().running, 0);
    }

    #[test]
    fn trips_that_wait_are_made_together_once() {
        let groups = groups(&GroupCommit::default(), 8, |trips| vec![Some(1); trips.len()]);
        assert_eq!(groups.iter().sum::<usize>(), 8);
    }

    #[test]
    fn what_fails_together_is_made_alone() {
        let alone = |trips: &[&Trip]| vec![(trips.len() == 1).then_some(1); trips.len()];
        let groups = groups(&GroupCommit::default(), 8, alone);
        assert_eq!(groups.iter().filter(|&&size| size == 1).count(), 8);
    }

    #[test]
    fn a_statement_takes_no_more_records_than_fit() {
        let full = [trip(1, 40), trip(2, 24), trip(3, 1)];
        assert_eq!(Trip::fitting(full.iter()), 2);
    }

    #[test]
    fn a_panic_leaves_nobody_waiting() {
        let commit = GroupCommit::default();
        let panics = |_: &[&Trip]| panic!("on purpose");
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| commit.make(trip(1, 1), panics)));
        assert!(outcome.is_err());
        assert_eq!(commit.0.lock().running, 0);
    }
}
