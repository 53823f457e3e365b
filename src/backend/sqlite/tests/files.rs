//! What a path may hold, and what opening it does.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use super::super::backup;
use super::super::files::FileId;
use super::super::identify::APPLICATION_ID;
use super::super::migrations::LATEST;
use super::super::pool::Pool;
use super::super::{changes, facets, maintenance, meta, migrate};
use super::Store;
use crate::backend::feed::Position;
use crate::backend::settings::Settings;
use crate::backend::write::OnConflict;
use crate::error::{Error, Result};
use crate::record::{Filter, Record};

fn folder() -> TempDir {
    tempdir().unwrap()
}

fn open(path: &Path) -> Result<Pool> {
    Pool::open(&Settings { busy_timeout: Duration::from_secs(10), ..Settings::new(path) })
}

fn open_read_only(path: &Path) -> Result<Pool> {
    Pool::open(&Settings { read_only: true, ..Settings::new(path) })
}

fn add(pool: Pool, content: &str) -> Result<()> {
    Store::new(pool).add_all([Record::new(content)], OnConflict::Fail).map(drop)
}

fn count(pool: &Pool) -> u64 {
    pool.read(|conn| facets::count(conn, &Filter::all(), 0)).unwrap()
}

/// Names and contents of all files in a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap_or_default()))
        .collect()
}

/// Opening fails in every way, and leaves the folder as it was.
fn refused(folder: &Path, name: &str) -> Error {
    let (path, before) = (folder.join(name), contents(folder));
    let error = open(&path).unwrap_err();
    open_read_only(&path).unwrap_err();
    migrate::status(&path).unwrap_err();
    assert_eq!(contents(folder), before, "something was touched");
    error
}

fn foreign(path: &Path, setup: &str) {
    Connection::open(path).unwrap().execute_batch(setup).unwrap();
}

#[test]
fn a_store_is_made_where_nothing_was() {
    let folder = folder();
    let path = folder.path().join("méḿory.db");
    add(open(&path).unwrap(), "Alice").unwrap();
    assert_eq!(count(&open(&path).unwrap()), 1);
    // A thread of the pool may be the last to let go.
    let deadline = Instant::now() + Duration::from_secs(5);
    while contents(folder.path()).len() > 1 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(contents(folder.path()).keys().collect::<Vec<_>>(), ["méḿory.db"]);
}

#[test]
fn a_file_without_a_byte_becomes_a_store() {
    let folder = folder();
    let path = folder.path().join("m.db");
    fs::write(&path, "").unwrap();
    open_read_only(&path).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"");
    add(open(&path).unwrap(), "Alice").unwrap();
}

#[test]
fn a_name_that_looks_like_a_uri_is_a_name() {
    let folder = folder();
    let path = folder.path().join("file:m.db?mode=memory%20#x");
    drop(open(&path).unwrap());
    assert!(path.exists());
    assert_eq!(count(&open_read_only(&path).unwrap()), 0);
}

#[test]
fn other_files_are_refused_untouched() {
    let folder = folder();
    fs::write(folder.path().join("text"), "To whom it may concern").unwrap();
    fs::write(folder.path().join("long"), [7; 5000]).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    foreign(&folder.path().join("other.db"), "CREATE TABLE t(x); PRAGMA user_version = 2");
    foreign(&folder.path().join("wal.db"), "PRAGMA journal_mode = wal; CREATE TABLE t(x)");
    foreign(&folder.path().join("void.db"), "VACUUM");
    for name in ["text", "long", "folder", "other.db", "wal.db", "void.db"] {
        let error = refused(folder.path(), name);
        assert!(matches!(error, Error::NotAStore { .. }), "{name}: {error}");
    }
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let error = open(Path::new("/nowhere/at/all/m.db")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("/nowhere/at/all/m.db"));
}

#[test]
fn a_newer_schema_is_refused_untouched() {
    let folder = folder();
    let newer =
        format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 99; CREATE TABLE t(x)");
    foreign(&folder.path().join("m.db"), &newer);
    let error = refused(folder.path(), "m.db");
    assert!(matches!(error, Error::SchemaTooNew { found: 99, supported: LATEST, .. }), "{error}");
}

