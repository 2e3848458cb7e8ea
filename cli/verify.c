#include "cli/cli.h"
#include "cli/text.h"
#include <inttypes.h>
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
    (void)n_operands;
    const settings *s = given;
    lnt_error err;
    lnt_info info = {0};
    lnt_model *model = lnt_open(operands[0], &err);
    bool whole = model && lnt_verify(model, &err) == 0;
    if (model) lnt_model_info(model, &info);
    if (s->json) {
        fputs("{\"file\": ", stdout);
        text_json(operands[0], strlen(operands[0]));
        printf(", \"whole\": %s", whole ? "true" : "false");
        if (model) printf(", \"bytes\": %" PRIu64, info.file_bytes);
        if (!whole) {
            fputs(", \"error\": ", stdout);
            text_json(err.text, strlen(err.text));
        }
        fputs("}\n", stdout);
    } else if (whole) {
        printf("%s: whole, %" PRIu64 " bytes\n", operands[0], info.file_bytes);
    }
    lnt_close(model);
    return whole ? CLI_OK : cli_fail(&err);
}

const cli_verb verb_verify = {
    .name = "verify",
    .summary = "check every hash of a model file",
    .operands = "MODEL",
    .examples = "linnet verify gpt2.lnt\n",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
