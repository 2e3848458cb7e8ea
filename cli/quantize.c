#include "cli/cli.h"
#include "cli/make.h"

static const make_settings defaults = {0};

static const opt_spec options[] = {
    {.name = "output", .letter = 'o', .kind = OPT_TEXT, .argument = "N.lnt", .required = true,
     .offset = offsetof(make_settings, output), .help = "the file to write; it appears whole or not at all"},
    {.name = "type", .kind = OPT_CHOICE, .argument = "f16|" MAKE_SMALLER,
     .offset = offsetof(make_settings, type), .required = true, .help = "of the weights"},
    {.name = "head-type", .kind = OPT_CHOICE, .argument = "f16|" MAKE_SMALLER,
     .offset = offsetof(make_settings, head_type),
     .help = "of the vocabulary matrix (default: what the type calls for)"},
    MAKE_COMMON_OPTIONS,
    {0},
};

static int run(const void *given, const char *const *operands, size_t n_operands) {
    (void)n_operands;
    return make_model(lnt_quantize, operands[0], given);
}

const cli_verb verb_quantize = {
    .name = "quantize",
    .summary = "make a smaller model file from an f32 or f16 one",
    .operands = "MODEL -o N.lnt --type TYPE",
    .examples = "linnet quantize gpt2-f16.lnt -o gpt2-q8.lnt --type q8\n",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .settings_size = sizeof(make_settings),
    .defaults = &defaults,
    .run = run,
};
