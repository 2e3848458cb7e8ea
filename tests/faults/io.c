/* Every call of every verb that touches files fails once, in every way that it can, or is interrupted by a signal, or a file that
   the command has open becomes another: the command then ends as it does undisturbed, or with status 1 and a line that says why;
   whatever it was to write is there whole, or what was there before; nothing else is left; and the same command then works.

     io LINNET SOURCES [all | CASE [KIND AT]]

   `all`: every call of every case with every kind, and signals at random times; otherwise some at random for LINNET_TEST_SECONDS
   (10), the same ones for the same LINNET_TEST_SEED. A CASE is all of that case, or
   one call of it again. */
#define _GNU_SOURCE
#include "tests/faults/io_cases.h"
#include "tests/faults/io_inject.h"
#include "tests/faults/io_look.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CASES = 96, TIMES = 20, FULL = 1, CLOSED = 2 /* standard output is */ };

static const struct kind {
    const char *name;
    io_kind kind;
    int value;
    bool harmless; /* the command gets over it */
    bool timed;
} KINDS[] = {
    {"EIO", IO_ERROR, EIO, false, false},          {"disk full", IO_FULL, 0, false, false},
    {"EINTR", IO_ERROR, EINTR, true, false},       {"short", IO_SHORT, 0, true, false},
    {"SIGINT", IO_SIGNAL, SIGINT, false, false},   {"SIGTERM", IO_SIGNAL, SIGTERM, false, false},
    {"SIGHUP", IO_SIGNAL, SIGHUP, false, false},   {"SIGKILL", IO_SIGNAL, SIGKILL, false, false},
    {"SIGINT at", IO_SIGNAL, SIGINT, false, true}, {"SIGTERM at", IO_SIGNAL, SIGTERM, false, true},
    {"SIGHUP at", IO_SIGNAL, SIGHUP, false, true}, {"SIGKILL at", IO_SIGNAL, SIGKILL, false, true},
    {"output full", IO_NONE, FULL, false, false},  {"output closed", IO_NONE, CLOSED, false, false},
    {"cut", IO_TRUNCATE, 0, false, false},         {"emptied", IO_EMPTY, 0, false, false},
    {"overwritten", IO_OVERWRITE, 0, false, false}, {"replaced", IO_REPLACE, 0, false, false},
    {"cut at", IO_TRUNCATE, 0, false, true},       {"emptied at", IO_EMPTY, 0, false, true},
    {"overwritten at", IO_OVERWRITE, 0, false, true}, {"replaced at", IO_REPLACE, 0, false, true},
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

/* What an undisturbed run does. */
typedef struct expected {
    bool known;
    char *out, *error, *check;
    uint64_t before, after; /* what is in the folder */
    long calls;
    double seconds;
} expected;

static const char *linnet;
static char work[200], in[220], folder[220], out[220], error[220];
static expected expectations[MOST_CASES];
static uint64_t seed;
static long done[MOST_CASES][N_KINDS];

static uint64_t draw(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

/* ---- running ---- */

static void set_up(const io_case *c) {
    look_remove(folder);
    remove(out);
    remove(error);
    look_command("mkdir %s", folder);
    for (int i = 0; i < 4 && c->copied[i]; i++) look_command("cp -rp %s/%s %s", in, c->copied[i], folder);
}

/* words: the arguments; more: one behind them, or NULL. */
static int run(const io_case *c, const char *const *words, const char *more, const io_fault *fault, io_outcome *outcome) {
    char *arguments[IO_ARGUMENTS + 4] = {(char *)(uintptr_t)linnet};
    int n = 1;
    for (; words[n - 1]; n++) arguments[n] = (char *)(uintptr_t)words[n - 1];
    if (more) arguments[n] = (char *)(uintptr_t)more;
    bool full = fault->kind == IO_NONE && fault->value == FULL, closed = fault->kind == IO_NONE && fault->value == CLOSED;
    io_run r = {.arguments = arguments, .folder = folder, .input = c->input, .output = full ? "/dev/full" : out, .error = error,
                .closed = closed, .named = c->named};
    return io_inject(&r, fault, outcome);
}

static bool is_index(const io_case *c) { return c->check[0]; }

static bool ended_with(const io_outcome *o, int status) { return WIFEXITED(o->status) && WEXITSTATUS(o->status) == status; }

/* What the check says of the index in the folder; NULL: nothing. */
static char *check_index(const io_case *c) {
    io_outcome o;
    if (run(c, c->check, NULL, &(io_fault){.microseconds = 60000000}, &o) || !ended_with(&o, 0)) return NULL;
    return look_read(out);
}

static int expect(const io_case *c, expected *e) {
    io_outcome o;
    set_up(c);
    e->before = look_folder(folder, !is_index(c), true);
    if (run(c, c->arguments, NULL, &(io_fault){.kind = IO_NONE}, &o)) return -1;
    e->out = look_read(out);
    e->error = look_read(error);
    if (!ended_with(&o, 0)) {
        printf("%s does not work: %s\n", c->name, e->error);
        exit(1);
    }
    e->after = look_folder(folder, !is_index(c), true);
    e->calls = o.calls;
    if (run(c, c->arguments, NULL, &(io_fault){.microseconds = 60000000}, &o)) return -1;
    e->seconds = o.seconds;
    if (is_index(c)) e->check = check_index(c);
    e->known = true;
    return 0;
}

/* ---- judging ---- */

static bool only_lines_of_linnet(const char *text) {
    const char *line = text;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1)
        if (strncmp(line, "linnet: ", 8) != 0) return false;
    return line > text && !*line;
}

static bool is_as_expected(const io_case *c, const expected *e) {
    char *check = is_index(c) ? check_index(c) : NULL;
    bool same = look_folder(folder, !is_index(c), true) == e->after && (!is_index(c) || (check && !strcmp(check, e->check)));
    if (!same && check) printf("  it finds %s  expected %s", check, e->check);
    free(check);
    return same;
}

/* Why a run that failed or was killed is not as it should be; NULL: it is. */
static const char *judge_end(const io_case *c, const struct kind *k, const io_outcome *o, const char *said) {
    int status = WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1;
    bool of_signal = k->kind == IO_SIGNAL && (WIFSIGNALED(o->status) ? WTERMSIG(o->status) == k->value : status == 128 + k->value);
    if (k->harmless && !is_index(c)) return "it did not get over it"; /* SQLite and fts begin nothing again */
    if (!of_signal && status != 1) return "it ended otherwise";
    if (status == 1 && !only_lines_of_linnet(said)) return "it did not say why";
    if (of_signal && *said && !only_lines_of_linnet(said)) return "it said something else";
    return NULL;
}

/* SQLite, whose syncs are fdatasync, says nothing of its folder's, nor of what fails when it closes: its log, synced by the commit, then
   stays beside the database and is what the next one reads. Our own files and folders are not excused. */
static bool is_excused(const io_case *c, const io_outcome *o) {
    return is_index(c) && !strcmp(o->call, "fdatasync") && (!strncmp(o->file, "documents.db", strlen("documents.db")) || strchr(o->file, '/'));
}

static const char *judge(const io_case *c, const expected *e, const struct kind *k, const io_outcome *o) {
    char *said = look_read(error), *printed = look_read(out);
    const char *why = NULL;
    bool unsynced = k->value == EIO && strstr(o->call, "sync") && !is_excused(c, o);
    if (o->hung) why = "it hung";
    else if (ended_with(o, 0) && unsynced) why = "it does not care";
    else if (ended_with(o, 0) && strcmp(printed, e->out)) why = "its output is another";
    else if (ended_with(o, 0) && !is_as_expected(c, e)) why = "its files are others";
    else if (!ended_with(o, 0)) why = judge_end(c, k, o, said);
    uint64_t is = look_folder(folder, !is_index(c), k->value != SIGKILL); /* which can come while a file has two names */
    bool kept = is_index(c) || c->resumes || is == e->before || is == e->after;
    if (!why && !ended_with(o, 0) && !kept) why = "something else is left";
    if (why) printf("  status %x, said: %s", (unsigned)o->status, *said ? said : "nothing\n");
    free(said);
    free(printed);
    return why;
}

/* With a standard output that takes nothing. */
static const char *judge_output(const io_case *c, const expected *e, const struct kind *k, const io_outcome *o) {
    char *said = look_read(error);
    const char *why = NULL;
    bool killed = WIFSIGNALED(o->status) && WTERMSIG(o->status) == SIGPIPE;
    (void)c;
    if (!*e->out) why = ended_with(o, 0) ? NULL : "it failed without output";
    else if (k->value == CLOSED) why = killed && !*said ? NULL : "it did not end quietly";
    else if (!ended_with(o, 1) || !only_lines_of_linnet(said) || !strstr(said, "standard output")) why = "it did not say why";
    if (why) printf("  status %x, said: %s", (unsigned)o->status, *said ? said : "nothing\n");
    free(said);
    return why;
}

/* Once more, with the old files there. */
static const char *judge_next(const io_case *c, const expected *e) {
    io_outcome o;
    look_command("rm -f %s/*.[0-9]*.part", folder); /* what a SIGKILL may leave */
    if (run(c, c->arguments, c->resumes ? "--resume" : NULL, &(io_fault){.microseconds = 60000000}, &o) || !ended_with(&o, 0)) return "the next run fails";
    return is_as_expected(c, e) ? NULL : "the next run's files are others";
}

static bool is_change(size_t k) { return KINDS[k].kind >= IO_TRUNCATE; }

/* A case whose files change has no faults else. */
static bool fits(size_t i, size_t k) { return is_change(k) == (io_cases[i].victims[0] != NULL); }

/* With its file another one, it says so or does what it does else. */
static const char *judge_change(const io_case *c, const expected *e, const struct kind *k, const io_outcome *o) {
    char *said = look_read(error), *printed = look_read(out);
    const char *why = NULL;
    bool may_differ = c->trusts && k->kind != IO_REPLACE;
    if (o->hung) why = "it hung";
    else if (!ended_with(o, 0) && !ended_with(o, 1)) why = "it ended otherwise";
    else if (ended_with(o, 1) && !only_lines_of_linnet(said)) why = "it did not say why";
    else if (ended_with(o, 0) && !may_differ && strcmp(printed, e->out)) why = "its output is another";
    if (why) printf("  status %x, said: %s", (unsigned)o->status, *said ? said : "nothing\n");
    free(said);
    free(printed);
    return why;
}

/* 1: the fault came, and all is well; 0: it never came. */
static int try(size_t i, size_t k, long at) {
    const io_case *c = &io_cases[i];
    const struct kind *kind = &KINDS[k];
    io_outcome o;
    io_fault fault = {.kind = kind->kind, .value = kind->value};
    *(kind->timed ? &fault.microseconds : &fault.at) = at;
    if (is_change(k)) fault.path = c->victims[c->victims[1] ? draw(2) : 0];
    set_up(c);
    if (run(c, c->arguments, NULL, &fault, &o)) {
        printf("FAILED: nothing can be run\n");
        exit(1);
    }
    if (kind->kind == IO_NONE ? at > 1 : !o.fired) return 0;
    const char *why = (is_change(k) ? judge_change : kind->kind == IO_NONE ? judge_output : judge)(c, &expectations[i], kind, &o);
    if (!why && c->writes && !ended_with(&o, 0)) why = judge_next(c, &expectations[i]);
    if (why) {
        printf("FAILED: %s, %s %ld (%s): %s\n", c->name, kind->name, at, o.call, why);
        if (!getenv("LINNET_TEST_GOES_ON")) exit(1);
    }
    done[i][k]++;
    return 1;
}

/* ---- what is tried ---- */

static int learn(size_t i) { return expectations[i].known ? 0 : expect(&io_cases[i], &expectations[i]); }

static long random_time(size_t i) { return 1 + (long)draw((uint64_t)(1e6 * expectations[i].seconds)); }

static void every_call(size_t i) {
    learn(i);
    for (size_t k = 0; k < N_KINDS; k++) {
        if (!fits(i, k)) continue;
        if (KINDS[k].timed)
            for (int n = 0; n < TIMES; n++) try(i, k, random_time(i));
        else
            for (long at = 1; try(i, k, at); at++) continue;
    }
}

static void once(size_t i, const char *kind, long at) {
    learn(i);
    for (size_t k = 0; k < N_KINDS; k++)
        if (!strcmp(kind, KINDS[k].name)) try(i, k, at);
}

static void for_a_while(size_t n_cases) {
    const char *text = getenv("LINNET_TEST_SECONDS");
    time_t end = time(NULL) + (text ? atoi(text) : 10);
    do {
        size_t i = draw(n_cases), k = draw(N_KINDS);
        if (!fits(i, k)) continue;
        learn(i);
        try(i, k, KINDS[k].timed ? random_time(i) : 1 + (long)draw((uint64_t)expectations[i].calls));
    } while (time(NULL) < end);
}

static void report(size_t n_cases) {
    long all = 0, kills = 0, changes = 0;
    for (size_t i = 0; i < n_cases; i++) {
        long n = 0;
        for (size_t k = 0; k < N_KINDS; k++) {
            n += done[i][k];
            kills += KINDS[k].kind == IO_SIGNAL ? done[i][k] : 0;
            changes += is_change(k) ? done[i][k] : 0;
        }
        if (n) printf("%-18s", io_cases[i].name);
        for (size_t k = 0; n && k < N_KINDS; k++)
            if (done[i][k]) printf(" %s %ld,", KINDS[k].name, done[i][k]);
        if (n) printf(" %ld in all\n", n);
        all += n;
    }
    printf("%ld faults survived: %ld calls failed, %ld signals, %ld files changed\n", all, all - kills - changes, kills, changes);
}

static void begin(const char *sources) {
    const char *given = getenv("LINNET_TEST_SEED"), *shm = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    snprintf(work, sizeof work, "%s/linnet-io-XXXXXX", shm);
    if (!mkdtemp(work)) exit(1);
    snprintf(in, sizeof in, "%s/in", work);
    snprintf(folder, sizeof folder, "%s/run", work);
    snprintf(out, sizeof out, "%s/out", work);
    snprintf(error, sizeof error, "%s/error", work);
    look_command("mkdir %s", in);
    for (size_t i = 0; io_preparations[i]; i++) look_prepare(io_preparations[i], in, linnet, sources);
}

static void end(void) { look_remove(work); }

int main(int argc, char **argv) {
    size_t n = 0, chosen = 0;
    if (argc < 3 || !(linnet = realpath(argv[1], NULL))) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("ASAN_OPTIONS", "exitcode=99", 0);
    atexit(end);
    begin(argv[2]);
    while (io_cases[n].name) n++;
    if (learn(0)) {
        printf("skipped: the system has no seccomp listeners for us\n");
        return 77;
    }
    for (size_t i = 0; argc > 3 && i < n; i++) {
        if (strcmp(argv[3], "all") != 0 && strcmp(argv[3], io_cases[i].name) != 0) continue;
        chosen++;
        if (argc == 6) once(i, argv[4], atol(argv[5]));
        else every_call(i);
    }
    if (argc == 3) for_a_while(n);
    report(n);
    return argc > 3 && !chosen ? 2 : 0;
}
