/* What many texts and many pictures on their way through a model have in common: where results go, what is counted, how
   much is taken at a time, interrupts and progress.

   The input is read in windows. A window is as much as takes about two seconds, so that an interrupt is soon obeyed; and
   no more than has come, so that who writes a line into a pipe is answered. */
#ifndef LNT_CLI_FLOW_H
#define LNT_CLI_FLOW_H
#include "linnet.h"
#include <signal.h>

typedef struct flow_counts {
    uint64_t inputs; /* texts or pictures */
    uint64_t tokens;
    uint64_t truncated; /* texts longer than max_tokens */
    uint64_t invalid;   /* texts with bytes that are not UTF-8 */
    uint64_t unread;    /* pictures that could not be read */
} flow_counts;

/* Where results go, one after the other. 0; 1: it takes no more; -1 with err. */
typedef struct flow_sink {
    int (*write)(void *user, const char *data, size_t n, lnt_error *err);
    /* After each window: what was written so far stands for these counts. NULL: nothing to do. */
    int (*window)(void *user, const flow_counts *counts, lnt_error *err);
} flow_sink;

/* Standard output, flushed after each window. That it could not be written is for main to say. */
extern const flow_sink flow_stdout;

/* Set by SIGINT once flow_catch_interrupt has been called: a run then stops behind a window. A second one kills. */
extern volatile sig_atomic_t flow_interrupted;
void flow_catch_interrupt(void);

/* Milliseconds without input after which a window is not filled up. */
enum { FLOW_PATIENCE = 50 };

/* What the next window may cost, if this one with its budget cost so much and took these seconds. */
size_t flow_budget(size_t budget, size_t cost, double seconds);

/* Where a run began, for its progress bar: cli_seconds, and what was done before it. */
typedef struct flow_start {
    double seconds;
    uint64_t inputs, done;
} flow_start;

/* Shows inputs ("texts") of which n are done, and the time left by what is done of all (0: not known). */
void flow_show(const flow_sink *sink, const flow_start *start, const char *inputs, uint64_t n, uint64_t done, uint64_t all);
#endif
