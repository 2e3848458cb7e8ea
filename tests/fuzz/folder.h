/* What the targets share whose readers take names of files: a folder in memory whose files are rewritten for every input, and an
   input in the place of several files. */
#ifndef LNT_TESTS_FUZZ_FOLDER_H
#define LNT_TESTS_FUZZ_FOLDER_H
#include "linnet.h"
#include "tests/fuzz/fuzz.h"
#include <fcntl.h>
#include <unistd.h>

static char fuzz_folder[256];

static void folder_remove_all(void) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", fuzz_folder);
    if (system(command)) fprintf(stderr, "%s is left behind\n", fuzz_folder);
}

/* One line. */
static inline bool fuzz_is_error(const lnt_error *err) { return *err->text && !strchr(err->text, '\n'); }

/* In $FUZZ_FOLDER, which whoever runs many can remove after a crash, else in memory. */
static inline void folder_make(void) {
    const char *in = getenv("FUZZ_FOLDER");
    if (!in || !*in) in = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(fuzz_folder, sizeof fuzz_folder, "%s/linnet-fuzz-XXXXXX", in);
    if (!mkdtemp(fuzz_folder)) perror(fuzz_folder), exit(1);
    atexit(folder_remove_all);
}

/* A name's path, in one of a few buffers that take turns. */
static inline const char *folder_path(const char *name) {
    static char paths[4][1024];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder, name);
    return path;
}

static inline const char *folder_write(const char *name, const void *bytes, size_t n) {
    const char *path = folder_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) perror(path), abort();
    close(fd);
    return path;
}

static inline void folder_delete(const char *name) { unlink(folder_path(name)); }

/* A file that stands in the folder under another name, and is only read. */
static inline void folder_link(const char *name, const char *to) {
    if (symlink(to, folder_path(name))) perror(name), exit(1);
}

/* ---- an input that stands for several files ----

   Each begins with a line "//// NAME". What stands before the first such line has the name "". */
typedef struct folder_part {
    char name[64];
    const uint8_t *bytes;
    size_t n;
} folder_part;

static inline const uint8_t *folder_next_mark(const uint8_t *at, const uint8_t *end) {
    static const char MARK[] = "\n//// ";
    return at < end ? memmem(at, (size_t)(end - at), MARK, sizeof MARK - 1) : NULL;
}

/* *at and end: what is left of the input. */
static inline bool folder_take_part(folder_part *part, const uint8_t **at, const uint8_t *end) {
    const uint8_t *begin = *at;
    size_t n_name = 0;
    *part = (folder_part){.bytes = begin};
    if (begin >= end) return false;
    if (end - begin >= 6 && !memcmp(begin, "\n//// ", 6)) begin += 1;
    if (end - begin >= 5 && !memcmp(begin, "//// ", 5)) {
        const uint8_t *line = memchr(begin, '\n', (size_t)(end - begin));
        begin += 5;
        n_name = (size_t)((line ? line : end) - begin);
        memcpy(part->name, begin, n_name < sizeof part->name ? n_name : sizeof part->name - 1);
        begin = line ? line : end;
    }
    const uint8_t *next = folder_next_mark(begin, end);
    if (begin < end && *begin == '\n' && begin != next) begin++;
    part->bytes = begin;
    part->n = (size_t)((next ? next : end) - begin);
    *at = next ? next : end;
    return true;
}
#endif
