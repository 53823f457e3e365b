//! Index files mapped into memory.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// Maps a whole file for reading.
///
/// # Errors
/// The file cannot be opened or mapped.
#[allow(unsafe_code, reason = "mapping a file is unsafe, because somebody might change it")]
pub(super) fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: Nobody changes an index file. It is written under another name, synced and renamed, and after that only ever
    // removed, which leaves the mapping as it is.
    unsafe { Mmap::map(&file) }
}
