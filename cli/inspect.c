#include "cli/cli.h"
#include <stdio.h>

typedef struct settings {
    bool tensors, graph, json;
} settings;

static const settings defaults = {0};

static const opt_spec options[] = {
    {.name = "tensors", .kind = OPT_FLAG, .offset = offsetof(settings, tensors),
     .help = "every tensor: name, type, shape, bytes"},
    {.name = "graph", .kind = OPT_FLAG, .offset = offsetof(settings, graph), .help = "the operations, in order"},
    {.name = "json", .kind = OPT_FLAG, .offset = offsetof(settings, json), .help = "one JSON object"},
    {0},
};

static int run(const void *given, const char *const *operands, size_t n_operands) {
    (void)n_operands;
    const settings *s = given;
    lnt_error err;
    lnt_model *model = lnt_open(operands[0], &err);
    if (!model) return cli_fail(&err);
    unsigned flags = (s->tensors ? LNT_DESCRIBE_TENSORS : 0u) | (s->graph ? LNT_DESCRIBE_GRAPH : 0u) |
                     (s->json ? LNT_DESCRIBE_JSON : 0u);
    int status = lnt_describe(model, flags, stdout, &err) == 0 ? CLI_OK : cli_fail(&err);
    lnt_close(model);
    return status;
}

const cli_verb verb_inspect = {
    .name = "inspect",
    .summary = "show what is in a model file",
    .operands = "MODEL",
    .examples = "linnet inspect gpt2.lnt\n"
                "linnet inspect gpt2.lnt --tensors --json\n",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
