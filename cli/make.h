/* What convert and quantize have in common: one call that makes a model file, then a look at the result. */
#ifndef LNT_CLI_MAKE_H
#define LNT_CLI_MAKE_H
#include "cli/options.h"
#include "linnet.h"

#define MAKE_FLOATS "f32|f16"
#define MAKE_SMALLER "q8|q4"
#define MAKE_MAX_THREADS 1024

typedef struct make_settings {
    const char *output, *type, *head_type, *check;
    bool no_check, json;
    uint32_t threads;
} make_settings;

#define MAKE_COMMON_OPTIONS \
    {.name = "check", .kind = OPT_TEXT, .argument = "FILE", .offset = offsetof(make_settings, check), \
     .help = "text, of a model of images a folder of pictures, to measure the loss of q8 and q4 on (default: built in)"}, \
    {.name = "no-check", .kind = OPT_FLAG, .offset = offsetof(make_settings, no_check), \
     .help = "don't measure the loss"}, \
    {.name = "threads", .kind = OPT_U32, .argument = "N", .offset = offsetof(make_settings, threads), .min = 1, \
     .max = MAKE_MAX_THREADS, .help = "(default: what linnet cpu shows)"}, \
    {.name = "json", .kind = OPT_FLAG, .offset = offsetof(make_settings, json), \
     .help = "show the result as one JSON object"}

typedef int make_function(const char *in, const char *out, const lnt_convert_options *options, lnt_error *err);

/* Runs it with a progress bar and prints what the new file holds. The exit status. */
int make_model(make_function *make, const char *in, const make_settings *s);
#endif
