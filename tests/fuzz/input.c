#define _GNU_SOURCE
#include "formats/mapped.h"
#include "linnet.h"
#include "tests/fuzz/fuzz.h"
#include <sys/mman.h>
#include <unistd.h>

static const char MAPPED[] = "fuzz:input";
static mapped_file input, rest;

const char *fuzz_map(const uint8_t *data, size_t size) { return fuzz_map_with(data, size, NULL, 0); }

const char *fuzz_map_with(const uint8_t *data, size_t size, const uint8_t *more, size_t n_more) {
    input = (mapped_file){.bytes = data, .size = size};
    rest = (mapped_file){.bytes = more, .size = n_more};
    return MAPPED;
}

lnt_model *fuzz_shipped(const char *name) {
    char path[4096];
    lnt_error err;
    snprintf(path, sizeof path, "%s/models/%s", LINNET_SOURCE_DIR, name);
    lnt_model *model = lnt_open(path, &err);
    if (!model) fprintf(stderr, "%s\n", err.text), exit(1);
    return model;
}

const char *fuzz_path(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("input", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size) perror("memfd"), exit(1);
    return path;
}

FILE *fuzz_nowhere(void) {
    static FILE *f;
    if (!f && !(f = fopen("/dev/null", "w"))) perror("/dev/null"), exit(1);
    return f;
}

/* ---- functions in whose place the linker puts these (--wrap) ---- */

int __real_mapped_open(mapped_file *m, const char *path, const char *what, size_t least, lnt_error *err);
void __real_mapped_close(mapped_file *m);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from);
int __real_munmap(void *p, size_t n);
int __wrap_mapped_open(mapped_file *m, const char *path, const char *what, size_t least, lnt_error *err);
int __wrap_mapped_intact(const mapped_file *m, const char *path, lnt_error *err);
void __wrap_mapped_close(mapped_file *m);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from);
int __wrap_munmap(void *p, size_t n);

static unsigned char *copied(const unsigned char *bytes, size_t n, size_t room) {
    void *copy = NULL;
    if (posix_memalign(&copy, 64, room)) abort();
    return n ? memcpy(copy, bytes, n) : copy;
}

int __wrap_mapped_open(mapped_file *m, const char *path, const char *what, size_t least, lnt_error *err) {
    bool is_input = !strcmp(path, MAPPED);
    mapped_file file = input;
    size_t n_more = is_input ? rest.size : 0, size = input.size + n_more;
    *m = (mapped_file){0};
    if (is_input && size < least) return err_set(err, "%s: has %zu bytes, expected %s of at least %zu", path, size, what, least);
    if (!is_input && __real_mapped_open(&file, path, what, least, err)) return -1;
    unsigned char *copy = copied(file.bytes, file.size, file.size + n_more);
    if (n_more) memcpy(copy + file.size, rest.bytes, n_more);
    m->bytes = copy, m->size = file.size + n_more;
    if (!is_input) __real_mapped_close(&file);
    return 0;
}

int __wrap_mapped_intact(const mapped_file *m, const char *path, lnt_error *err) {
    (void)m, (void)path, (void)err; /* a copy always is */
    return 0;
}

void __wrap_mapped_close(mapped_file *m) {
    free((void *)(uintptr_t)m->bytes);
    *m = (mapped_file){0};
}

/* Memory of the engine's own, if it is little, from the heap too. */
enum { MAPS = 64, LITTLE = 1 << 17 };
static void *maps[MAPS];

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from) {
    size_t i = 0;
    while (i < MAPS && maps[i]) i++;
    if (!(flags & MAP_ANONYMOUS) || n > LITTLE || i == MAPS || posix_memalign(&maps[i], 64, n)) return __real_mmap(at, n, protection, flags, fd, from);
    return memset(maps[i], 0, n);
}

int __wrap_munmap(void *p, size_t n) {
    size_t i = 0;
    while (i < MAPS && maps[i] != p) i++;
    if (i == MAPS) return __real_munmap(p, n);
    free(p);
    maps[i] = NULL;
    return 0;
}
