//! Files that appear complete or not at all: written under a temporary name, synced, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The path with `ending` appended to the file's name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The folder that a file is in.
pub fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a file that its owner alone may read and write.
///
/// # Errors
/// What the system says, also if there is a file of this name.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder that its owner alone may use, and the folders that it is in, unless it is there.
///
/// # Errors
/// What the system says.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// A file under its temporary name. It is removed when it is dropped before it was published.
#[derive(Debug)]
pub struct PartFile(PathBuf);

impl PartFile {
    /// Makes the file, empty and its owner's alone.
    ///
    /// # Errors
    /// As [`create_private`].
    pub fn create(path: PathBuf) -> io::Result<(Self, File)> {
        let file = create_private(&path)?;
        Ok((Self(path), file))
    }

    /// Its temporary name.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Syncs the file and gives it its final name, in place of a file that has this name.
    ///
    /// # Errors
    /// What the system says.
    pub fn publish(self, target: &Path) -> io::Result<()> {
        // Windows syncs only what is open for writing.
        OpenOptions::new().write(true).open(&self.0)?.sync_all()?;
        fs::rename(&self.0, target)?;
        sync_folder(target)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // After a publication there is nothing to remove.
        drop(fs::remove_file(&self.0));
    }
}

#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder(file))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
