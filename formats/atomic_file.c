#define _GNU_SOURCE
#include "formats/atomic_file.h"
#include "formats/file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
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
    char folder[PATH_MAX];
    file_folder_of(path, folder);
    return access("/proc/self/fd", X_OK) ? -1 : file_open(folder, O_TMPFILE | O_RDWR);
}

/* ---- those with a name, for atomic_file_remove_all ---- */

enum { MOST_NAMED = 16 };
static char *named[MOST_NAMED];

static void remember(char *temporary) {
    for (int i = 0; i < MOST_NAMED; i++) {
        char *nothing = NULL;
        if (__atomic_compare_exchange_n(&named[i], &nothing, temporary, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return;
    }
}

static void forget(char *temporary) {
    for (int i = 0; i < MOST_NAMED; i++) {
        char *it = temporary;
        if (__atomic_compare_exchange_n(&named[i], &it, NULL, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return;
    }
}

void atomic_file_remove_all(void) {
    for (int i = 0; i < MOST_NAMED; i++) {
        const char *temporary = __atomic_load_n(&named[i], __ATOMIC_ACQUIRE);
        if (temporary) unlink(temporary);
    }
}

/* ---- making one ---- */

static int open_temporary(atomic_file *f, lnt_error *err) {
    size_t n = strlen(f->path) + 32;
    if (!(f->temporary = malloc(n))) return err_memory(err, n, "a path");
    snprintf(f->temporary, n, "%s.%ld.part", f->path, (long)getpid());
    f->fd = open_nameless(f->path);
    f->named = f->fd < 0;
    if (f->named) {
        remember(f->temporary);
        f->fd = file_open(f->temporary, O_RDWR | O_CREAT | O_EXCL);
    }
    if (f->fd < 0) {
        forget(f->temporary);
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
    return file_write(f->fd, f->path, bytes, n, at, err);
}

int atomic_file_forget(const atomic_file *f, lnt_error *err) {
    if (file_sync(f->fd, f->path, true, err)) return -1;
    posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
    return 0;
}

/* A link takes no other file's place: where there is one, it gets another name first. */
static int put_in_place(atomic_file *f, lnt_error *err) {
    if (!f->named) {
        if (!linkat(AT_FDCWD, f->readable, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW)) return 0;
        if (errno != EEXIST) return err_set(err, "%s: cannot be linked: %s", f->path, strerror(errno));
        if (linkat(AT_FDCWD, f->readable, AT_FDCWD, f->temporary, AT_SYMLINK_FOLLOW))
            return err_set(err, "%s: cannot be linked: %s", f->temporary, strerror(errno));
        f->named = true;
    }
    if (rename(f->temporary, f->path)) return err_set(err, "%s: cannot be renamed to: %s", f->path, strerror(errno));
    f->named = false;
    forget(f->temporary);
    return 0;
}

int atomic_file_commit(atomic_file *f, lnt_error *err) {
    sigset_t all, old;
    int rc = file_sync(f->fd, f->path, true, err);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* between two names it would leave the first */
    if (!rc) rc = put_in_place(f, err);
    if (rc) atomic_file_abandon(f);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) return rc;
    rc = file_sync_folder_of(f->path, err);
    release(f);
    return rc;
}

void atomic_file_abandon(atomic_file *f) {
    if (f->named) {
        unlink(f->temporary);
        forget(f->temporary);
    }
    release(f);
}
