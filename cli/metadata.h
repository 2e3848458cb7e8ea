/* What a record says beside its text, as a JSON object. */
#ifndef LNT_CLI_METADATA_H
#define LNT_CLI_METADATA_H
#include "cli/columns.h"
#include <jansson.h>

/* The names of columns, each ended by a zero byte. */
typedef struct metadata_names {
    io_bytes bytes;
    size_t n;
} metadata_names;

/* Functions return 0, or -1 if memory is out. What they append ends with a zero byte; of nothing they append nothing. */

/* c NULL: columns without names, which are called by their number. */
int metadata_take_names(metadata_names *names, const columns *c);
/* The columns of a record but that of its text. */
int metadata_of_columns(io_bytes *to, const metadata_names *names, const columns *c, size_t text_column);
/* All of an object but the text under this name; "a.b": b in a. The object is as before afterwards. */
int metadata_of_object(io_bytes *to, json_t *object, const char *name);
#endif
