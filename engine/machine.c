/* How many threads this process may use: affinity, cgroup quota, and on hybrid CPUs the performance cores; and how much memory. */
#define _GNU_SOURCE
#include "engine/machine.h"
#include "linnet.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a small file. */
static bool read_text(char *text, size_t room, const char *root, const char *folder, const char *name) {
    char path[8192];
    if ((size_t)snprintf(path, sizeof path, "%s%s%s", root, folder, name) >= sizeof path) return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = 0;
    return n > 0;
}

static void lower_quota(machine_limits *m, double quota, double period) {
    if (quota <= 0 || period <= 0) return;
    if (m->quota == 0 || quota / period < m->quota) m->quota = quota / period;
}

/* "max" is no number. */
static void lower_memory(machine_limits *m, const char *bytes, uint64_t unit) {
    uint64_t n = strtoull(bytes, NULL, 10) * unit;
    if (n && (!m->memory || n < m->memory)) m->memory = n;
}

static void group2(machine_limits *m, const char *root, const char *folder) {
    char text[128];
    double quota, period;
    if (read_text(text, sizeof text, root, folder, "/cpu.max") && sscanf(text, "%lf %lf", &quota, &period) == 2) lower_quota(m, quota, period);
    if (read_text(text, sizeof text, root, folder, "/memory.max")) lower_memory(m, text, 1);
}

static void cpu1(machine_limits *m, const char *root, const char *folder) {
    char quota[64], period[64];
    if (read_text(quota, sizeof quota, root, folder, "/cpu.cfs_quota_us") && read_text(period, sizeof period, root, folder, "/cpu.cfs_period_us"))
        lower_quota(m, atof(quota), atof(period));
}

static void memory1(machine_limits *m, const char *root, const char *folder) {
    char text[64];
    if (read_text(text, sizeof text, root, folder, "/memory.limit_in_bytes")) lower_memory(m, text, 1);
}

/* A group and each above it. In a container the upper ones are not to be seen, and its own may stand where the uppermost does. */
static void upwards(machine_limits *m, const char *root, const char *base, const char *group, void (*look)(machine_limits *m, const char *root, const char *folder)) {
    char folder[8192];
    size_t least = strlen(base);
    if ((size_t)snprintf(folder, sizeof folder, "%s%s", base, strcmp(group, "/") ? group : "") >= sizeof folder) return;
    for (;;) {
        look(m, root, folder);
        char *slash = strrchr(folder + least, '/');
        if (!slash) return;
        *slash = 0;
    }
}

static bool in_list(const char *list, const char *word) {
    size_t n = strlen(word);
    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == n && !strncmp(list, word, n)) return true;
    return false;
}

/* Lines "number:controllers:group"; of version 2 "0::group". */
static void cgroups(machine_limits *m, const char *root) {
    char text[8192], *line = text;
    if (!read_text(text, sizeof text, root, "/proc/self/cgroup", "")) return;
    for (char *next; *line; line = next) {
        size_t n = strcspn(line, "\n");
        next = line + n + (line[n] == '\n');
        line[n] = 0;
        char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
        if (!group) continue;
        *group++ = 0;
        if (!*++list) upwards(m, root, "/sys/fs/cgroup", group, group2);
        if (in_list(list, "cpu")) upwards(m, root, "/sys/fs/cgroup/cpu", group, cpu1);
        if (in_list(list, "memory")) upwards(m, root, "/sys/fs/cgroup/memory", group, memory1);
    }
}

/* Of the CPUs allowed, those listed like "0-7,16" in a file; 0 if there is no such file. */
static uint32_t count_listed(const cpu_set_t *allowed, const char *root, const char *path) {
    char line[1024];
    uint32_t n = 0;
    if (!read_text(line, sizeof line, root, path, "")) return 0;
    for (char *p = line; *p >= '0' && *p <= '9';) {
        long first = strtol(p, &p, 10), last = *p == '-' ? strtol(p + 1, &p, 10) : first;
        for (long c = first; c <= last && c < CPU_SETSIZE; c++) n += CPU_ISSET((size_t)c, allowed) != 0;
        if (*p == ',') p++;
    }
    return n;
}

void machine_read_limits_in(const char *root, machine_limits *m) {
    cpu_set_t allowed;
    char text[4096];
    *m = (machine_limits){.allowed = 1};
    if (!sched_getaffinity(0, sizeof allowed, &allowed)) {
        m->allowed = (uint32_t)CPU_COUNT(&allowed);
        m->fast = count_listed(&allowed, root, "/sys/devices/cpu_core/cpus"); /* Intel hybrids list them so */
    }
    const char *total = read_text(text, sizeof text, root, "/proc/meminfo", "") ? strstr(text, "MemTotal:") : NULL;
    if (total) lower_memory(m, total + strlen("MemTotal:"), 1024);
    cgroups(m, root);
}

void machine_read_limits(machine_limits *m) { machine_read_limits_in("", m); }

uint32_t machine_threads(const machine_limits *m) {
    const uint32_t n = m->fast ? m->fast : m->allowed;
    if (m->quota > 0 && m->quota < n) return m->quota < 1 ? 1 : (uint32_t)m->quota;
    return n ? n : 1;
}

uint32_t lnt_default_threads(void) {
    machine_limits m;
    machine_read_limits(&m);
    return machine_threads(&m);
}
