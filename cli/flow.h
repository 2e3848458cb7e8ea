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

/* Set to their number by SIGINT, SIGTERM and SIGHUP once flow_catch_interrupt has been called: a run then stops behind a window.
   A second one of the same kind kills. */
extern volatile sig_atomic_t flow_interrupted;
void flow_catch_interrupt(void);
/* The exit status of a run that was stopped: what the shell makes of a process that such a signal killed; 1 if there was none. */
int flow_status(void);

/* Milliseconds without input after which a window is not filled up. */
enum { FLOW_PATIENCE = 50 };

/* What comes in, and a window of it at a time. */
typedef struct flow_input {
    const char *inputs; /* "texts" */
    const flow_sink *sink;
    const flow_counts *counts; /* of an earlier run at first, whose inputs are passed over; `run` adds to them */
    void *user;                /* of these: */
    int (*pass)(void *user, lnt_error *err); /* over one input. 1; 0: there is none; -1 */
    /* Reads on until the window costs the budget, or nothing comes; *cost 0: it is empty. 1; 0: the input has ended, or an
       interrupt came; -1: but what the window holds is good. */
    int (*fill)(void *user, size_t budget, size_t *cost, lnt_error *err);
    int (*run)(void *user, lnt_error *err); /* computes the window and writes it: as flow_sink.window */
    void (*progress)(void *user, uint64_t *done, uint64_t *all); /* in what tells the time left; all 0: not known */
} flow_input;

/* All of the input, with a progress bar, beginning with a window that costs `budget`. 0; 1: stopped by an interrupt or the
   sink; -1 with err. Results of whole windows have been written, whatever happens. */
int flow_run(const flow_input *in, size_t budget, lnt_error *err);
#endif
