#define _GNU_SOURCE
#include "search/vectors.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char magic[8] = "LNTVECT", remedy[] = "make the index again, or restore it";
enum { VERSION = 1 };

/* The first bytes of the file; zeros from here to VECTORS_HEADER. */
typedef struct header {
    char magic[8];
    uint32_t version, type, dims, group_rows;
    uint64_t group_bytes;
    unsigned char id[VECTORS_ID];
    unsigned char hash[VECTORS_HASH]; /* XXH3-128, canonical, of the VECTORS_HEADER bytes with zeros here */
} header;

typedef union header_page {
    header h;
    unsigned char bytes[VECTORS_HEADER];
} header_page;

static void hash_header(const header_page *page, unsigned char *hash) {
    header_page blank = *page;
    memset(blank.h.hash, 0, VECTORS_HASH);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(&blank, sizeof blank));
    memcpy(hash, canonical.digest, VECTORS_HASH);
}

static int write_all(int fd, const char *path, const void *bytes, size_t n, uint64_t at, lnt_error *err) {
    const char *from = bytes;
    while (n) {
        const ssize_t done = pwrite(fd, from, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return err_set(err, "%s: cannot write: %s", path, done ? strerror(errno) : "nothing more fits");
        from += done;
        n -= (size_t)done;
        at += (uint64_t)done;
    }
    return 0;
}

static int sync_all(int fd, const char *path, bool whole, lnt_error *err) {
    while (whole ? fsync(fd) : fdatasync(fd))
        if (errno != EINTR) return err_set(err, "%s: cannot sync: %s", path, strerror(errno));
    return 0;
}

/* So that the file's name is as safe as its bytes. */
static int sync_folder_of(const char *path, lnt_error *err) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) return err_memory(err, strlen(path) + 1, "a path");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int failed = fd < 0 ? err_set(err, "%s: cannot open: %s", folder, strerror(errno)) : sync_all(fd, folder, true, err);
    if (fd >= 0) close(fd);
    free(folder);
    return failed;
}

static int check_shape(const char *path, uint64_t type, uint64_t dims, lnt_error *err) {
    if (type >= VECTORS_TYPES) return err_set(err, "%s: vectors of type %llu, expected less than %d; %s", path, (unsigned long long)type, VECTORS_TYPES, remedy);
    if (dims < 1 || dims > VECTORS_MAX_DIMS)
        return err_set(err, "%s: vectors of %llu dimensions, expected 1 to %d", path, (unsigned long long)dims, VECTORS_MAX_DIMS);
    return 0;
}

int vectors_create(const char *path, vectors_type type, uint32_t dims, const unsigned char id[VECTORS_ID], lnt_error *err) {
    if (check_shape(path, type, dims, err)) return -1;
    header_page page = {.bytes = {0}};
    page.h = (header){.version = VERSION, .type = type, .dims = dims, .group_rows = VECTORS_GROUP, .group_bytes = vectors_group_bytes(type, dims)};
    memcpy(page.h.magic, magic, sizeof magic);
    memcpy(page.h.id, id, VECTORS_ID);
    hash_header(&page, page.h.hash);

    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return err_set(err, "%s: cannot make: %s", path, strerror(errno));
    int failed = write_all(fd, path, &page, sizeof page, 0, err) || sync_all(fd, path, true, err);
    if (close(fd) && !failed) failed = err_set(err, "%s: cannot write: %s", path, strerror(errno));
    if (!failed) failed = sync_folder_of(path, err);
    if (failed) unlink(path);
    return failed ? -1 : 0;
}

