//! The index of one file, shared by all stores of this process on it, and how it follows the change feed.
//!
//! There is one road into the index: [`Shared::catch_up`]. Own writes take it like those of other processes; the
//! writer only hands over the terms that it has computed anyway.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use super::library::Library;
use super::parallel;
use super::selection::Selections;
use super::snapshot;
use super::write::Entry;
use crate::backend::sqlite::Pool;
use crate::backend::sqlite::changes::{self, Added, Feed, Watcher};
use crate::backend::sqlite::pool::FileId;
use crate::error::Result;
use crate::index::{Damaged, Index, Position, Size};
use crate::record::Seq;
use crate::text::Bag;

/// Records read from the feed at a time.
const STRETCH: usize = 16 * 1024;

/// Everything that is derived in memory from one file's records.
pub struct Shared {
    derived: RwLock<Derived>,
    /// Locked for the whole of a catch-up, so that whoever finds that nothing moved finds it after the last one ended.
    watcher: Mutex<Watcher>,
    handed_over: Mutex<FxHashMap<Seq, HandedOver>>,
    selections: Selections,
    library: Library,
    background: Mutex<Option<JoinHandle<()>>>,
    /// Catches up on a large write.
    follower: Mutex<Option<JoinHandle<()>>>,
    /// The index files are damaged, and the store is read-only: it cannot write that down.
    without_files: AtomicBool,
}

/// The indexes, always at the same position of the feed.
#[derive(Debug, Default)]
pub struct Derived {
    /// Terms and vectors.
    pub index: Index,
    /// Counts how often records came or went.
    pub edition: u32,
}

/// One of the entries of a write.
type HandedOver = (Arc<Vec<Entry>>, usize);

/// The terms of a record that came.
enum Terms {
    HandedOver(HandedOver),
    Analyzed(Bag),
}

impl Terms {
    fn bag(&self) -> &Bag {
        match self {
            Self::HandedOver((entries, at)) => entries[*at].terms(&Bag::of),
            Self::Analyzed(bag) => bag,
        }
    }
}

/// Process and file. A forked child must not touch what its parent's other threads may have held locked.
type Key = (u32, FileId);

static ALL: LazyLock<Mutex<HashMap<Key, Weak<Shared>>>> = LazyLock::new(Mutex::default);

