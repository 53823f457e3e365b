/* What a process asks of the disk, in order: loaded before libc, it writes each change of a file below the folder
 * $POWER_FOLDER to the file $POWER_TRACE. Nothing is synced indeed, only noted; the test replays the trace up to
 * a power cut. One record of the trace: kind, number of the file, offset, lengths of two strings, the strings. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int trace = -1;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("POWER_TRACE");
    folder = getenv("POWER_FOLDER");
    if (folder && path) trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    unsetenv("LD_PRELOAD"); /* It is this process alone. */
}

static void put(const void *data, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t some = syscall(SYS_write, trace, (const char *)data + done, length - done);
        if (some <= 0) abort();
        done += some;
    }
}

static void note(char kind, uint64_t file, uint64_t offset, const void *a, uint32_t length_a, const void *b,
                 uint32_t length_b) {
    char head[25] = {kind};
    memcpy(head + 1, &file, 8), memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &length_a, 4), memcpy(head + 21, &length_b, 4);
    put(head, sizeof head), put(a, length_a), put(b, length_b);
}

/* -shm files are mapped, and forgotten when the machine stops. */
static int watched(const char *path) {
    size_t length = folder ? strlen(folder) : 0, whole = strlen(path);
    return trace >= 0 && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]) &&
           !(whole > 4 && !strcmp(path + whole - 4, "-shm"));
}

static int watched_fd(int fd, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = trace < 0 ? -1 : readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return watched(path);
}

static uint64_t number(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    if (!(flags & (O_CREAT | O_TRUNC)) || !watched(path)) return syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&one);
    int before = access(path, F_OK) == 0;
    int fd = syscall(SYS_openat, at, path, flags, mode), error = errno;
    if (fd >= 0 && !before) note('c', number(fd), 0, path, strlen(path), "", 0);
    if (fd >= 0 && before && flags & O_TRUNC) note('t', number(fd), 0, "", 0, "", 0);
    pthread_mutex_unlock(&one);
    errno = error;
    return fd;
}

#define OPEN(NAME)                                                                                                     \
    int NAME(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        return opened(AT_FDCWD, path, flags, mode);                                                                    \
    }
OPEN(open)
OPEN(open64)

static ssize_t written(int fd, const void *data, size_t length, off_t offset, int here) {
    char path[PATH_MAX];
    if (!watched_fd(fd, path))
        return here ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, offset);
    pthread_mutex_lock(&one);
    if (here) offset = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    ssize_t done = here ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, offset);
    int error = errno;
    if (done > 0) note('w', number(fd), offset, "", 0, data, done);
    pthread_mutex_unlock(&one);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, 0, 1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return written(fd, data, length, offset, 0); }
ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset) { return written(fd, data, length, offset, 0); }

static int cut(int fd, off_t length) {
    char path[PATH_MAX];
    if (!watched_fd(fd, path)) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&one);
    int outcome = syscall(SYS_ftruncate, fd, length), error = errno;
    if (!outcome) note('t', number(fd), length, "", 0, "", 0);
    pthread_mutex_unlock(&one);
    errno = error;
    return outcome;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off_t length) { return cut(fd, length); }

static int synced(int fd, long call) {
    char path[PATH_MAX];
    if (!watched_fd(fd, path)) return syscall(call, fd);
    pthread_mutex_lock(&one);
    note('s', number(fd), 0, path, strlen(path), "", 0);
    pthread_mutex_unlock(&one);
    return 0;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int rename(const char *from, const char *to) {
    pthread_mutex_lock(&one);
    int outcome = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), error = errno;
    if (!outcome && watched(to)) note('r', 0, 0, from, strlen(from), to, strlen(to));
    pthread_mutex_unlock(&one);
    errno = error;
    return outcome;
}

static int removed(const char *path, int flags) {
    pthread_mutex_lock(&one);
    int outcome = syscall(SYS_unlinkat, AT_FDCWD, path, flags), error = errno;
    if (!outcome && watched(path)) note('u', 0, 0, path, strlen(path), "", 0);
    pthread_mutex_unlock(&one);
    errno = error;
    return outcome;
}

int unlink(const char *path) { return removed(path, 0); }
int rmdir(const char *path) { return removed(path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode) {
    pthread_mutex_lock(&one);
    int outcome = syscall(SYS_mkdirat, AT_FDCWD, path, mode), error = errno;
    if (!outcome && watched(path)) note('d', 0, 0, path, strlen(path), "", 0);
    pthread_mutex_unlock(&one);
    errno = error;
    return outcome;
}
