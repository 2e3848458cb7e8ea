/* The files that operands name: each itself, or every file below a folder, in the order of their names. */
#ifndef LNT_CLI_INPUTS_H
#define LNT_CLI_INPUTS_H
#include "linnet.h"

typedef struct input {
    char *path;      /* "-": standard input */
    bool in_folder;  /* found below a folder */
    bool regular;    /* a file with a size; not a pipe, a terminal or a device */
    uint64_t size;   /* 0 unless regular, as is modified */
    int64_t modified; /* nanoseconds since 1970 */
    uint64_t device, number; /* which file it is, under whatever name */
} input;

typedef struct inputs {
    input *items;
    size_t n;
    uint64_t bytes; /* of all regular ones */
    bool sized;     /* all are regular */
    size_t n_unreadable;
} inputs;

typedef struct inputs_rules {
    const char *what;    /* is looked for in folders: "pictures" */
    const char *endings; /* of their names, in any case: ".jpg .png"; NULL: any */
    bool missing;        /* a file that is not there is listed as well */
    bool lenient;        /* a folder may be empty, and what cannot be read below it is reported and counted */
} inputs_rules;

/* Looks at every operand. Hidden files and folders (.name) below a folder are left out, links to files followed, links
   to folders not. 0, or -1 with err: a file is missing, a folder unreadable or without files, "-" is
   given twice. */
int inputs_list(inputs *list, const char *const *operands, size_t n, const inputs_rules *rules, lnt_error *err);
/* One more of another list. */
int inputs_add(inputs *list, const input *one, lnt_error *err);
/* Leaves out what was found below a folder and is the file of this name, if there is one. */
void inputs_leave_out(inputs *list, const char *path);
void inputs_free(inputs *list);
#endif
