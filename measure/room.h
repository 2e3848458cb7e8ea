/* Memory for measurements: aligned to pages, in large ones where the system has them, and zero. */
#ifndef LNT_MEASURE_ROOM_H
#define LNT_MEASURE_ROOM_H
#include "formats/error.h"

typedef struct room {
    char *at; /* NULL: none */
    size_t bytes;
} room;

int room_make(room *r, size_t bytes, lnt_error *err);
void room_free(room *r);
#endif
