#define _GNU_SOURCE
#include "cli/flow.h"
#include "cli/cli.h"
#include "cli/io.h"
#include <inttypes.h>
#include <math.h>
#include <unistd.h>

enum { GROWTH = 8 }; /* of a budget, times at most, to what takes WINDOW_SECONDS */
#define WINDOW_SECONDS 2.0

volatile sig_atomic_t flow_interrupted;

static void on_interrupt(int number) {
    (void)number;
    flow_interrupted = 1;
}

void flow_catch_interrupt(void) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
}

static int write_stdout(void *user, const char *data, size_t n, lnt_error *err) {
    (void)user;
    (void)err;
    if (n) fwrite(data, 1, n, stdout);
    return 0;
}

static int flush_stdout(void *user, const flow_counts *counts, lnt_error *err) {
    (void)user;
    (void)counts;
    (void)err;
    return io_flush() == 0 ? 0 : 1;
}

const flow_sink flow_stdout = {write_stdout, flush_stdout};

size_t flow_budget(size_t budget, size_t cost, double seconds) {
    double next = (double)cost * WINDOW_SECONDS / (seconds > 1e-3 ? seconds : 1e-3), most = (double)budget * GROWTH;
    return (size_t)(next < most ? next : most) + 1;
}

void flow_show(const flow_sink *sink, const flow_start *start, const char *inputs, uint64_t n, uint64_t done, uint64_t all) {
    if (sink == &flow_stdout && isatty(STDOUT_FILENO)) return; /* the results are progress enough */
    double seconds = cli_seconds() - start->seconds, part = -1;
    char what[120], left[40] = "";
    if (all) {
        if (all < done) all = done;
        part = (double)done / (double)all;
        double rest = done > start->done ? seconds * (double)(all - done) / (double)(done - start->done) : 0;
        snprintf(left, sizeof left, ", %ld:%02ld left", lrint(rest) / 60, lrint(rest) % 60);
    }
    double rate = seconds > 0 ? (double)(n - start->inputs) / seconds : 0;
    snprintf(what, sizeof what, "%" PRIu64 " %s, %.*f/s%s", n, inputs, rate < 10 ? 1 : 0, rate, left);
    io_progress(NULL, part, what);
}
