/* The signals by which somebody ends a process. */
#ifndef LNT_CLI_SIGNALS_H
#define LNT_CLI_SIGNALS_H

#include <stdbool.h>

/* SIGINT, SIGTERM and SIGHUP go to the handler once, each; then they kill. Those that are ignored (as by nohup) stay so, but for
   SIGINT if interrupts is set: shells let what they run in the background ignore it. Calls that one comes into go on, so that
   what is being written stays whole: only poll is broken off. */
void signals_catch(void (*handler)(int number), bool interrupts);
/* Files that have only a temporary name are removed when one of them kills. */
void signals_tidy(void);
#endif
