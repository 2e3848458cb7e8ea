/* What limits the threads of this process. */
#ifndef LNT_ENGINE_MACHINE_H
#define LNT_ENGINE_MACHINE_H
#include <stdint.h>

typedef struct machine_limits {
    uint32_t allowed; /* CPUs that affinity allows */
    uint32_t fast;    /* of them performance cores, on CPUs that have two kinds; else 0 */
    double quota;     /* CPUs' worth of time that a cgroup gives, the least of all; 0: no limit */
} machine_limits;

void machine_read_limits(machine_limits *limits);
#endif
