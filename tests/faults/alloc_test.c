/* Every allocation of every scenario fails: it alone, and with all behind it. Each time the scenario ends with an error of one line that
   speaks of memory, or does without and gives what it always gives; nothing that it allocated, mapped or opened is left, no file is
   left half written, and the same work done again succeeds. alloc_cases.h says which cases are tried; for 20 seconds. */
#include "tests/faults/alloc_cases.h"
#include "tests/faults/alloc_scenarios.h"
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

enum { MOST = 1 << 19, FEW = 60, SECONDS = 60, DESCRIPTORS = 64 };

static const scenario *const GROUPS[] = {model_scenarios, text_scenarios, picture_scenarios, index_scenarios};
static const scenario *all_scenarios[64];
static int n_scenarios;
static double seconds; /* for each */

char fixtures[64];

void mix_file(uint64_t *digest, const char *path) {
    static char bytes[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (n < 0 || n == sizeof bytes) abort();
    close(fd);
    mix(digest, bytes, (size_t)n);
}

/* ---- what is running, for the message when it crashes or hangs ---- */

static char running[200];

static void crashed(int number) {
    ssize_t ignored = write(2, running, strlen(running));
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

_Noreturn void failed_again(const char *call, const char *why) {
    alloc_pause();
    fprintf(stderr, "%s%s does not work again: %s\n", running, call, why);
    abort();
}

/* ---- the output folder ---- */

static void remove_tree(const char *path) {
    char inside[1024];
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        snprintf(inside, sizeof inside, "%s/%s", path, e->d_name);
        if (unlink(inside)) remove_tree(inside);
    }
    if (folder) closedir(folder);
    rmdir(path);
}

static void copy_folder(const char *from, const char *to) {
    char inside[1024], copy[1024];
    DIR *folder = opendir(from);
    mkdir(to, 0777);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (e->d_name[0] == '.') continue;
        size_t n;
        snprintf(inside, sizeof inside, "%s/%s", from, e->d_name);
        snprintf(copy, sizeof copy, "%s/%s", to, e->d_name);
        void *bytes = read_file(inside, &n);
        write_file(copy, bytes, n);
        free(bytes);
    }
    if (folder) closedir(folder);
}

static void fresh_output(const scenario *s) {
    remove_tree(FIXTURE("out"));
    mkdir(FIXTURE("out"), 0777);
    if (s->from) copy_folder(FIXTURE(s->from), OUTPUT(s->from));
}

static int n_files_in(const char *path) {
    int n = 0;
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) n += e->d_name[0] != '.';
    if (folder) closedir(folder);
    return n;
}

