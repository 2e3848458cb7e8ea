#include "cli/bench_tables.h"
#include "cli/cli.h"
#include "cli/io.h"
#include "measure/report.h"
#include <stdio.h>

typedef struct settings {
    uint32_t threads;
    float seconds;
    bool compare, json;
} settings;

static const settings defaults = {.seconds = 0.1f};

static const opt_spec options[] = {
    {.name = "threads", .kind = OPT_U32, .argument = "N", .offset = offsetof(settings, threads), .min = 1, .max = 1024,
     .help = "most threads to measure with (default: what linnet cpu shows)"},
    {.name = "seconds", .kind = OPT_REAL, .argument = "S", .offset = offsetof(settings, seconds), .min = 0.001, .max = 60,
     .help = "time for each measurement (default 0.1); longer ones find quieter moments"},
    {.name = "compare", .kind = OPT_FLAG, .offset = offsetof(settings, compare), .help = "two results of --json beside each other"},
    {.name = "json", .kind = OPT_FLAG, .offset = offsetof(settings, json), .help = "one JSON object"},
    {0},
};

static int compare(const char *const *paths) {
    lnt_error err;
    json_t *a = report_read(paths[0], &err), *b = a ? report_read(paths[1], &err) : NULL;
    if (b) bench_print_both(a, b);
    const int status = b ? CLI_OK : cli_fail(&err);
    json_decref(a);
    json_decref(b);
    return status;
}

static int measure(const settings *s, const char *model) {
    lnt_error err;
    const report_options o = {.threads = s->threads, .seconds = (double)s->seconds, .model = model, .progress = io_progress};
    json_t *report = report_make(&o, &err);
    io_progress_end();
    if (!report) return cli_fail(&err);
    if (s->json) {
        json_dumpf(report, stdout, JSON_REAL_PRECISION(6));
        putchar('\n');
    } else {
        bench_print(report);
    }
    json_decref(report);
    return CLI_OK;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    if (!s->compare && n_operands > 1) return cli_usage("unexpected operand \"%s\", expected [MODEL]", operands[1]);
    if (!s->compare) return measure(s, n_operands ? operands[0] : NULL);
    if (n_operands != 2) return cli_usage("--compare takes two files, got %zu", n_operands);
    if (s->json) return cli_usage("--compare prints a table, without --json");
    return compare(operands);
}

const cli_verb verb_bench = {
    .name = "bench",
    .summary = "measure kernels, and a model's work, as shares of what this machine can do",
    .operands = "[MODEL] | --compare A.json B.json",
    .notes = "The columns are explained in docs/bench.md. Close what else runs: a share is of the roof that the same run measured.\n",
    .examples = "linnet bench\n"
                "linnet bench gpt2.lnt --json > laptop.json\n"
                "linnet bench --compare laptop.json server.json\n",
    .min_operands = 0,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
