/* The machine that measurements are of, in words. */
#ifndef LNT_MEASURE_MACHINE_H
#define LNT_MEASURE_MACHINE_H
#include "engine/machine.h"
#include "measure/caches.h"
#include <jansson.h>

typedef struct measure_machine {
    char cpu[128];          /* its name, "unknown" if nothing tells */
    char system[160];       /* "Linux 6.1.0 x86_64" */
    const char *compiler;   /* that this program was built with */
    uint32_t online;        /* CPUs of the machine */
    uint32_t threads;       /* lnt_default_threads() */
    machine_limits limits;  /* why so many */
    measure_cache caches[MEASURE_CACHES];
    uint64_t memory_bytes;  /* 0: not known */
    size_t page_bytes, huge_page_bytes; /* huge 0: there are none */
    char huge_pages[16];    /* who gets them unasked: "always", "madvise", "never"; "" not known */
} measure_machine;

void measure_read_machine(measure_machine *m);
/* "2 CPUs allowed", "quota of 1.5 CPUs", "4 performance cores" */
void measure_threads_reason(const measure_machine *m, char *text, size_t n);
/* "32 KiB", "1 MiB" */
void measure_size_text(uint64_t bytes, char *text, size_t n);
/* For people, a line each, with its name in a column of 10. */
void measure_print_machine(const measure_machine *m);
/* As docs/bench.md says. NULL: memory is out. */
json_t *measure_machine_json(const measure_machine *m);
#endif