static int n_descriptors(void) {
    int n = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* ---- one run ---- */

typedef struct run {
    int rc;
    uint64_t digest;
    lnt_error err;
    alloc_report report;
    int descriptors; /* more than before */
} run;

static run go(const scenario *s, uint64_t from, uint64_t to, uint64_t *sites) {
    run r = {.err = {""}};
    int before = n_descriptors();
    snprintf(running, sizeof running, "%s, allocation %llu %s: ", s->name, (unsigned long long)from, from == to ? "alone" : "and all behind it");
    alarm(SECONDS);
    alloc_begin(from, to, sites, MOST);
    r.rc = s->run(&r.digest, &r.err);
    r.report = alloc_end();
    alarm(0);
    r.descriptors = n_descriptors() - before;
    return r;
}

typedef struct tally {
    size_t injected, refused, without;
} tally;

#define EXPECT(condition, ...)                                                       \
    do {                                                                             \
        if (!(condition)) {                                                          \
            alloc_show(from, r.report.first);                                        \
            fprintf(stderr, "where it failed, and where the first block that is left was allocated:\n"); \
            go(s, from, to, NULL);                                                   \
            alloc_show(0, 0);                                                        \
            ck_abort_msg(__VA_ARGS__);                                               \
        }                                                                            \
    } while (0)

static void fail_at(const scenario *s, uint64_t from, uint64_t to, uint64_t digest, tally *t) {
    char what[200];
    fresh_output(s);
    run r = go(s, from, to, NULL);
    if (!r.report.failed) return; /* with threads there may be fewer allocations this time */
    strcpy(what, running);
    t->injected++;
    r.rc ? t->refused++ : t->without++;
    EXPECT(!r.report.live, "%s%llu blocks are left, the first is allocation %llu (%s)", what, (unsigned long long)r.report.live, (unsigned long long)r.report.first, r.err.text);
    EXPECT(!r.descriptors, "%s%d files are left open", what, r.descriptors);
    if (r.rc) {
        EXPECT(r.err.text[0] && !strchr(r.err.text, '\n') && strstr(r.err.text, "memory"), "%snot one line about memory: '%s'", what, r.err.text);
        if (!s->from && strncmp(s->name, "index", 5)) EXPECT(!n_files_in(FIXTURE("out")), "%sa file is left behind", what);
    }
    if (!r.rc || (s->again && r.digest)) EXPECT(r.digest == digest, "%sanother result", what);
    if (!r.rc || (t->injected % 4 && !alloc_cases_wanted("all"))) return;
    r = go(s, 0, 0, NULL);
    EXPECT(!r.rc, "%sit does not work again: %s", what, r.err.text);
    EXPECT(r.digest == digest, "%sit gives another result the next time", what);
}

/* ---- a scenario ---- */

static uint64_t sites[MOST];

START_TEST(test_scenario) {
    const scenario *s = all_scenarios[_i];
    tally t = {0};
    for (int i = 0; i < 2; i++) { /* what libraries make once and keep is made now */
        fresh_output(s);
        run warm = go(s, 0, 0, NULL);
        ck_assert_msg(!warm.rc, "%s: %s", s->name, warm.err.text);
    }
    fresh_output(s);
    memset(sites, 0, sizeof sites);
    run whole = go(s, 0, 0, sites);
    ck_assert_msg(!whole.rc && !whole.report.live && !whole.descriptors, "%s leaves %llu blocks undisturbed, the first is allocation %llu", s->name,
                  (unsigned long long)whole.report.live, (unsigned long long)whole.report.first);
    ck_assert_uint_gt(whole.report.calls, 0);
    ck_assert_uint_lt(whole.report.calls, MOST);
    alloc_cases cases = alloc_cases_choose(sites, whole.report.calls, FEW);
    double end = alloc_cases_clock() + seconds;
    for (size_t i = 0; i < cases.n && (i < 8 || alloc_cases_clock() < end); i++) {
        fail_at(s, cases.numbers[i], cases.numbers[i], whole.digest, &t);
        fail_at(s, cases.numbers[i], UINT64_MAX, whole.digest, &t);
    }
    printf("%-45s %6llu allocations at %5zu sites, %6zu failures: %6zu errors, %5zu done without\n", s->name, (unsigned long long)whole.report.calls, cases.n_sites, t.injected,
           t.refused, t.without);
    fflush(stdout);
    ck_assert_uint_gt(t.refused, 0);
    free(cases.numbers);
}
END_TEST

/* ---- threads that cannot be made ---- */

START_TEST(test_threads) {
    const scenario *s = all_scenarios[_i];
    fresh_output(s);
    run whole = go(s, 0, 0, NULL);
    for (uint32_t n = 0; n < 8; n++) {
        fresh_output(s);
        alloc_allow_threads(n);
        run r = go(s, 0, 0, NULL);
        alloc_allow_threads(UINT32_MAX);
        ck_assert_msg(!r.rc, "%s with %u threads: %s", s->name, n, r.err.text);
        ck_assert_msg(r.digest == whole.digest, "%s with %u threads gives another result", s->name, n);
        ck_assert_uint_eq(r.report.live, 0);
    }
}
END_TEST

static void prepare(void) {
    static bool done;
    if (done) return;
    prepare_checkpoints();
    prepare_index();
    done = true;
}

/* alloc_test [WORD]: only scenarios with it in their names. */
int main(int argc, char **argv) {
    if (!access("/dev/shm", W_OK)) strcpy(test_folder, "/dev/shm/linnet-alloc-XXXXXX"); /* syncs cost nothing there */
    make_test_folder();
    strcpy(fixtures, test_folder);
    mallopt(M_PERTURB, 0xa5); /* nobody reads what is not written yet, or is free again, and gets away with it */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (const int *number = (const int[]){SIGSEGV, SIGBUS, SIGABRT, SIGALRM, SIGFPE, 0}; *number; number++) signal(*number, crashed);
    for (size_t g = 0; g < sizeof GROUPS / sizeof *GROUPS; g++)
        for (const scenario *s = GROUPS[g]; s->name; s++)
            if (argc < 2 || strstr(s->name, argv[1])) all_scenarios[n_scenarios++] = s;
    seconds = alloc_cases_begin(20, n_scenarios);
    TCase *allocations = tcase_create("allocations"), *threads = tcase_create("threads");
    tcase_add_unchecked_fixture(allocations, prepare, NULL);
    tcase_add_unchecked_fixture(threads, prepare, NULL);
    tcase_set_timeout(allocations, 36000);
    tcase_set_timeout(threads, 600);
    tcase_add_loop_test(allocations, test_scenario, 0, n_scenarios);
    tcase_add_loop_test(threads, test_threads, 0, n_scenarios);
    int failed = run_suite("allocations", (TCase *const[]){allocations, threads, NULL});
    remove_test_folder();
    return failed;
}
