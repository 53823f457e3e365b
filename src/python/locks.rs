//! Locks that Python's `sqlite3`, another copy of SQLite in this process, respects.
//!
//! In WAL mode SQLite locks bytes of the -shm file, which it opens once per process. Here these locks belong to the open file
//! description instead of the process: both copies respect them, and no other code in the process can drop them. The guard of
//! the SQLite backend does the same for the database file. SQLite lets its system calls be replaced for such purposes
//! (<https://www.sqlite.org/c3ref/vfs.html>).

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn install() {}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use of_descriptions::install;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod of_descriptions {
    #![allow(unsafe_code, reason = "it replaces a C function of SQLite")]

    use std::ffi::{c_int, c_void};
    use std::mem::transmute;
    use std::ops::RangeInclusive;
    use std::ptr;

    use nix::errno::Errno;
    use nix::libc::{self, F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK, flock, off_t};
    use rusqlite::ffi;

    /// The bytes that SQLite locks in a -shm file, and in no other file; see its `os_unix.c`.
    const BYTES: RangeInclusive<off_t> = 120..=128;

    type Fcntl = unsafe extern "C" fn(c_int, c_int, *mut c_void) -> c_int;

    /// Call before the first connection is opened.
    pub fn install() {
        // SAFETY: The default VFS lives as long as the process. SQLite's VFS for Unix calls the function named "fcntl" with two
        // integers and one integer or pointer. On these architectures variadic arguments are passed like others.
        unsafe {
            ffi::sqlite3_initialize();
            let vfs = ffi::sqlite3_vfs_find(ptr::null());
            if let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) {
                let own = transmute::<Fcntl, unsafe extern "C" fn()>(fcntl);
                set(vfs, c"fcntl".as_ptr(), Some(own));
            }
        }
    }

    /// # Safety
    /// The rules of the system's `fcntl` apply. For locks, `argument` points to a [`flock`].
    unsafe extern "C" fn fcntl(file: c_int, command: c_int, argument: *mut c_void) -> c_int {
        // SAFETY: The caller keeps the rules of the system's `fcntl`.
        unsafe {
            let of_description = match command {
                F_SETLK => F_OFD_SETLK,
                F_GETLK => F_OFD_GETLK,
                other => return libc::fcntl(file, other, argument),
            };
            let lock = &mut *argument.cast::<flock>();
            if BYTES.contains(&lock.l_start) {
                lock.l_pid = 0;
                let outcome = libc::fcntl(file, of_description, argument);
                // EINVAL means that the file system has no such locks.
                if outcome != -1 || Errno::last() != Errno::EINVAL {
                    return outcome;
                }
            }
            libc::fcntl(file, command, argument)
        }
    }
}
