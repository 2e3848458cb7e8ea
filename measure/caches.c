#define _GNU_SOURCE
#include "measure/caches.h"
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_entry(int cpu, int index, const char *name, char *text, int n) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cache/index%d/%s", cpu, index, name);
    FILE *f = fopen(path, "re");
    if (!f) return false;
    bool ok = fgets(text, n, f) != NULL;
    fclose(f);
    return ok;
}

/* "0-3,8" names five */
static uint32_t count_list(const char *p) {
    uint32_t n = 0;
    while (*p >= '0' && *p <= '9') {
        char *end;
        const long first = strtol(p, &end, 10), last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        n += last >= first ? (uint32_t)(last - first + 1) : 0;
        p = end + (*end == ',');
    }
    return n;
}

static int first_cpu(void) {
    cpu_set_t allowed;
    if (!sched_getaffinity(0, sizeof allowed, &allowed))
        for (size_t c = 0; c < CPU_SETSIZE; c++)
            if (CPU_ISSET(c, &allowed)) return (int)c;
    return 0;
}

void measure_caches(measure_cache caches[MEASURE_CACHES]) {
    const int cpu = first_cpu();
    char text[1024];
    memset(caches, 0, MEASURE_CACHES * sizeof *caches);
    for (int i = 0; i < 16 && read_entry(cpu, i, "level", text, sizeof text); i++) {
        const int level = atoi(text);
        if (level < 1 || level > MEASURE_CACHES || !read_entry(cpu, i, "type", text, sizeof text) || !strncmp(text, "Instruction", 11)) continue;
        if (!read_entry(cpu, i, "size", text, sizeof text)) continue;
        char *unit;
        const size_t n = strtoul(text, &unit, 10);
        caches[level - 1].bytes = n << (*unit == 'K' ? 10 : *unit == 'M' ? 20 : 0);
        caches[level - 1].cpus = read_entry(cpu, i, "shared_cpu_list", text, sizeof text) ? count_list(text) : 1;
    }
}

size_t measure_cache_part(const measure_cache caches[MEASURE_CACHES], size_t i, uint32_t threads) {
    const uint32_t sharing = caches[i].cpus < threads ? caches[i].cpus : threads;
    const size_t half = sharing ? caches[i].bytes / sharing / 2 : 0;
    return i && half <= caches[i - 1].bytes ? 0 : half;
}
