#include "cli/cli.h"
#include "cli/make.h"

static const make_settings defaults = {.type = "q8"};

static const opt_spec options[] = {
    {.name = "output", .letter = 'o', .kind = OPT_TEXT, .argument = "M.lnt", .required = true,
     .offset = offsetof(make_settings, output), .help = "the file to write; it appears whole or not at all"},
    {.name = "type", .kind = OPT_CHOICE, .argument = MAKE_FLOATS "|" MAKE_SMALLER,
     .offset = offsetof(make_settings, type), .help = "of the weights (default q8)"},
    {.name = "head-type", .kind = OPT_CHOICE, .argument = MAKE_FLOATS "|" MAKE_SMALLER,
     .offset = offsetof(make_settings, head_type),
     .help = "of the vocabulary matrix (default: what the type calls for)"},
    MAKE_COMMON_OPTIONS,
    {0},
};

static int run(const void *given, const char *const *operands, size_t n_operands) {
    (void)n_operands;
    return make_model(lnt_convert, operands[0], given);
}

const cli_verb verb_convert = {
    .name = "convert",
    .summary = "make a model file from a Hugging Face checkpoint folder",
    .operands = "FOLDER -o M.lnt",
    .notes = "The folder holds config.json, weights (model.safetensors, sharded too, or pytorch_model.bin) and, for\n"
             "text, a tokenizer (tokenizer.json, vocab.txt, or vocab.json and merges.txt), for pictures preprocessor_config.json.\n"
             "What was written is shown as inspect shows it; with q8 and q4 the loss against float is measured on a text, or\n"
             "for a model of images on pictures, and stored in the file.\n",
    .examples = "linnet convert gpt2/ -o gpt2.lnt\n"
                "linnet convert gpt2/ -o gpt2-q4.lnt --type q4 --check wiki.valid.raw\n"
                "linnet convert vit-base-patch16-224/ -o vit.lnt --check pictures/\n",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .settings_size = sizeof(make_settings),
    .defaults = &defaults,
    .run = run,
};
