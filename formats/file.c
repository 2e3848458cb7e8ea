#define _GNU_SOURCE
#include "formats/file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(const char *path, int flags) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

ssize_t file_read(int fd, void *bytes, size_t n, uint64_t at) {
    size_t done = 0;
    while (done < n) {
        const ssize_t got = pread(fd, (char *)bytes + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (!got) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static int read_open(int fd, const char *path, const char *what, uint64_t most, char **bytes, size_t *n, lnt_error *err) {
    struct stat st;
    if (fstat(fd, &st)) return err_set(err, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) return err_set(err, "%s: is a directory, expected %s", path, what);
    if (!S_ISREG(st.st_mode)) return err_set(err, "%s: is not a regular file, expected %s", path, what);
    if ((uint64_t)st.st_size > most)
        return err_set(err, "%s: has %lld bytes, expected %s of at most %llu", path, (long long)st.st_size, what, (unsigned long long)most);
    *n = (size_t)st.st_size;
    *bytes = malloc(*n + 1);
    if (!*bytes) return err_memory(err, *n, path);
    (*bytes)[*n] = 0;
    const ssize_t got = file_read(fd, *bytes, *n, 0);
    if (got == (ssize_t)*n) return 0;
    err_set(err, "%s: cannot be read: %s", path, got < 0 ? strerror(errno) : "it became shorter");
    free(*bytes);
    return -1;
}

int file_read_all(const char *path, const char *what, uint64_t most, char **bytes, size_t *n, lnt_error *err) {
    const int fd = file_open(path, O_RDONLY | O_NONBLOCK); /* a pipe without a writer would block */
    if (fd < 0) return err_set(err, "%s: %s", path, strerror(errno));
    const int rc = read_open(fd, path, what, most, bytes, n, err);
    close(fd);
    return rc;
}

int file_write(int fd, const char *path, const void *bytes, size_t n, uint64_t at, lnt_error *err) {
    for (const char *from = bytes; n;) {
        const ssize_t done = pwrite(fd, from, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return err_set(err, "%s: cannot be written: %s", path, done ? strerror(errno) : "nothing was taken");
        from += done, n -= (size_t)done, at += (uint64_t)done;
    }
    return 0;
}

int file_shorten(int fd, const char *path, uint64_t bytes, lnt_error *err) {
    while (ftruncate(fd, (off_t)bytes))
        if (errno != EINTR) return err_set(err, "%s: cannot be shortened: %s", path, strerror(errno));
    return 0;
}

int file_sync(int fd, const char *path, bool whole, lnt_error *err) {
    while (whole ? fsync(fd) : fdatasync(fd))
        if (errno != EINTR) return err_set(err, "%s: cannot be synced: %s", path, strerror(errno));
    return 0;
}

int file_exists(const char *path, bool *found, lnt_error *err) {
    struct stat st;
    *found = !stat(path, &st);
    return *found || errno == ENOENT || errno == ENOTDIR ? 0 : err_set(err, "%s: %s", path, strerror(errno));
}

void file_folder_of(const char *path, char *out) {
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    memcpy(out, n ? path : "./", n && n < PATH_MAX ? n : 2);
    out[n && n < PATH_MAX ? n : 2] = 0;
}

int file_sync_folder_of(const char *path, lnt_error *err) {
    char folder[PATH_MAX];
    file_folder_of(path, folder);
    const int fd = file_open(folder, O_RDONLY | O_DIRECTORY);
    int rc = 0;
    if (fd < 0 && errno != EACCES) rc = err_set(err, "%s: its folder cannot be opened: %s", path, strerror(errno));
    while (fd >= 0 && !rc && fsync(fd)) {
        if (errno == EINVAL || errno == EROFS) break;
        if (errno != EINTR) rc = err_set(err, "%s: its folder cannot be synced: %s", path, strerror(errno));
    }
    if (fd >= 0) close(fd);
    return rc;
}
