//! A lock that protects the write-ahead log from other copies of SQLite in the same process.
//!
//! SQLite uses POSIX locks, which belong to the process. They do not keep out another copy of SQLite in the same process,
//! such as that of Python's `sqlite3`: when it closes the file, it finds no other user and deletes a write-ahead log that
//! is in use. Also, whenever the process closes the file, for example after copying it, all its POSIX locks are dropped
//! (<https://www.sqlite.org/howtocorrupt.html>, 2.2). Locks of an open file description have neither problem, and SQLite
//! treats them like the locks of another process. Only Linux has them; elsewhere there is no such protection.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::files::FileId;
use crate::files::beside;

/// The guard of one pool. All guards of a file share one open file, which is closed with the last guard. Closing it drops
/// SQLite's locks, so a guard must live longer than all connections of its pool.
#[derive(Debug)]
pub struct Guard {
    file: FileId,
    /// False if the file could not be opened: then this guard does nothing.
    is_active: bool,
    holds: AtomicBool,
}

/// A file that pools of this process have open.
struct Guarded {
    file: FileId,
    guards: usize,
    holders: usize,
    database: File,
}

static GUARDED: Mutex<Vec<Guarded>> = Mutex::new(Vec::new());

impl Guard {
    /// Opens the file. Must be called before the pool opens its first connection.
    pub fn new(path: &Path, file: FileId) -> Self {
        let mut guard = Self { file, is_active: true, holds: AtomicBool::new(false) };
        let mut all = GUARDED.lock();
        if let Some(guarded) = guard.find(&mut all) {
            guarded.guards += 1;
        } else if let Some(database) = locks::open(path) {
            all.push(Guarded { file, guards: 1, holders: 0, database });
        } else {
            guard.is_active = false;
        }
        guard
    }

    /// Locks the file if it uses a write-ahead log. Without one, writers need the file exclusively at times. Returns true if
    /// this call took the lock: a connection that was opened before may have lost its log.
    pub fn hold(&self, path: &Path) -> bool {
        let mut all = GUARDED.lock();
        let Some(guarded) = self.find(&mut all) else { return false };
        let mode_changes = beside(path, "-journal").exists();
        if mode_changes || !locks::has_log(&guarded.database) || self.holds.swap(true, Ordering::Relaxed) {
            return false;
        }
        locks::share(&guarded.database);
        guarded.holders += 1;
        true
    }

    /// Unlocks the file. Must be called before the last connection is closed, which then moves the log into the file.
    pub fn release(&self) {
        let mut all = GUARDED.lock();
        let Some(guarded) = self.find(&mut all) else { return };
        if self.holds.swap(false, Ordering::Relaxed) {
            guarded.holders -= 1;
            if guarded.holders == 0 {
                locks::release(&guarded.database);
            }
        }
    }

    fn find<'a>(&self, all: &'a mut [Guarded]) -> Option<&'a mut Guarded> {
        all.iter_mut().find(|guarded| self.is_active && guarded.file == self.file)
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

#[cfg(target_os = "linux")]
mod locks {
    use std::os::unix::fs::FileExt;

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc::{F_RDLCK, F_UNLCK, SEEK_SET, flock, off_t};

    use super::{File, Path};

    /// The bytes that every connection with the file open locks, see SQLite's `os.h`.
    const SHARED_FIRST: off_t = 0x4000_0002;
    const SHARED_SIZE: off_t = 510;

    pub fn open(path: &Path) -> Option<File> {
        File::open(path).ok()
    }

    /// See <https://www.sqlite.org/fileformat2.html#file_format_version_numbers>.
    pub fn has_log(file: &File) -> bool {
        let mut versions = [0; 2];
        file.read_exact_at(&mut versions, 18).is_ok() && versions == [2, 2]
    }

    pub fn share(file: &File) {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&shared(F_RDLCK))) {
            // The file system has no such locks.
            Ok(_) | Err(Errno::EINVAL | Errno::ENOLCK | Errno::EOPNOTSUPP) => {}
            Err(error) => log::warn!("a store is not guarded against other copies of SQLite: {error}"),
        }
    }

    pub fn release(file: &File) {
        let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&shared(F_UNLCK)));
    }

    fn shared(kind: i32) -> flock {
        flock {
            l_type: kind as i16,
            l_whence: SEEK_SET as i16,
            l_start: SHARED_FIRST,
            l_len: SHARED_SIZE,
            l_pid: 0,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod locks {
    use super::{File, Path};

    pub fn open(_: &Path) -> Option<File> {
        None
    }

    pub fn has_log(_: &File) -> bool {
        false
    }

    pub fn share(_: &File) {}

    pub fn release(_: &File) {}
}