#[test]
fn a_newer_schema_in_the_log_is_refused_untouched() {
    let folder = folder();
    let path = folder.path().join("m.db");
    drop(open(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99").unwrap();
    let (file, log) = (fs::read(&path).unwrap(), fs::read(folder.path().join("m.db-wal")).unwrap());
    // As after a kill: nobody closes the newer connection, which would move the log into the file.
    std::mem::forget(newer);
    assert!(matches!(open(&path).unwrap_err(), Error::SchemaTooNew { found: 99, .. }));
    assert_eq!(fs::read(&path).unwrap(), file);
    assert_eq!(fs::read(folder.path().join("m.db-wal")).unwrap(), log);
}

#[test]
fn damage_is_said() {
    let folder = folder();
    let path = folder.path().join("m.db");
    add(open(&path).unwrap(), "Alice").unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(0xAB);
    fs::write(&path, bytes).unwrap();
    let error = open(&path).and_then(|pool| pool.read(meta::totals)).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn reading_alone_neither_makes_nor_changes_files() {
    let folder = folder();
    let path = folder.path().join("m.db");
    assert!(matches!(open_read_only(&path).unwrap_err(), Error::Io { .. }));
    assert!(!path.exists());
    add(open(&path).unwrap(), "Alice").unwrap();
    let before = fs::read(&path).unwrap();
    let pool = open_read_only(&path).unwrap();
    assert_eq!(count(&pool), 1);
    assert!(matches!(add(pool, "Bob").unwrap_err(), Error::ReadOnly(_)));
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// Root may write anywhere, so this says something only when run by others.
#[cfg(unix)]
#[test]
fn a_store_in_a_folder_that_cannot_be_written_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("m #%.db");
    add(open(&path).unwrap(), "Alice").unwrap();
    let allow = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o500);
    let read = open_read_only(&path).map(|pool| count(&pool));
    let names: Vec<_> = contents(folder.path()).into_keys().collect();
    let may_write_anyway = fs::write(folder.path().join("probe"), "").is_ok();
    let written = open(&path).and_then(|pool| add(pool, "Bob"));
    allow(0o700);
    assert_eq!(read.unwrap(), 1);
    assert!(may_write_anyway || names == ["m #%.db"], "{names:?}");
    assert!(may_write_anyway || matches!(written, Err(Error::Io { .. } | Error::ReadOnly(_))), "{written:?}");
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("m.db");
    add(open(&path).unwrap(), "Alice").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let may_write_anyway = fs::OpenOptions::new().append(true).open(&path).is_ok();
    assert_eq!(count(&open_read_only(&path).unwrap()), 1);
    let written = open(&path);
    assert!(may_write_anyway || matches!(written, Err(Error::ReadOnly(_))), "{written:?}");
}

#[cfg(unix)]
#[test]
fn files_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("m.db");
    let pool = open(&path).unwrap();
    pool.read(meta::totals).unwrap();
    pool.read(|conn| backup::write(conn, &folder.path().join("copy"), &mut |_, _| true)).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn many_open_a_new_store_at_once() {
    let folder = folder();
    let path = folder.path().join("m.db");
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| add(open(&path).unwrap(), "Alice"))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
    assert_eq!(count(&open(&path).unwrap()), 8);
}

#[test]
fn a_file_that_was_moved_away_is_not_written_to() {
    let folder = folder();
    let path = folder.path().join("m.db");
    let pool = open(&path).unwrap();
    fs::rename(&path, folder.path().join("gone.db")).unwrap();
    assert!(matches!(add(pool, "Alice").unwrap_err(), Error::Io { .. }));
}

/// POSIX drops a process's locks on a file when it closes the file anywhere.
#[cfg(target_os = "linux")]
#[test]
fn looking_at_an_open_store_leaves_its_locks() {
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    let path = folder.path().join("m.db");
    let pool = open(&path).unwrap();
    assert_eq!(count(&pool), 0);
    let inode = format!(":{} ", fs::metadata(&path).unwrap().ino());
    let locks = || fs::read_to_string("/proc/locks").unwrap().matches(&inode).count();
    let before = locks();
    assert!(before > 0);
    migrate::status(&path).unwrap();
    drop(open(&path).unwrap());
    drop(open_read_only(&path).unwrap());
    pool.read(|conn| backup::write(conn, &path, &mut |_, _| true)).unwrap_err();
    assert!(locks() >= before, "locks were lost");
}

#[test]
fn a_lock_of_another_program_ends_in_busy() {
    let folder = folder();
    let path = folder.path().join("m.db");
    drop(open(&path).unwrap());
    let settings = Settings { busy_timeout: Duration::from_millis(200), ..Settings::new(&path) };
    let pool = Pool::open(&settings).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    assert_eq!(count(&pool), 0, "readers do not wait");
    assert!(matches!(add(pool, "Alice").unwrap_err(), Error::Busy { .. }));
    assert!((150..2000).contains(&start.elapsed().as_millis()));
    other.execute_batch("ROLLBACK").unwrap();
    add(open(&path).unwrap(), "Alice").unwrap();
}

#[test]
fn an_exhausted_pool_ends_in_busy() {
    let folder = folder();
    let settings = Settings {
        pool_size: 1,
        busy_timeout: Duration::from_millis(100),
        ..Settings::new(folder.path().join("m.db"))
    };
    let pool = Pool::open(&settings).unwrap();
    let inner = pool.read(|_| Ok(pool.read(|_| Ok(())))).unwrap();
    assert!(matches!(inner.unwrap_err(), Error::Busy { .. }));
}

#[test]
fn a_backup_is_a_store_and_replaces_none_but_backups() {
    let folder = folder();
    let path = folder.path().join("m.db");
    add(open(&path).unwrap(), "Alice").unwrap();
    let pool = open(&path).unwrap();
    let back_up = |target: &Path| pool.read(|conn| backup::write(conn, target, &mut |_, _| true));
    let copy = folder.path().join("copy.db");
    for _ in 0..2 {
        back_up(&copy).unwrap();
    }
    assert_eq!(count(&open_read_only(&copy).unwrap()), 1);
    let itself = back_up(&path).unwrap_err();
    assert!(matches!(&itself, Error::Io { source, .. } if source.to_string().contains("itself")), "{itself}");
    let text = folder.path().join("text");
    fs::write(&text, "text").unwrap();
    assert!(matches!(back_up(&text).unwrap_err(), Error::NotAStore { .. }));
    assert!(matches!(back_up(&folder.path().join("no/where")).unwrap_err(), Error::Io { .. }));
    let stopped = pool.read(|conn| backup::write(conn, &folder.path().join("x"), &mut |_, _| false));
    assert!(matches!(stopped.unwrap_err(), Error::Interrupted { .. }));
    assert!(contents(folder.path()).keys().all(|name| !name.ends_with(".part") && name != "x"));
}

#[test]
fn a_sound_store_has_no_problems() {
    let folder = folder();
    let pool = open(&folder.path().join("m.db")).unwrap();
    assert_eq!(pool.read(maintenance::problems).unwrap(), Vec::<String>::new());
    assert_eq!(pool.read(changes::newest).unwrap(), Position::default());
}

#[test]
fn a_file_has_one_identity_whatever_its_name() {
    let folder = folder();
    let [a, b] = ["a.db", "b.db"].map(|name| folder.path().join(name));
    for path in [&a, &b] {
        fs::write(path, "").unwrap();
    }
    let link = folder.path().join("link.db");
    fs::hard_link(&a, &link).unwrap();
    assert_eq!(FileId::of(&a).unwrap(), FileId::of(&link).unwrap());
    assert_ne!(FileId::of(&a).unwrap(), FileId::of(&b).unwrap());
}

#[test]
fn a_file_that_was_removed_or_moved_is_named_with_what_happened() {
    let gone: [fn(&Path); 2] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::rename(path, path.with_extension("moved")).unwrap(),
    ];
    for go in gone {
        let folder = folder();
        let path = folder.path().join("m.db");
        let pool = open(&path).unwrap();
        go(&path);
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        let disk_io_error = rusqlite::Error::SqliteFailure(failure, Some("disk I/O error".into()));
        for error in [pool.read(meta::totals).unwrap_err(), pool.explain(disk_io_error.into())] {
            let missing =
                matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
            assert!(missing, "{error}");
        }
    }
}
