/* --profile: what a verb's time went into, step by step, and how near each step came to what the machine can do.

   There is one for the process: main begins it before a verb runs and prints it afterwards, and whoever makes a context or a
   batcher gives it profile_sums(). */
#ifndef LNT_CLI_PROFILE_H
#define LNT_CLI_PROFILE_H
#include "cli/options.h"
#include "linnet.h"

/* In the options of every verb that computes; field: a bool of its settings. */
#define PROFILE_OPTION(settings, field) \
    {.name = "profile", .kind = OPT_FLAG, .offset = offsetof(settings, field), \
     .help = "at the end, what took the time beside what the machine can do, on standard error (with --json: as JSON)"}

/* If these settings ask for it. 0, or -1 with err. */
int profile_begin(const opt_spec *specs, const void *settings, lnt_error *err);
/* NULL: nobody asks for it. */
lnt_profile *profile_sums(void);
/* What this thread has done since cli_seconds() gave `began`: with so many rows (texts, tokens, pictures), or as the entry says. */
void profile_add(const char *name, double began, uint64_t rows);
void profile_add_entry(lnt_profile_entry entry, double began);
/* Measures the machine and prints, if it is wanted and anything was measured; frees. */
void profile_end(bool wanted);
#endif
