/* Loaded before libc (LD_PRELOAD): the n-th call that changes a file fails, or the process dies there. From the environment:
     LINNET_FAULT_AT    n, from 1; 0 or unset: none
     LINNET_FAULT       before, after: killed before or after the call
                        torn: half of the bytes are written, then killed
                        short: half of the bytes are written, and the call says so
                        EIO: this call fails; ENOSPC: this one and all that would take room after it
                        power, power=WORD: killed, and what was written but not synced (to files with WORD in their path) is lost
                        timer: killed LINNET_FAULT_AT microseconds after the start
     LINNET_FAULT_MARK  file that says what has been done: calls so far, "fault" if there was one, which call it was
   Calls: write, pwrite, fsync, fdatasync, ftruncate, fallocate, rename, unlink, mkdir, and open when it makes a file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

static long at, calls;
static const char *fault = "", *mark;
static bool full, fired;

static void write_mark(const char *call) {
    char line[200];
    int n = snprintf(line, sizeof line, "%ld %s %s\n", calls, fired ? "fault" : "none", call);
    int fd = mark ? (int)syscall(SYS_openat, AT_FDCWD, mark, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd < 0) return;
    syscall(SYS_write, fd, line, n);
    syscall(SYS_close, fd);
}

__attribute__((constructor)) static void begin(void) {
    const char *n = getenv("LINNET_FAULT_AT"), *what = getenv("LINNET_FAULT");
    at = n ? atol(n) : 0;
    fault = what ? what : "";
    mark = getenv("LINNET_FAULT_MARK");
    if (strcmp(fault, "timer") != 0) return;
    struct sigevent kill_me = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = {at / 1000000, at % 1000000 * 1000 + 1}};
    timer_t timer;
    at = 0;
    if (timer_create(CLOCK_MONOTONIC, &kill_me, &timer) || timer_settime(timer, 0, &when, NULL)) abort();
}
__attribute__((destructor)) static void end(void) { write_mark("end"); }

/* ---- what is not synced yet ---- */

typedef struct change {
    struct change *before;
    int fd; /* of our own */
    ino_t inode;
    off_t size, offset; /* of the file before; of the bytes */
    size_t n;
    char bytes[]; /* what was there */
} change;
static change *changes;

/* Keeps what a call is about to overwrite or cut off; SQLite's shared memory is none of the disk's. */
static void note_change(int fd, off_t offset, size_t n) {
    char link[40], path[500];
    struct stat st;
    const char *word = fault + (fault[5] == '=' ? 6 : 5);
    if (strncmp(fault, "power", 5) || fstat(fd, &st) || !S_ISREG(st.st_mode)) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (!strstr(path, word) || strstr(path, "-shm")) return;
    change *c = calloc(1, sizeof *c + n);
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    if (!c || own < 0) abort();
    *c = (change){changes, own, st.st_ino, st.st_size, offset, 0};
    long got = syscall(SYS_pread64, own, c->bytes, n, offset);
    c->n = got > 0 ? (size_t)got : 0;
    changes = c;
}

static void forget_changes(int fd) {
    struct stat st;
    if (fstat(fd, &st)) return;
    for (change **c = &changes; *c;)
        if ((*c)->inode == st.st_ino) *c = (*c)->before;
        else c = &(*c)->before;
}

static void lose_changes(void) {
    for (change *c = changes; c; c = c->before) {
        if (c->n) syscall(SYS_pwrite64, c->fd, c->bytes, c->n, c->offset);
        syscall(SYS_ftruncate, c->fd, c->size);
    }
}

/* ---- faults ---- */

typedef enum verdict { GO_ON, FAIL, HALF, HALF_AND_DIE, DIE_AFTER } verdict;

