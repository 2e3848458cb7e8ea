#define _GNU_SOURCE
#include "cli/signals.h"
#include "formats/atomic_file.h"
#include <signal.h>

void signals_catch(void (*handler)(int number), bool interrupts) {
    static const int ENDS[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)}, before;
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        bool ignored = !sigaction(ENDS[i], NULL, &before) && before.sa_handler == SIG_IGN;
        if (!ignored || (interrupts && ENDS[i] == SIGINT)) sigaction(ENDS[i], &action, NULL);
    }
}

static void tidy(int number) {
    atomic_file_remove_all();
    raise(number); /* which it is to die of */
}

void signals_tidy(void) { signals_catch(tidy, false); }
