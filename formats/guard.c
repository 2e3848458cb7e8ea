#define _GNU_SOURCE
#include "formats/guard.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct file_guard {
    uintptr_t begin;
    size_t bytes;
    bool broken;
    file_guard *next, **to_this;
};

/* Who holds the lock reads no mapping, so that a handler that waits for it waits for another thread. */
static bool locked;
static file_guard *guards;
static struct sigaction before;
static bool installed;

static void lock(void) {
    while (__atomic_exchange_n(&locked, true, __ATOMIC_ACQUIRE)) sched_yield();
}
static void unlock(void) { __atomic_store_n(&locked, false, __ATOMIC_RELEASE); }

file_guard *guard_new(const void *begin, size_t bytes, const char *what, lnt_error *err) {
    file_guard *g = malloc(sizeof *g);
    if (!g) return err_memory(err, sizeof *g, what), NULL;
    lock();
    *g = (file_guard){(uintptr_t)begin, bytes, false, guards, &guards};
    if (guards) guards->to_this = &g->next;
    guards = g;
    unlock();
    return g;
}

void guard_free(file_guard *g) {
    if (!g) return;
    lock();
    *g->to_this = g->next;
    if (g->next) g->next->to_this = g->to_this;
    unlock();
    free(g);
}

void guard_move(file_guard *g, const void *begin, size_t bytes) {
    lock();
    g->begin = (uintptr_t)begin;
    g->bytes = bytes;
    unlock();
}

bool guard_broken(const file_guard *g) { return __atomic_load_n(&g->broken, __ATOMIC_ACQUIRE); }

/* From the page of an address to the mapping's end: where a file was cut off, all behind it is gone too. */
static bool put_zeros(uintptr_t at) {
    bool done = false;
    lock();
    file_guard *g = guards;
    while (g && at - g->begin >= g->bytes) g = g->next;
    if (g) {
        uintptr_t page = at & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
        __atomic_store_n(&g->broken, true, __ATOMIC_RELEASE);
        done = mmap((void *)page, g->begin + g->bytes - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
    }
    unlock();
    return done;
}

/* A fault that is none of ours goes where it would have gone; coming back to it with the signal as it was, it dies of it. */
static void on_fault(int number, siginfo_t *info, void *context) {
    int saved = errno;
    bool fault = info->si_code > 0; /* else somebody sent it */
    if (fault && put_zeros((uintptr_t)info->si_addr)) {
        errno = saved;
        return;
    }
    if (before.sa_flags & SA_SIGINFO) before.sa_sigaction(number, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) before.sa_handler(number);
    else if (fault || before.sa_handler == SIG_DFL) {
        sigaction(number, &before, NULL);
        if (!fault) raise(number);
    }
    errno = saved;
}

int lnt_guard_files(lnt_error *err) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK)};
    int rc = 0;
    lock();
    if (!installed && (sigaction(SIGBUS, NULL, &before) || sigaction(SIGBUS, &action, NULL)))
        rc = err_set(err, "SIGBUS cannot be handled: %s", strerror(errno));
    installed = !rc;
    unlock();
    return rc;
}
