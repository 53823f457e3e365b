//! The database file and the files beside it.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use parking_lot::Mutex;

use super::identify::{Found, identify};
use crate::error::{Error, Result};
use crate::files::{beside, create_private};

/// Identifies a file, whatever name it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(u64, u64);

impl FileId {
    /// Device and inode. They are read without opening the file, because closing it would drop SQLite's locks.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }

    /// Volume and file index.
    #[cfg(windows)]
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = winapi_util::Handle::from_path_any(path)?;
        let information = winapi_util::file::information(&file)?;
        Ok(Self(information.volume_serial_number(), information.file_index()))
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

/// Checks what is at a path, and creates an empty file if nothing is there.
pub(super) fn identify_or_create(path: &Path) -> Result<()> {
    // One thread at a time: closing the new file drops the locks of a thread that has opened it meanwhile.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    if identify(path)? == Found::Nothing { create(path) } else { Ok(()) }
}

/// Creates an empty file that only its owner can access. SQLite gives the files beside it the same mode.
fn create(path: &Path) -> Result<()> {
    match create_private(path) {
        // Another process may have created the file first.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

/// Refuses a name that leaves no room for the longer names of the files that SQLite puts beside the store. SQLite would
/// leave an empty store behind.
pub(super) fn check_name(path: &Path) -> Result<()> {
    const LONGEST: usize = 255 - "-journal".len();
    match path.file_name() {
        Some(name) if name.len() > LONGEST => {
            let text = format!("the file's name has {} bytes; {LONGEST} are possible", name.len());
            Err(Error::io(path, io::Error::new(io::ErrorKind::InvalidFilename, text)))
        }
        _ => Ok(()),
    }
}

/// Makes -wal and -shm as writable as the file. They are read-only if they were created while the file was read-only.
pub(super) fn make_writable_beside(path: &Path) {
    let Ok(permissions) = fs::metadata(path).map(|file| file.permissions()) else { return };
    for file in ["-wal", "-shm"].map(|ending| beside(path, ending)) {
        let stuck = fs::metadata(&file).is_ok_and(|found| found.permissions().readonly());
        if stuck && !permissions.readonly() {
            fs::set_permissions(&file, permissions.clone())
                .unwrap_or_else(|error| log::warn!("{file:?} cannot be made writable: {error}"));
        }
    }
}

/// True if there is a write-ahead log that is not empty.
pub(super) fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}
