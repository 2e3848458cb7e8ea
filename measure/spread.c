#define _GNU_SOURCE
#include "measure/spread.h"
#include <sched.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(cpu_set_t) <= sizeof((spread_set){0}.words), "a cpu_set_t fits");

/* Whether a CPU is the first of its core among those allowed. */
static bool is_first(size_t cpu, const cpu_set_t *allowed) {
    char path[96];
    unsigned sibling = (unsigned)cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", cpu);
    FILE *f = fopen(path, "re");
    if (!f) return true;
    const bool found = fscanf(f, "%u", &sibling) == 1;
    fclose(f);
    return !found || sibling >= cpu || !CPU_ISSET(sibling, allowed);
}

int spread_cpu(uint32_t thread) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) return -1;
    uint32_t n = 0;
    for (int second = 0; second < 2; second++)
        for (size_t c = 0; c < CPU_SETSIZE; c++)
            if (CPU_ISSET(c, &allowed) && is_first(c, &allowed) == !second && n++ == thread) return (int)c;
    return -1;
}

void spread_to(int cpu, spread_set *old) {
    cpu_set_t set;
    if (cpu < 0 || sched_getaffinity(0, sizeof set, &set)) return;
    if (old) {
        memcpy(old->words, &set, sizeof set);
        old->kept = true;
    }
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

void spread_back(const spread_set *old) {
    cpu_set_t set;
    if (!old->kept) return;
    memcpy(&set, old->words, sizeof set);
    sched_setaffinity(0, sizeof set, &set);
}
