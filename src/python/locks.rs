//! SQLite's locks, made to hold against Python's `sqlite3`, another copy of SQLite in this process.
//!
//! All that is locked in WAL mode, but for the file itself, is locked in the -shm file, which SQLite opens once in a process.
//! So these locks can be those of the open file description, which both copies respect and no other code can drop; see
//! [`db::guard`](crate::db) for those of the file. SQLite lets its system calls be replaced for such purposes
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

    /// What SQLite locks in a -shm file, see its `os_unix.c`; never in any other file.
    const BYTES: RangeInclusive<off_t> = 120..=128;

    type Fcntl = unsafe extern "C" fn(c_int, c_int, *mut c_void) -> c_int;

    /// Must come before the first connection is opened.
    pub fn install() {
        // SAFETY: The default VFS lives as long as the process. SQLite's VFS for Unix calls what is named "fcntl" with two
        // integers and one integer or pointer; on these architectures variadic arguments are passed as others are.
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
    /// As that of the system; for locks, `argument` points to a [`flock`].
    unsafe extern "C" fn fcntl(file: c_int, command: c_int, argument: *mut c_void) -> c_int {
        // SAFETY: It is called as the system's is.
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
                // A file system without such locks.
                if outcome != -1 || Errno::last() != Errno::EINVAL {
                    return outcome;
                }
            }
            libc::fcntl(file, command, argument)
        }
    }
}
