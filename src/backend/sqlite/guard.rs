//! A lock that holds whatever another copy of SQLite does in this very process.
//!
//! The locks of SQLite belong to the process. Another copy of it, as that of Python's `sqlite3`, is not kept out by them: it
//! takes itself for the last to close the file, and deletes a write-ahead log that is in use. And whoever closes the
//! file, be it after copying it, drops them (<https://www.sqlite.org/howtocorrupt.html>, 2.2). Locks of an open file
//! description have neither weakness, and SQLite respects them as those of another process. Only Linux has them; elsewhere
//! nothing is guarded.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::files::FileId;
use crate::files::beside;

/// One pool's share in what guards its file. It must live longer than all connections of the pool: when the last guard of a
/// file goes, the file is closed, which drops SQLite's locks.
#[derive(Debug)]
pub struct Guard {
    file: FileId,
    /// Not if the file could not be opened.
    counts: bool,
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
    /// Before the first connection is opened.
    pub fn new(path: &Path, file: FileId) -> Self {
        let mut guard = Self { file, counts: true, holds: AtomicBool::new(false) };
        let mut all = GUARDED.lock();
        if let Some(guarded) = guard.find(&mut all) {
            guarded.guards += 1;
        } else if let Some(database) = locks::open(path) {
            all.push(Guarded { file, guards: 1, holders: 0, database });
        } else {
            guard.counts = false;
        }
        guard
    }

    /// From now on nobody takes the file for unused, if it has a write-ahead log; else its writer needs it alone at times.
    /// True if that begins with this call: what was opened before may have lost its log.
    pub fn hold(&self, path: &Path) -> bool {
        let mut all = GUARDED.lock();
        let Some(guarded) = self.find(&mut all) else { return false };
        let changing = beside(path, "-journal").exists();
        if changing || !locks::has_log(&guarded.database) || self.holds.swap(true, Ordering::Relaxed) {
            return false;
        }
        locks::share(&guarded.database);
        guarded.holders += 1;
        true
    }

    /// Before the last connection is closed, so that it can tidy up.
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
        all.iter_mut().find(|guarded| self.counts && guarded.file == self.file)
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

    /// The bytes that everybody locks who has the file open, see SQLite's `os.h`.
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
            // A file system without such locks.
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