impl Shared {
    /// The one of the pool's file; loaded from its snapshot if it is the first.
    ///
    /// # Errors
    /// What the database says.
    pub fn of(pool: &Arc<Pool>) -> Result<Arc<Self>> {
        let key = (std::process::id(), pool.file());
        let mut all = ALL.lock();
        all.retain(|_, shared| shared.strong_count() > 0);
        if let Some(shared) = all.get(&key).and_then(Weak::upgrade) {
            return Ok(shared);
        }
        let shared = Arc::new(Self {
            derived: RwLock::default(),
            watcher: Mutex::new(pool.watcher()?),
            handed_over: Mutex::default(),
            selections: Selections::default(),
            library: Library::default(),
            background: Mutex::default(),
            follower: Mutex::default(),
            without_files: AtomicBool::new(false),
        });
        shared.reload(pool)?;
        all.insert(key, Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Reads the indexes; they do not change meanwhile.
    pub fn read<T>(&self, work: impl FnOnce(&Derived) -> T) -> T {
        work(&self.derived.read())
    }

    /// Changes the index.
    pub fn change<T>(&self, work: impl FnOnce(&mut Index) -> T) -> T {
        work(&mut self.derived.write().index)
    }

    /// The filters that searches used.
    pub fn selections(&self) -> &Selections {
        &self.selections
    }

    /// The texts that searches have read.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// What the indexes take, and what is kept for searches.
    pub fn size(&self) -> Size {
        self.read(|derived| {
            let mut size = derived.index.size();
            size.heap += self.library.bytes() as u64;
            size
        })
    }

    /// Keeps the terms of records that were just committed for the next [`Shared::catch_up`].
    pub fn hand_over(&self, seqs: &[Option<Seq>], entries: &Arc<Vec<Entry>>) {
        let numbered =
            seqs.iter().enumerate().filter_map(|(i, seq)| Some((((*seq)?), (Arc::clone(entries), i))));
        self.handed_over.lock().extend(numbered);
    }

    /// Brings the indexes up to date with everything that was committed before the call.
    ///
    /// # Errors
    /// What the database says; the next call tries again.
    pub fn catch_up(self: &Arc<Self>, pool: &Arc<Pool>) -> Result<()> {
        let mut watcher = self.watcher.lock();
        if !watcher.moved().map_err(|error| pool.explain(error))? {
            return Ok(());
        }
        self.follow(pool).inspect_err(|_| watcher.forget())?;
        drop(watcher);
        snapshot::persist_in_background(self, pool);
        Ok(())
    }

    /// [`Shared::catch_up`] after a commit, when nothing may fail any more.
    pub fn catch_up_after_write(self: &Arc<Self>, pool: &Arc<Pool>) {
        if let Err(error) = self.catch_up(pool) {
            log::warn!(
                "the index of {:?} could not follow a write, the next search will: {error}",
                pool.path()
            );
        }
    }

    /// The same in a thread of its own, while the caller goes on to the next write. Whoever searches waits for it; so does
    /// the next large write, that terms which were handed over do not pile up.
    pub fn catch_up_behind(self: &Arc<Self>, pool: &Arc<Pool>) {
        let mut follower = self.follower.lock();
        end(follower.take());
        let (shared, there) = (Arc::clone(self), Arc::clone(pool));
        let work = move || shared.catch_up_after_write(&there);
        match std::thread::Builder::new().name("agentmem-follow".into()).spawn(work) {
            Ok(thread) => *follower = Some(thread),
            Err(_) => self.catch_up_after_write(pool),
        }
    }

    /// Starts anew from the snapshot, or from the records where it is missing or damaged. Until that is done, others see
    /// what was there before.
    ///
    /// # Errors
    /// What the database says.
    pub fn reload(&self, pool: &Pool) -> Result<()> {
        let mut watcher = self.watcher.lock();
        watcher.moved().map_err(|error| pool.explain(error))?;
        self.renew(pool).inspect_err(|_| watcher.forget())
    }

    /// Starts anew because an index file turned out to be damaged.
    ///
    /// # Errors
    /// What the database says.
    pub fn repair(&self, pool: &Pool, damaged: Damaged) -> Result<()> {
        self.disown(pool, damaged)?;
        self.reload(pool)
    }

    fn disown(&self, pool: &Pool, damaged: Damaged) -> Result<()> {
        self.without_files.store(pool.is_read_only(), Ordering::Release);
        snapshot::disown(pool, damaged)
    }

    fn renew(&self, pool: &Pool) -> Result<()> {
        loop {
            pool.counters().reloads.add(1);
            let fresh = RwLock::new(self.load(pool)?);
            if self.advance(pool, &fresh)? {
                let mut derived = self.derived.write();
                let edition = derived.edition.wrapping_add(1);
                *derived = Derived { edition, ..fresh.into_inner() };
                self.selections.clear();
                self.library.clear();
                return Ok(());
            }
        }
    }

    /// The indexes as the snapshot has them, still to be caught up.
    fn load(&self, pool: &Pool) -> Result<Derived> {
        let without_files = self.without_files.load(Ordering::Acquire);
        let mut index = if without_files { Index::default() } else { snapshot::load(pool)? };
        // An index that starts from nothing needs no deletion of the past.
        if index.position() == Position::default() {
            let changes::Position { seq, deletion } = pool.read(changes::start)?;
            index.set_position(Position { seq, deletion });
        }
        Ok(Derived { index, edition: 0 })
    }

    fn follow(&self, pool: &Pool) -> Result<()> {
        if self.advance(pool, &self.derived)? { Ok(()) } else { self.renew(pool) }
    }

    /// Takes in what was committed since; false if that is not possible, and the indexes have to be loaded anew.
    fn advance(&self, pool: &Pool, derived: &RwLock<Derived>) -> Result<bool> {
        let start = Instant::now();
        let mut taken = 0;
        loop {
            let position = derived.read().index.position();
            let Some(feed) = pool.read(|conn| changes::since(conn, at(position), STRETCH))? else {
                log::info!("the change feed of {:?} was pruned; loading the index anew", pool.path());
                return Ok(false);
            };
            taken += feed.added.len() + feed.deleted.len();
            let complete = feed.complete;
            let terms = self.terms(&feed.added);
            if let Err(damaged) = derived.write().take_in(feed, &terms) {
                self.disown(pool, damaged)?;
                return Ok(false);
            }
            if complete {
                break;
            }
        }
        self.handed_over.lock().clear();
        pool.counters().catch_ups.add(1);
        pool.counters().caught_up.add(taken as u64);
        log::debug!("took in {taken} changes of {:?} in {:.1?}", pool.path(), start.elapsed());
        Ok(true)
    }

    /// The terms of each record.
    fn terms(&self, added: &[Added]) -> Vec<Terms> {
        let mut handed_over = self.handed_over.lock();
        let known: Vec<_> = added.iter().map(|record| handed_over.remove(&record.seq)).collect();
        drop(handed_over);
        let analyzed =
            parallel::map(added.len(), 128, |i| known[i].is_none().then(|| Bag::of(&added[i].content)));
        let terms = |(known, analyzed): (Option<_>, Option<Bag>)| {
            known.map_or_else(|| Terms::Analyzed(analyzed.unwrap_or_default()), Terms::HandedOver)
        };
        known.into_iter().zip(analyzed).map(terms).collect()
    }

    /// Runs `work` in a thread of its own, unless one is running.
    pub fn in_background(&self, work: impl FnOnce() + Send + 'static) {
        let mut background = self.background.lock();
        if background.as_ref().is_none_or(JoinHandle::is_finished) {
            *background = std::thread::Builder::new()
                .name("agentmem-index".into())
                .spawn(work)
                .inspect_err(|error| log::warn!("no thread to write the index with: {error}"))
                .ok();
        }
    }

    /// Waits until the background threads have ended.
    pub fn wait_for_background(&self) {
        // In this order: the first may start the second.
        end(self.follower.lock().take());
        end(self.background.lock().take());
    }
}

fn end(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        log::error!("work on the index ended in a panic; it will be rebuilt");
    }
}

impl Derived {
    fn take_in(&mut self, feed: Feed, terms: &[Terms]) -> Result<(), Damaged> {
        let Feed { added, deleted, position, complete } = feed;
        self.edition = self.edition.wrapping_add(1);
        for (record, terms) in added.iter().zip(terms) {
            self.index.add(record.seq, terms.bag(), record.embedding.as_deref());
        }
        // An updated record is found until the last stretch as it was, and so at any moment: the feed tells of the
        // deletions again.
        let mut deletion = self.index.position().deletion;
        if complete {
            deleted.into_iter().try_for_each(|range| self.index.remove(range))?;
            deletion = position.deletion;
        }
        self.index.set_position(Position { seq: position.seq, deletion });
        Ok(())
    }
}

/// The database's word for a position.
fn at(position: Position) -> changes::Position {
    changes::Position { seq: position.seq, deletion: position.deletion }
}