static int read_header(int fd, const char *path, header_page *page, lnt_error *err) {
    unsigned char hash[VECTORS_HASH];
    size_t n = 0;
    while (n < sizeof *page) {
        const ssize_t got = pread(fd, page->bytes + n, sizeof *page - n, (off_t)n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_set(err, "%s: cannot read: %s", path, strerror(errno));
        if (!got) return err_set(err, "%s: ends after %zu bytes, expected a header of %d; %s", path, n, VECTORS_HEADER, remedy);
        n += (size_t)got;
    }
    if (memcmp(page->h.magic, magic, sizeof magic)) return err_set(err, "%s: not a file of vectors; %s", path, remedy);
    hash_header(page, hash);
    if (memcmp(page->h.hash, hash, VECTORS_HASH)) return err_set(err, "%s: the header is damaged, its hash differs; %s", path, remedy);
    if (page->h.version != VERSION)
        return err_set(err, "%s: version %u of the format, this build reads %d", path, page->h.version, VERSION);
    return check_shape(path, page->h.type, page->h.dims, err);
}

static int size_on_disk(const vectors_file *f, uint64_t *size, lnt_error *err) {
    struct stat st;
    if (fstat(f->fd, &st)) return err_set(err, "%s: %s", f->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return err_set(err, "%s: not a regular file", f->path);
    *size = (uint64_t)st.st_size;
    return 0;
}

/* Bytes of a file with so many groups, which must be no more than it has. */
static int file_bytes(const vectors_file *f, uint64_t groups, size_t *bytes, lnt_error *err) {
    const size_t group = vectors_group_bytes(f->type, f->dims);
    uint64_t size, all;
    if (size_on_disk(f, &size, err)) return -1;
    if (__builtin_mul_overflow(groups, group, &all) || __builtin_add_overflow(all, VECTORS_HEADER, &all) || all > SIZE_MAX / 2 || all > size)
        return err_set(err, "%s: its %llu bytes are fewer than the %llu groups of %zu that were committed; %s", f->path, (unsigned long long)size,
                       (unsigned long long)groups, group, remedy);
    *bytes = (size_t)all;
    return 0;
}

int vectors_commit(vectors_file *f, uint64_t groups, lnt_error *err) {
    size_t bytes = 0;
    if (file_bytes(f, groups, &bytes, err)) return -1;
    if (bytes != f->map_bytes && groups) {
        void *map = f->map ? mremap((void *)(uintptr_t)f->map, f->map_bytes, bytes, MREMAP_MAYMOVE)
                           : mmap(NULL, bytes, PROT_READ, MAP_SHARED, f->fd, 0);
        if (map == MAP_FAILED) return err_set(err, "%s: cannot map %zu bytes: %s", f->path, bytes, strerror(errno));
        madvise(map, bytes, MADV_HUGEPAGE); /* where the file system can */
        f->map = map;
        f->map_bytes = bytes;
    }
    f->groups = groups;
    return 0;
}

int vectors_open(vectors_file *f, const char *path, const unsigned char id[VECTORS_ID], uint64_t groups, bool write, lnt_error *err) {
    header_page page;
    *f = (vectors_file){.fd = -1, .path = strdup(path)};
    if (!f->path) return err_memory(err, strlen(path) + 1, "a path");
    do
        f->fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK); /* a pipe must not be waited for */
    while (f->fd < 0 && errno == EINTR);
    if (f->fd < 0) {
        err_set(err, "%s: cannot open: %s%s%s", path, strerror(errno), errno == ENOENT ? "; " : "", errno == ENOENT ? remedy : "");
        goto failed;
    }
    uint64_t size;
    if (size_on_disk(f, &size, err) || read_header(f->fd, path, &page, err)) goto failed;
    f->type = (vectors_type)page.h.type;
    f->dims = page.h.dims;
    memcpy(f->id, page.h.id, VECTORS_ID);
    if (page.h.group_rows != VECTORS_GROUP || page.h.group_bytes != vectors_group_bytes(f->type, f->dims)) {
        err_set(err, "%s: groups of %u rows in %llu bytes, expected %d in %zu; %s", path, page.h.group_rows, (unsigned long long)page.h.group_bytes,
                VECTORS_GROUP, vectors_group_bytes(f->type, f->dims), remedy);
        goto failed;
    }
    if (memcmp(f->id, id, VECTORS_ID)) {
        err_set(err, "%s: belongs to another index; %s", path, remedy);
        goto failed;
    }
    if (!vectors_commit(f, groups, err)) return 0;
failed:
    vectors_close(f);
    return -1;
}

void vectors_close(vectors_file *f) {
    if (f->map) munmap((void *)(uintptr_t)f->map, f->map_bytes);
    if (f->path && f->fd >= 0) close(f->fd);
    free(f->path);
    *f = (vectors_file){.fd = -1};
}

int vectors_write_packed(vectors_file *f, uint64_t group, const unsigned char *bytes, lnt_error *err) {
    const size_t n = vectors_group_bytes(f->type, f->dims);
    uint64_t at, end;
    if (group < f->groups) return err_set(err, "%s: group %llu is committed", f->path, (unsigned long long)group);
    if (__builtin_mul_overflow(group, n, &at) || __builtin_add_overflow(at, VECTORS_HEADER, &at) || __builtin_add_overflow(at, n, &end) || end > INT64_MAX)
        return err_set(err, "%s: group %llu is beyond what a file holds", f->path, (unsigned long long)group);
    return write_all(f->fd, f->path, bytes, n, at, err);
}

int vectors_write_group(vectors_file *f, uint64_t group, const float *rows, lnt_error *err) {
    const size_t n = vectors_group_bytes(f->type, f->dims);
    unsigned char *bytes = aligned_alloc(64, n);
    if (!bytes) return err_memory(err, n, "a group of vectors");
    vectors_pack_group(f->type, f->dims, group, rows, bytes);
    const int failed = vectors_write_packed(f, group, bytes, err);
    free(bytes);
    return failed;
}

int vectors_sync(vectors_file *f, lnt_error *err) { return sync_all(f->fd, f->path, false, err); }

int vectors_check(const vectors_file *f, lnt_error *err) {
    for (uint64_t g = 0; g < f->groups; g++)
        if (!vectors_group_holds(f->type, f->dims, g, vectors_group(f, g)))
            return err_set(err, "%s: group %llu of %llu is damaged, its hash differs; %s", f->path, (unsigned long long)g,
                           (unsigned long long)f->groups, remedy);
    return 0;
}
