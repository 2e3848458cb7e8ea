#include "formats/mapped.h"
#include "formats/file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files from here on are worth large pages, of which memory is read faster (docs/search.md). */
enum { LARGE = 8 << 20 };

static int check_kind(const struct stat *st, const char *path, const char *what, size_t least, lnt_error *err) {
    if (S_ISDIR(st->st_mode)) return err_set(err, "%s: is a directory, expected %s", path, what);
    if (!S_ISREG(st->st_mode))
        return err_set(err, "%s: is not a regular file, expected %s that can be mapped", path, what);
    if ((uint64_t)st->st_size < least || (uint64_t)st->st_size > PTRDIFF_MAX)
        return err_set(err, "%s: has %lld bytes, expected %s of at least %zu", path, (long long)st->st_size, what,
                       least);
    return 0;
}

static int map(mapped_file *m, const char *path, lnt_error *err) {
    void *p = mmap(NULL, m->size, PROT_READ, MAP_SHARED, m->fd, 0);
    if (p == MAP_FAILED) return err_set(err, "%s: cannot be mapped: %s", path, strerror(errno));
    m->bytes = p;
    if (m->size >= LARGE) madvise(p, m->size, MADV_HUGEPAGE); /* where the file system can */
    m->guard = guard_new(p, m->size, path, err);
    return m->guard ? 0 : -1;
}

int mapped_open(mapped_file *m, const char *path, const char *what, size_t least, lnt_error *err) {
    struct stat st;
    *m = (mapped_file){0};
    m->fd = file_open(path, O_RDONLY | O_NONBLOCK); /* a pipe without a writer would block */
    if (m->fd < 0) return err_set(err, "%s: %s", path, strerror(errno));
    int rc = fstat(m->fd, &st) ? err_set(err, "%s: %s", path, strerror(errno)) : check_kind(&st, path, what, least, err);
    if (!rc) {
        m->size = (size_t)st.st_size;
        m->modified = st.st_mtim;
        rc = map(m, path, err);
    }
    if (rc && !m->bytes) close(m->fd);
    if (rc) mapped_close(m);
    return rc;
}

int mapped_intact(const mapped_file *m, const char *path, lnt_error *err) {
    struct stat st;
    if (!m->guard) return 0; /* bytes that are in no file */
    if (fstat(m->fd, &st)) return err_set(err, "%s: %s", path, strerror(errno));
    bool same = (uint64_t)st.st_size == m->size && st.st_mtim.tv_sec == m->modified.tv_sec && st.st_mtim.tv_nsec == m->modified.tv_nsec;
    if (same && !guard_broken(m->guard)) return 0;
    return err_set(err, "%s: %s", path, same ? "could not be read while it was in use, expected a disk without errors"
                                             : "changed while it was in use, expected it to stay as it was");
}

void mapped_close(mapped_file *m) {
    if (m->bytes) {
        guard_free(m->guard);
        munmap((void *)(uintptr_t)m->bytes, m->size);
        close(m->fd);
    }
    *m = (mapped_file){0};
}
