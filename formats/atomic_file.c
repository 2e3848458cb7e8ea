#define _GNU_SOURCE
#include "formats/atomic_file.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void release(atomic_file *f) {
    if (f->path && f->fd >= 0) close(f->fd);
    free(f->path);
    free(f->temporary);
    *f = (atomic_file){0};
}

/* -1 where the file system has no files without a name. */
static int open_nameless(const char *path) {
    char *copy = strdup(path);
    int fd = copy && !access("/proc/self/fd", X_OK) ? open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666) : -1;
    free(copy);
    return fd;
}

static int open_temporary(atomic_file *f, lnt_error *err) {
    size_t n = strlen(f->path) + 32;
    if (!(f->temporary = malloc(n))) return err_memory(err, n, "a path");
    snprintf(f->temporary, n, "%s.%ld.part", f->path, (long)getpid());
    f->fd = open_nameless(f->path);
    f->named = f->fd < 0;
    if (f->named) f->fd = open(f->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        f->named = false;
        return err_set(err, "%s: cannot be created: %s", f->path, strerror(errno));
    }
    snprintf(f->readable, sizeof f->readable, "/proc/self/fd/%d", f->fd);
    return 0;
}

int atomic_file_create(atomic_file *f, const char *path, lnt_error *err) {
    struct stat st;
    *f = (atomic_file){.fd = -1};
    if (!stat(path, &st) && !S_ISREG(st.st_mode))
        return err_set(err, "%s: is not a regular file, expected a name to write to", path);
    f->path = strdup(path);
    if (!f->path) return err_memory(err, strlen(path) + 1, "a path");
    if (!open_temporary(f, err)) return 0;
    release(f);
    return -1;
}

int atomic_file_write(const atomic_file *f, const void *bytes, size_t n, uint64_t at, lnt_error *err) {
    for (const char *p = bytes; n;) {
        ssize_t done = pwrite(f->fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0)
            return err_set(err, "%s: cannot be written: %s", f->path, done ? strerror(errno) : "nothing was taken");
        p += done, n -= (size_t)done, at += (uint64_t)done;
    }
    return 0;
}

/* So that the new name survives a power cut. */
static int sync_folder(const char *path, lnt_error *err) {
    char *copy = strdup(path);
    if (!copy) return err_memory(err, strlen(path) + 1, "a path");
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    if (fd >= 0 && fsync(fd) && errno != EINVAL && errno != EROFS)
        rc = err_set(err, "%s: its folder cannot be synced: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    free(copy);
    return rc;
}

static int sync_file(const atomic_file *f, lnt_error *err) {
    return fsync(f->fd) ? err_set(err, "%s: cannot be synced: %s", f->path, strerror(errno)) : 0;
}

int atomic_file_forget(const atomic_file *f, lnt_error *err) {
    if (sync_file(f, err)) return -1;
    posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
    return 0;
}

int atomic_file_commit(atomic_file *f, lnt_error *err) {
    int rc = sync_file(f, err);
    if (!rc && !f->named && linkat(AT_FDCWD, f->readable, AT_FDCWD, f->temporary, AT_SYMLINK_FOLLOW))
        rc = err_set(err, "%s: cannot be linked: %s", f->temporary, strerror(errno));
    if (!rc && (f->named = true, rename(f->temporary, f->path))) rc = err_set(err, "%s: cannot be renamed to: %s", f->path, strerror(errno));
    if (rc) {
        atomic_file_abandon(f);
        return rc;
    }
    rc = sync_folder(f->path, err);
    release(f);
    return rc;
}

void atomic_file_abandon(atomic_file *f) {
    if (f->named) unlink(f->temporary);
    release(f);
}