static void die(void) {
    lose_changes();
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* What becomes of the next call. room: it makes a file larger, or may. */
static verdict judge(const char *call, bool room) {
    calls++;
    if (full && room) {
        errno = ENOSPC;
        return FAIL;
    }
    if (!at || calls != at) return GO_ON;
    fired = true;
    write_mark(call);
    if (!strcmp(fault, "before") || !strncmp(fault, "power", 5)) die();
    if (!strcmp(fault, "after")) return DIE_AFTER;
    if (!strcmp(fault, "torn")) return HALF_AND_DIE;
    if (!strcmp(fault, "short")) return HALF;
    full = !strcmp(fault, "ENOSPC");
    errno = full ? ENOSPC : EIO;
    return full && !room ? GO_ON : FAIL;
}

static long done(verdict v, long result) {
    if (v == DIE_AFTER || v == HALF_AND_DIE) die();
    return result;
}

#define SIMPLE(call, room, real)            \
    do {                                    \
        verdict v = judge(call, room);      \
        return v == FAIL ? -1 : (int)done(v, (real)); \
    } while (0)

static size_t share(verdict v, size_t n) { return v == HALF || v == HALF_AND_DIE ? (n > 1 ? n / 2 : n) : n; }

PUBLIC ssize_t write(int fd, const void *bytes, size_t n) {
    if (fd <= 2) return syscall(SYS_write, fd, bytes, n);
    verdict v = judge("write", true);
    if (v == FAIL) return -1;
    note_change(fd, (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR), n);
    return done(v, syscall(SYS_write, fd, bytes, share(v, n)));
}

PUBLIC ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
    verdict v = judge("pwrite", true);
    if (v == FAIL) return -1;
    note_change(fd, offset, n);
    return done(v, syscall(SYS_pwrite64, fd, bytes, share(v, n), offset));
}
PUBLIC ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset) { return pwrite(fd, bytes, n, offset); }

static int sync_with(const char *call, long number, int fd) {
    verdict v = judge(call, false);
    if (v == FAIL) return -1;
    int result = (int)syscall(number, fd);
    if (!result) forget_changes(fd);
    return (int)done(v, result);
}
PUBLIC int fsync(int fd) { return sync_with("fsync", SYS_fsync, fd); }
PUBLIC int fdatasync(int fd) { return sync_with("fdatasync", SYS_fdatasync, fd); }

PUBLIC int ftruncate(int fd, off_t size) {
    struct stat st;
    verdict v = judge("ftruncate", false);
    if (v == FAIL) return -1;
    if (!fstat(fd, &st)) note_change(fd, size, st.st_size > size ? (size_t)(st.st_size - size) : 0);
    return (int)done(v, syscall(SYS_ftruncate, fd, size));
}
PUBLIC int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

PUBLIC int fallocate(int fd, int mode, off_t offset, off_t n) { SIMPLE("fallocate", true, syscall(SYS_fallocate, fd, mode, offset, n)); }
PUBLIC int fallocate64(int fd, int mode, off64_t offset, off64_t n) { return fallocate(fd, mode, offset, n); }
PUBLIC int posix_fallocate(int fd, off_t offset, off_t n) { return fallocate(fd, 0, offset, n) ? errno : 0; }
PUBLIC int posix_fallocate64(int fd, off64_t offset, off64_t n) { return posix_fallocate(fd, offset, n); }

PUBLIC int rename(const char *from, const char *to) { SIMPLE("rename", false, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)); }
PUBLIC int unlink(const char *path) { SIMPLE("unlink", false, syscall(SYS_unlinkat, AT_FDCWD, path, 0)); }
PUBLIC int unlinkat(int folder, const char *path, int flags) { SIMPLE("unlinkat", false, syscall(SYS_unlinkat, folder, path, flags)); }
PUBLIC int mkdir(const char *path, mode_t mode) { SIMPLE("mkdir", true, syscall(SYS_mkdirat, AT_FDCWD, path, mode)); }

static int open_with(int folder, const char *path, int flags, mode_t mode) {
    if (!(flags & O_CREAT) || !faccessat(folder, path, F_OK, 0)) return (int)syscall(SYS_openat, folder, path, flags, mode);
    SIMPLE("open", true, syscall(SYS_openat, folder, path, flags, mode));
}
#define OPEN(name)                                             \
    PUBLIC int name(const char *path, int flags, ...) {        \
        va_list list;                                          \
        va_start(list, flags);                                 \
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; \
        va_end(list);                                          \
        return open_with(AT_FDCWD, path, flags, mode);         \
    }
OPEN(open)
OPEN(open64)
