#include "formats/mapped.h"
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

int mapped_open(mapped_file *m, const char *path, const char *what, size_t least, lnt_error *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would block */
    if (fd < 0) return err_set(err, "%s: %s", path, strerror(errno));
    int rc = fstat(fd, &st) ? err_set(err, "%s: %s", path, strerror(errno)) : check_kind(&st, path, what, least, err);
    if (!rc) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) rc = err_set(err, "%s: cannot be mapped: %s", path, strerror(errno));
        else *m = (mapped_file){p, (size_t)st.st_size};
        if (!rc && (size_t)st.st_size >= LARGE) madvise(p, (size_t)st.st_size, MADV_HUGEPAGE); /* where the file system can */
    }
    close(fd);
    return rc;
}

void mapped_close(mapped_file *m) {
    if (m->bytes) munmap((void *)(uintptr_t)m->bytes, m->size);
    *m = (mapped_file){0};
}
