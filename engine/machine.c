/* How many threads this process may use: affinity, cgroup quota, and on hybrid CPUs the performance cores. */
#define _GNU_SOURCE
#include "engine/machine.h"
#include "linnet.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_line(const char *path, char *line, int n) {
    FILE *f = fopen(path, "re");
    if (!f) return false;
    bool ok = fgets(line, n, f) != NULL;
    fclose(f);
    return ok;
}

static void lower_to(machine_limits *m, double quota, double period) {
    if (quota <= 0 || period <= 0) return;
    if (m->quota == 0 || quota / period < m->quota) m->quota = quota / period;
}

/* Version 2: cpu.max of the process's group and of each group above it. */
static void cgroup2(machine_limits *m, char *group) {
    char path[4352], line[128];
    for (;;) {
        double quota, period;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        if (read_line(path, line, sizeof line) && sscanf(line, "%lf %lf", &quota, &period) == 2) lower_to(m, quota, period);
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = 0;
    }
}

static void cgroup1(machine_limits *m) {
    char quota[64], period[64];
    if (read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota) && read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period))
        lower_to(m, atof(quota), atof(period));
}

static void cgroups(machine_limits *m) {
    char line[4096];
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f) return;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "0::", 3)) {
            line[strcspn(line, "\n")] = 0;
            cgroup2(m, strcmp(line + 3, "/") ? line + 3 : line + 4);
        }
    fclose(f);
    cgroup1(m);
}

/* Of the CPUs allowed, those listed like "0-7,16" in a file; 0 if there is no such file. */
static uint32_t count_listed(const cpu_set_t *allowed, const char *path) {
    char line[1024];
    uint32_t n = 0;
    if (!read_line(path, line, sizeof line)) return 0;
    for (char *p = line; *p >= '0' && *p <= '9';) {
        long first = strtol(p, &p, 10), last = *p == '-' ? strtol(p + 1, &p, 10) : first;
        for (long c = first; c <= last && c < CPU_SETSIZE; c++) n += CPU_ISSET((size_t)c, allowed) != 0;
        if (*p == ',') p++;
    }
    return n;
}

void machine_read_limits(machine_limits *m) {
    cpu_set_t allowed;
    *m = (machine_limits){.allowed = 1};
    if (!sched_getaffinity(0, sizeof allowed, &allowed)) {
        m->allowed = (uint32_t)CPU_COUNT(&allowed);
        m->fast = count_listed(&allowed, "/sys/devices/cpu_core/cpus"); /* Intel hybrids list them so */
    }
    cgroups(m);
}

uint32_t lnt_default_threads(void) {
    machine_limits m;
    machine_read_limits(&m);
    const uint32_t n = m.fast ? m.fast : m.allowed;
    if (m.quota > 0 && m.quota < n) return m.quota < 1 ? 1 : (uint32_t)m.quota;
    return n ? n : 1;
}
