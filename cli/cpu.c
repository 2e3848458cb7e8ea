#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    bool json;
} settings;

static const settings defaults = {0};

static const opt_spec options[] = {
    {.name = "json", .kind = OPT_FLAG, .offset = offsetof(settings, json), .help = "one JSON object"},
    {0},
};

static int run(const void *given, const char *const *operands, size_t n_operands) {
    (void)operands;
    (void)n_operands;
    const settings *s = given;
    const char *const *levels = lnt_cpu_levels();
    printf(s->json ? "{\"level\": \"%s\", \"levels\": [" : "level    %s\nlevels   ", lnt_cpu_level());
    for (size_t i = 0; levels[i]; i++) printf(s->json ? "%s\"%s\"" : "%s%s", !i ? "" : s->json ? ", " : " ", levels[i]);
    printf(s->json ? "], \"threads\": %u}\n" : "\nthreads  %u\n", lnt_default_threads());
    for (size_t i = 0; levels[i]; i++)
        if (strcmp(levels[i], lnt_cpu_level()) == 0) return CLI_OK;
    return cli_failf("LINNET_CPU: \"%s\" is not a level, expected one of those this CPU has", getenv("LINNET_CPU"));
}

const cli_verb verb_cpu = {
    .name = "cpu",
    .summary = "show the instruction set in use, all there are, and the default number of threads",
    .operands = "",
    .examples = "linnet cpu\n"
                "LINNET_CPU=avx2 linnet cpu --json\n",
    .min_operands = 0,
    .max_operands = 0,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
