/* What `linnet bench` measures, as the JSON object that docs/bench.md describes. */
#ifndef LNT_MEASURE_REPORT_H
#define LNT_MEASURE_REPORT_H
#include "linnet.h"
#include <jansson.h>

enum { REPORT_FORMAT = 1 };

typedef struct report_options {
    uint32_t threads;  /* most; 0: lnt_default_threads() */
    double seconds;    /* for each measurement */
    const char *model; /* a path; NULL: kernels alone */
    void (*progress)(void *user, double done, const char *what); /* may be NULL */
} report_options;

/* NULL and an error: the model cannot be opened or run, or memory is out. */
json_t *report_make(const report_options *options, lnt_error *err);
/* Reads one back, and checks that it is one. path names the file in errors. */
json_t *report_read(const char *path, lnt_error *err);
#endif
