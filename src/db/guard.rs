//! Locks that hold against another copy of SQLite in this very process.
//!
//! The locks of SQLite belong to the process. Another copy of it, as that of Python's `sqlite3`, is not kept out by them: it
//! takes itself for the last to close the file, and deletes a write-ahead log that is in use. And whoever closes the
//! file, be it after copying it, drops them (<https://www.sqlite.org/howtocorrupt.html>, 2.2). Locks of an open file
//! description have neither weakness, and SQLite respects them as those of another process. Only Linux has them; elsewhere
//! nothing is guarded.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::pool::{FileId, beside};

/// Bytes that SQLite locks, see `os_unix.c` and `wal.c`: in the file by everybody who has it open, in the -shm file by
/// everybody who uses it, and there by who writes.
const SHARED: Range = Range { start: 0x4000_0002, length: 510 };
const IN_USE: Range = Range { start: 128, length: 1 };
const WRITING: Range = Range { start: 120, length: 1 };

/// Bytes of a file.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: u32,
    length: u32,
}

/// One pool's share in what guards its file. It must live longer than all connections of the pool: when the last guard of a
/// file goes, the file is closed, which drops SQLite's locks.
#[derive(Debug)]
pub struct Guard {
    file: FileId,
    holds: AtomicBool,
}

/// A file that pools of this process have open.
struct Guarded {
    file: FileId,
    guards: usize,
    holders: usize,
    database: File,
    /// The newest last. None is closed before the file is: that would drop locks.
    shm: Vec<(FileId, File)>,
}

static GUARDED: Mutex<Vec<Guarded>> = Mutex::new(Vec::new());

impl Guard {
    /// Before the first connection is opened.
    pub fn new(path: &Path, file: FileId) -> Self {
        let guard = Self { file, holds: AtomicBool::new(false) };
        let mut all = GUARDED.lock();
        if let Some(guarded) = guard.find(&mut all) {
            guarded.guards += 1;
        } else if let Some(database) = locks::open(path) {
            all.push(Guarded { file, guards: 1, holders: 0, database, shm: Vec::new() });
        }
        guard
    }

    /// From now on nobody takes the file for unused. A connection must have read from it, so that its -shm file is there.
    pub fn hold(&self, path: &Path) {
        let mut all = GUARDED.lock();
        let Some(guarded) = self.find(&mut all) else { return };
        if self.holds.swap(true, Ordering::Relaxed) {
            return;
        }
        guarded.holders += 1;
        if guarded.holders > 1 {
            return;
        }
        // Where SQLite puts it: beside the file that a link leads to.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        guarded.open_shm(&beside(&path, "-shm"));
        locks::share(&guarded.database, SHARED);
        if let Some((_, shm)) = guarded.shm.last() {
            locks::share(shm, IN_USE);
        }
    }

    /// Before the last connection is closed, so that it can tidy up.
    pub fn release(&self) {
        let mut all = GUARDED.lock();
        if !self.holds.swap(false, Ordering::Relaxed) {
            return;
        }
        let Some(guarded) = self.find(&mut all) else { return };
        guarded.holders -= 1;
        if guarded.holders == 0 {
            locks::release(&guarded.database, SHARED);
            if let Some((_, shm)) = guarded.shm.last() {
                locks::release(shm, IN_USE);
            }
        }
    }

    /// Does anybody, in this process or another, hold the write lock? `None` where that cannot be told.
    pub fn is_write_locked(&self) -> Option<bool> {
        let mut all = GUARDED.lock();
        locks::is_locked(&self.find(&mut all)?.shm.last()?.1, WRITING)
    }

    fn find<'a>(&self, all: &'a mut [Guarded]) -> Option<&'a mut Guarded> {
        all.iter_mut().find(|guarded| guarded.file == self.file)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.release();
        let mut all = GUARDED.lock();
        if let Some(guarded) = self.find(&mut all) {
            guarded.guards -= 1;
        }
        all.retain(|guarded| guarded.guards > 0);
    }
}

impl Guarded {
    /// Opens the -shm file, unless it is the one that was opened last.
    fn open_shm(&mut self, path: &Path) {
        let Ok(found) = FileId::of(path) else { return };
        if self.shm.last().is_none_or(|(last, _)| *last != found) {
            self.shm.extend(locks::open(path).map(|file| (found, file)));
        }
    }
}

#[cfg(target_os = "linux")]
mod locks {
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc::{F_RDLCK, F_UNLCK, F_WRLCK, SEEK_SET, flock, off_t};

    use super::{File, Path, Range};

    pub fn open(path: &Path) -> Option<File> {
        File::open(path).ok()
    }

    pub fn share(file: &File, range: Range) {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&lock(F_RDLCK, range))) {
            // A file system without such locks.
            Ok(_) | Err(Errno::EINVAL | Errno::ENOLCK | Errno::EOPNOTSUPP) => {}
            Err(error) => log::warn!("a store is not guarded against other copies of SQLite: {error}"),
        }
    }

    pub fn release(file: &File, range: Range) {
        let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&lock(F_UNLCK, range)));
    }

    /// Has anybody else a lock there?
    pub fn is_locked(file: &File, range: Range) -> Option<bool> {
        let mut found = lock(F_WRLCK, range);
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut found)).ok()?;
        Some(i32::from(found.l_type) != F_UNLCK)
    }

    fn lock(kind: i32, range: Range) -> flock {
        flock {
            l_type: kind as i16,
            l_whence: SEEK_SET as i16,
            l_start: range.start as off_t,
            l_len: range.length as off_t,
            l_pid: 0,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod locks {
    use super::{File, Path, Range};

    pub fn open(_: &Path) -> Option<File> {
        None
    }

    pub fn share(_: &File, _: Range) {}

    pub fn release(_: &File, _: Range) {}

    pub fn is_locked(_: &File, _: Range) -> Option<bool> {
        None
    }
}
