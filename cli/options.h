/* One declarative option parser for all verbs: a table says what there is, the settings struct receives it.

   Options may stand before, between and after operands; "--" ends them; "-" alone is an operand. A value follows as the
   next argument, whatever it looks like, or after '=' (--name=value) or the letter (-n5). The last of several wins, but
   a list collects all. */
#ifndef LNT_CLI_OPTIONS_H
#define LNT_CLI_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum opt_kind {
    OPT_FLAG,   /* bool */
    OPT_TEXT,   /* const char * */
    OPT_CHOICE, /* const char *, one of the words of argument: "f32|f16" */
    OPT_U32,    /* uint32_t within min .. max */
    OPT_U64,    /* uint64_t, any */
    OPT_REAL,   /* float within min .. max */
    OPT_LIST,   /* opt_list: may be repeated */
} opt_kind;

/* What an option is for, where a verb takes more than one kind of input. */
typedef enum opt_subject { OPT_ANY, OPT_TEXTS, OPT_PICTURES } opt_subject;

typedef struct opt_list {
    const char **items; /* pointers into argv */
    size_t n;
} opt_list;

typedef struct opt_spec {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    opt_kind kind;
    const char *argument; /* what --help calls the value; the words of an OPT_CHOICE */
    size_t offset;        /* of the value in the settings struct */
    double min, max;
    bool required; /* OPT_TEXT and OPT_CHOICE: usage error without */
    opt_subject subject;
    const char *help;
} opt_spec;

typedef enum opt_result { OPT_DONE, OPT_HELP, OPT_WRONG, OPT_NO_MEMORY } opt_result;

/* Reads argv[0 .. argc) into settings; operands receives the rest, in order, and has room for argc. OPT_HELP at --help
   or -h. OPT_WRONG and OPT_NO_MEMORY with one line in message (without the program's name). */
opt_result opt_parse(const opt_spec *specs, int argc, char **argv, void *settings, const char **operands,
                     size_t *n_operands, char *message, size_t message_size);
/* The first option for this subject that has not its default, or NULL. */
const opt_spec *opt_given(const opt_spec *specs, const void *settings, const void *defaults, opt_subject subject);
/* Frees the lists in settings. */
void opt_free(const opt_spec *specs, void *settings);
/* Prints one aligned line or more per option to standard output. */
void opt_print_help(const opt_spec *specs);

/* Numbers read strictly: the whole of text, no leading space, no overflow, never NaN. "inf" and "-inf" are numbers. */
bool opt_read_u64(const char *text, uint64_t *value);
bool opt_read_double(const char *text, double *value);

/* The candidate nearest to word by edits (insert, delete, replace, swap neighbours), or -1 if none is near. */
int opt_nearest(const char *word, const char *const *candidates, size_t n);
#endif
