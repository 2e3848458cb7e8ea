/* What limits the threads and the memory of this process. */
#ifndef LNT_ENGINE_MACHINE_H
#define LNT_ENGINE_MACHINE_H
#include <stdint.h>

typedef struct machine_limits {
    uint32_t allowed; /* CPUs that affinity allows */
    uint32_t fast;    /* of them performance cores, on CPUs that have two kinds; else 0 */
    double quota;     /* CPUs' worth of time that a cgroup gives, the least of all; 0: no limit */
    uint64_t memory;  /* bytes that the machine has, or the least that a cgroup gives; 0: not known */
} machine_limits;

/* Nothing is allocated. Groups of version 1 and 2, those above the process's own too. */
void machine_read_limits(machine_limits *limits);
/* The same of a machine whose /proc and /sys lie in a folder. */
void machine_read_limits_in(const char *root, machine_limits *limits);
/* Threads for these limits: at least 1. */
uint32_t machine_threads(const machine_limits *limits);
#endif
