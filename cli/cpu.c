#include "cli/cli.h"
#include "measure/machine.h"
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

/* Threads stand last, so that the line can be read without a parser. */
static int print_json(const measure_machine *m) {
    json_t *all = json_pack("{s:s, s:[]}", "level", lnt_cpu_level(), "levels"), *machine = measure_machine_json(m);
    int rc = all && machine ? 0 : -1;
    for (const char *const *level = lnt_cpu_levels(); !rc && *level; level++) rc = json_array_append_new(json_object_get(all, "levels"), json_string(*level));
    if (!rc) rc = json_object_update(all, machine);
    if (!rc) rc = json_object_set_new(all, "threads", json_integer(m->threads));
    if (!rc) rc = json_dumpf(all, stdout, 0);
    json_decref(machine);
    json_decref(all);
    if (rc) return cli_failf("out of memory");
    puts("");
    return CLI_OK;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    (void)operands;
    (void)n_operands;
    const settings *s = given;
    const char *const *levels = lnt_cpu_levels();
    measure_machine machine;
    measure_read_machine(&machine);
    if (s->json) {
        if (print_json(&machine)) return CLI_FAILED;
    } else {
        printf("level     %s\nlevels   ", lnt_cpu_level());
        for (size_t i = 0; levels[i]; i++) printf(" %s", levels[i]);
        puts("");
        measure_print_machine(&machine);
    }
    for (size_t i = 0; levels[i]; i++)
        if (strcmp(levels[i], lnt_cpu_level()) == 0) return CLI_OK;
    return cli_failf("LINNET_CPU: \"%s\" is not a level, expected one of those this CPU has", getenv("LINNET_CPU"));
}

const cli_verb verb_cpu = {
    .name = "cpu",
    .summary = "show the processor, the instruction sets in use and there are, and the default number of threads",
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
