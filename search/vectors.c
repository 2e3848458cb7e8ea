#define _GNU_SOURCE
#include "search/vectors.h"
#include "formats/file.h"
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

    const int fd = file_open(path, O_WRONLY | O_CREAT | O_EXCL);
    if (fd < 0) return err_set(err, "%s: cannot make: %s", path, strerror(errno));
    int failed = file_write(fd, path, &page, sizeof page, 0, err) || file_sync(fd, path, true, err);
    if (close(fd) && !failed) failed = err_set(err, "%s: cannot write: %s", path, strerror(errno));
    if (!failed) failed = file_sync_folder_of(path, err);
    if (failed) unlink(path);
    return failed ? -1 : 0;
}

static int read_header(int fd, const char *path, header_page *page, lnt_error *err) {
    unsigned char hash[VECTORS_HASH];
    const ssize_t n = file_read(fd, page, sizeof *page, 0);
    if (n < 0) return err_set(err, "%s: cannot be read: %s", path, strerror(errno));
    if (n < VECTORS_HEADER) return err_set(err, "%s: ends after %zd bytes, expected a header of %d; %s", path, n, VECTORS_HEADER, remedy);
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
    if (f->guard && vectors_intact(f, err)) return -1; /* what has zeros in it cannot be moved */
    if (bytes != f->map_bytes && groups) {
        void *map = f->map ? mremap((void *)(uintptr_t)f->map, f->map_bytes, bytes, MREMAP_MAYMOVE)
                           : mmap(NULL, bytes, PROT_READ, MAP_SHARED, f->fd, 0);
        if (map == MAP_FAILED) return err_set(err, "%s: cannot map %zu bytes: %s", f->path, bytes, strerror(errno));
        madvise(map, bytes, MADV_HUGEPAGE); /* where the file system can */
        f->map = map;
        f->map_bytes = bytes;
        if (f->guard) guard_move(f->guard, map, bytes);
        else if (!(f->guard = guard_new(map, bytes, f->path, err))) return -1;
    }
    f->groups = groups;
    return 0;
}

int vectors_open(vectors_file *f, const char *path, const unsigned char id[VECTORS_ID], uint64_t groups, bool write, lnt_error *err) {
    header_page page;
    *f = (vectors_file){.fd = -1, .path = strdup(path)};
    if (!f->path) return err_memory(err, strlen(path) + 1, "a path");
    f->fd = file_open(path, (write ? O_RDWR : O_RDONLY) | O_NONBLOCK); /* a pipe must not be waited for */
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
    guard_free(f->guard);
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
    return file_write(f->fd, f->path, bytes, n, at, err);
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

int vectors_sync(vectors_file *f, lnt_error *err) { return file_sync(f->fd, f->path, false, err); }

int vectors_intact(const vectors_file *f, lnt_error *err) {
    uint64_t size;
    if (size_on_disk(f, &size, err)) return -1;
    if (size >= f->map_bytes && !(f->guard && guard_broken(f->guard))) return 0;
    return err_set(err, "%s: became shorter while it was in use, or could not be read; %s", f->path, remedy);
}

int vectors_check(const vectors_file *f, lnt_error *err) {
    int rc = 0;
    for (uint64_t g = 0; !rc && g < f->groups; g++)
        if (!vectors_group_holds(f->type, f->dims, g, vectors_group(f, g)))
            rc = err_set(err, "%s: group %llu of %llu is damaged, its hash differs; %s", f->path, (unsigned long long)g, (unsigned long long)f->groups,
                         remedy);
    return vectors_intact(f, err) ? -1 : rc;
}
