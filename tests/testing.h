/* What the Check programs share: a folder of their own, files, running a part in a process of its own. */
#ifndef LNT_TESTS_TESTING_H
#define LNT_TESTS_TESTING_H
#include "linnet.h"
#include <check.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* SANITIZED: under a sanitizer of memory or threads, which makes everything several times slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
enum { SANITIZED = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) };
#else
enum { SANITIZED = 0 };
#endif

/* A new folder, removed when the program ends. */
static char test_folder[64] = "/tmp/linnet-test-XXXXXX";
static inline void remove_test_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", test_folder);
    if (system(command)) fprintf(stderr, "%s is left behind\n", test_folder);
}
static inline void make_test_folder(void) {
    if (!mkdtemp(test_folder)) {
        perror(test_folder);
        exit(1);
    }
}

/* A path from a format, in one of a few buffers that take turns. */
__attribute__((format(printf, 1, 2))) static inline const char *path_of(const char *format, ...) {
    static char paths[8][512];
    static int turn;
    char *p = paths[turn++ % 8];
    va_list list;
    va_start(list, format);
    vsnprintf(p, sizeof paths[0], format, list);
    va_end(list);
    return p;
}

/* A whole file, to be freed. */
static inline void *read_file(const char *path, size_t *n_bytes) {
    struct stat st;
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f && !fstat(fileno(f), &st), "%s cannot be read", path);
    void *bytes = malloc((size_t)st.st_size + 1);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)st.st_size, f), (size_t)st.st_size);
    fclose(f);
    *n_bytes = (size_t)st.st_size;
    return bytes;
}

static inline void write_file(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f != NULL, "%s cannot be written", path);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

/* The error is one line and holds each of the words given, NULL at the end. */
static inline void check_error(const lnt_error *err, const char *const *words) {
    ck_assert_msg(err->text[0] && !strchr(err->text, '\n'), "not one line: '%s'", err->text);
    for (; *words; words++) ck_assert_msg(strstr(err->text, *words) != NULL, "expected '%s' in '%s'", *words, err->text);
}
#define CHECK_ERROR(err, ...) check_error(err, (const char *const[]){__VA_ARGS__, NULL})

/* Memory that a child's results come back in. */
static inline void *shared_memory(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(p, MAP_FAILED);
    return p;
}
/* Runs fn(arg) in a child with LINNET_CPU set, if level is not NULL (it is read once a process); false if it failed. */
static inline bool run_at_level(const char *level, bool (*fn)(void *arg), void *arg) {
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        if (level) setenv("LINNET_CPU", level, 1);
        _exit(fn(arg) ? 0 : 1);
    }
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status);
}

static inline int run_suite(const char *name, TCase *const *cases) {
    Suite *s = suite_create(name);
    for (; *cases; cases++) suite_add_tcase(s, *cases);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
#endif
