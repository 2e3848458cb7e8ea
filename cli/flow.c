#define _GNU_SOURCE
#include "cli/flow.h"
#include "cli/cli.h"
#include "cli/io.h"
#include "cli/profile.h"
#include "cli/signals.h"
#include <inttypes.h>
#include <math.h>
#include <unistd.h>

enum { GROWTH = 8 }; /* of a budget, times at most, to what takes WINDOW_SECONDS */
#define WINDOW_SECONDS 2.0

volatile sig_atomic_t flow_interrupted;

static void on_interrupt(int number) {
    flow_interrupted = number;
}

void flow_catch_interrupt(void) {
    signals_catch(on_interrupt, true);
}

int flow_status(void) {
    return flow_interrupted ? CLI_KILLED + flow_interrupted : CLI_FAILED;
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

/* Where a run began. */
typedef struct start {
    double seconds;
    uint64_t inputs, done;
} start;

static size_t next_budget(size_t budget, size_t cost, double seconds) {
    double next = (double)cost * WINDOW_SECONDS / (seconds > 1e-3 ? seconds : 1e-3), most = (double)budget * GROWTH;
    return (size_t)(next < most ? next : most) + 1;
}

static void show(const flow_input *in, const start *since) {
    if (in->sink == &flow_stdout && isatty(STDOUT_FILENO)) return; /* the results are progress enough */
    double seconds = cli_seconds() - since->seconds, part = -1;
    char what[120], left[40] = "";
    uint64_t done, all, n = in->counts->inputs;
    in->progress(in->user, &done, &all);
    if (all) {
        if (all < done) all = done;
        part = (double)done / (double)all;
        double rest = done > since->done ? seconds * (double)(all - done) / (double)(done - since->done) : 0;
        snprintf(left, sizeof left, ", %ld:%02ld left", lrint(rest) / 60, lrint(rest) % 60);
    }
    double rate = seconds > 0 ? (double)(n - since->inputs) / seconds : 0;
    snprintf(what, sizeof what, "%" PRIu64 " %s, %.*f/s%s", n, in->inputs, rate < 10 ? 1 : 0, rate, left);
    io_progress(NULL, part, what);
}

/* Passes over the inputs of an earlier run. 0; 1: interrupted; -1. */
static int pass_all(const flow_input *in, lnt_error *err) {
    for (uint64_t i = 0; i < in->counts->inputs; i++) {
        int got = in->pass(in->user, err);
        if (flow_interrupted) return 1;
        if (got < 0) return -1;
        if (got == 0)
            return cli_error(err, "the input ends after %" PRIu64 " %s, expected the %" PRIu64 " that are done", i, in->inputs,
                             in->counts->inputs);
    }
    return 0;
}

int flow_run(const flow_input *in, size_t budget, lnt_error *err) {
    int more = 1, result = pass_all(in, err);
    if (result != 0) return result;
    start since = {.seconds = cli_seconds(), .inputs = in->counts->inputs};
    in->progress(in->user, &since.done, &(uint64_t){0});
    while (more > 0 && result == 0 && !flow_interrupted) {
        size_t cost;
        double began = cli_seconds();
        more = in->fill(in->user, budget, &cost, err);
        profile_add("read input", began, 0);
        if (flow_interrupted) break;
        if (cost == 0) continue;
        lnt_error own;
        began = cli_seconds();
        result = in->run(in->user, more < 0 ? &own : err);
        budget = next_budget(budget, cost, cli_seconds() - began);
        show(in, &since);
    }
    io_progress_end();
    return more < 0 || result < 0 ? -1 : result > 0 || flow_interrupted;
}
