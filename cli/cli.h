/* What every verb of the command is made of, and how a verb speaks of failure.

   A verb is one file: a settings struct, its defaults, a table of options (cli/options.h) and a run function, all named
   by one `const cli_verb verb_NAME`; main.c lists it in CLI_VERBS. Results go to standard output, the rest to standard
   error. run returns the exit status: 0 done, 1 the input or the machine failed, 2 usage. */
#ifndef LNT_CLI_CLI_H
#define LNT_CLI_CLI_H
#include "cli/options.h"
#include "linnet.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_KILLED = 128 /* and the signal */ };

typedef struct cli_verb {
    const char *name;
    const char *summary;  /* one line, for the list of verbs */
    const char *operands; /* "MODEL [FILE]", for the usage line */
    const char *notes;    /* further lines of --help, each ended by a newline; NULL: none */
    const char *examples; /* command lines, each ended by a newline */
    size_t min_operands, max_operands;
    const opt_spec *options; /* ends with an entry without name */
    size_t settings_size;
    const void *defaults; /* of settings_size bytes: what the settings are before the options are read */
    int (*run)(const void *settings, const char *const *operands, size_t n_operands);
} cli_verb;

/* Prints "linnet: " and the line on standard error (control bytes become '?'); returns CLI_FAILED. */
int cli_fail(const lnt_error *err);
int cli_failf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a wrong command line, with a pointer to the running verb's --help; returns CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Fills err for a function of this folder that fails; returns -1. err may be NULL. */
int cli_error(lnt_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* which cannot see that it never returns anything else */
#define cli_error(...) ((void)cli_error(__VA_ARGS__), -1)
#endif
/* Seconds on a clock that only goes forward. */
double cli_seconds(void);
#endif
