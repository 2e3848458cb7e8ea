/* The files of a corpus: each once, under the name that an index has for it. */
#ifndef LNT_CLI_SOURCES_H
#define LNT_CLI_SOURCES_H
#include "cli/inputs.h"

typedef struct source {
    input file;
    char *path; /* absolute, links in folders' names followed; of what is no regular file as it was given: "-" */
    lnt_source is; /* as it was before it was read; path is this one's */
    bool wanted;   /* it is read, and its documents go into the index */
    bool known, continued; /* the index has it already; half of it */
    bool whole;    /* it was read to its end */
    uint64_t n_records; /* read of it */
} source;

typedef struct sources {
    source *items;
    size_t n;
    size_t *by_path; /* [n] places of the items in the order of their paths */
    struct sources_root {
        char *path;
        bool missing;
    } *roots; /* [n_roots] what the operands are */
    size_t n_roots;
    uint64_t bytes;
    bool sized;
    size_t n_unreadable; /* reported */
} sources;

/* Looks at all operands. What lies in the folder `except` is left out. What is missing is a root and no more; what cannot
   be read is reported on standard error and counted. 0, or -1 with err; sources_free must follow either way. */
int sources_list(sources *s, const char *const *operands, size_t n, const char *except, lnt_error *err);
void sources_free(sources *s);
/* Whether a file of this path is among them. */
bool sources_has(const sources *s, const char *path);
/* Removes from the index what lies under the roots and is no longer on the disk. A root that is missing and of which the
   index knows nothing is reported as unreadable. *n_removed: how many. */
int sources_remove_gone(sources *s, lnt_index *index, uint64_t *n_removed, lnt_error *err);

/* The path by which the index knows a file or folder, to be freed; NULL: see errno. */
char *sources_absolute(const char *path);
/* A path of the index as one would write it here: without the folder that one is in. */
const char *sources_shown(const char *path);
#endif
