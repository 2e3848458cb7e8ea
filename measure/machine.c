#define _GNU_SOURCE
#include "measure/machine.h"
#include "linnet.h"
#include "measure/features.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

/* ---- reading ---- */

/* What follows a name and a colon in a file of such lines. */
static bool find_line(const char *path, const char *name, char *value, size_t n) {
    char line[512];
    bool found = false;
    FILE *f = fopen(path, "re");
    if (!f) return false;
    while (!found && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, name, strlen(name))) continue;
        found = true;
        colon += 1 + strspn(colon + 1, " \t");
        colon[strcspn(colon, "\n")] = 0;
        snprintf(value, n, "%s", colon);
    }
    fclose(f);
    return found;
}

#if defined(__x86_64__)
#include <cpuid.h>

static bool ask_cpu(char *name) {
    unsigned part[12];
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002 + i, part + 4 * i, part + 4 * i + 1, part + 4 * i + 2, part + 4 * i + 3)) return false;
    memcpy(name, part, sizeof part);
    name[sizeof part] = 0;
    return true;
}
#else
/* ARM's are numbers, but for boards that have a name. */
static bool ask_cpu(char *name) {
    char implementer[32], part[32];
    if (find_line("/proc/cpuinfo", "Model", name, 128)) return true;
    if (!find_line("/proc/cpuinfo", "CPU implementer", implementer, sizeof implementer)) return false;
    if (!find_line("/proc/cpuinfo", "CPU part", part, sizeof part)) return false;
    snprintf(name, 128, "implementer %s, part %s", implementer, part);
    return true;
}
#endif

static void read_name(measure_machine *m) {
    if (!find_line("/proc/cpuinfo", "model name", m->cpu, sizeof m->cpu) && !ask_cpu(m->cpu)) snprintf(m->cpu, sizeof m->cpu, "unknown");
    for (char *p = m->cpu; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f) *p = '?';
    size_t n = strlen(m->cpu);
    while (n && m->cpu[n - 1] == ' ') m->cpu[--n] = 0;
}

static void read_system(measure_machine *m) {
    struct utsname u;
    snprintf(m->system, sizeof m->system, "unknown");
    if (!uname(&u)) snprintf(m->system, sizeof m->system, "%.40s %.80s %.30s", u.sysname, u.release, u.machine);
}

static uint64_t read_kib(const char *name) {
    char value[64];
    return find_line("/proc/meminfo", name, value, sizeof value) ? strtoull(value, NULL, 10) << 10 : 0;
}

/* "always [madvise] never" */
static void read_huge_pages(measure_machine *m) {
    char line[64] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (!f) return;
    const char *chosen = fgets(line, sizeof line, f) ? strchr(line, '[') : NULL;
    if (chosen) snprintf(m->huge_pages, sizeof m->huge_pages, "%.*s", (int)strcspn(chosen + 1, "]"), chosen + 1);
    fclose(f);
}

void measure_read_machine(measure_machine *m) {
    *m = (measure_machine){.compiler = COMPILER, .threads = lnt_default_threads()};
    machine_read_limits(&m->limits);
    read_name(m);
    read_system(m);
    measure_caches(m->caches);
    m->online = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    m->memory_bytes = read_kib("MemTotal");
    m->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    m->huge_page_bytes = read_kib("Hugepagesize");
    read_huge_pages(m);
}

void measure_threads_reason(const measure_machine *m, char *text, size_t n) {
    const machine_limits *l = &m->limits;
    const uint32_t cpus = l->fast ? l->fast : l->allowed;
    if (l->quota > 0 && l->quota < cpus)
        snprintf(text, n, "a cgroup gives the time of %.4g CPUs", l->quota);
    else if (l->fast && l->fast < l->allowed)
        snprintf(text, n, "performance cores of %u CPUs allowed", l->allowed);
    else if (l->allowed < m->online)
        snprintf(text, n, "affinity allows %u of %u CPUs", l->allowed, m->online);
    else
        snprintf(text, n, "all CPUs");
}

/* ---- showing ---- */

void measure_size_text(uint64_t bytes, char *text, size_t n) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double value = (double)bytes;
    for (; value >= 1024 && unit < 4; unit++) value /= 1024;
    snprintf(text, n, "%.4g %s", value, units[unit]);
}

static void print_caches(const measure_machine *m) {
    char size[32];
    bool any = false;
    printf("caches    ");
    for (int i = 0; i < MEASURE_CACHES; i++) {
        if (!m->caches[i].bytes) continue;
        measure_size_text(m->caches[i].bytes, size, sizeof size);
        printf("%sL%d %s", any ? ", " : "", i + 1, size);
        if (m->caches[i].cpus > 1) printf(" for %u CPUs", m->caches[i].cpus);
        any = true;
    }
    puts(any ? "" : "not known");
}

static void print_pages(const measure_machine *m) {
    char size[32];
    measure_size_text(m->page_bytes, size, sizeof size);
    printf("pages     %s", size);
    measure_size_text(m->huge_page_bytes, size, sizeof size);
    if (m->huge_page_bytes) printf(", large ones of %s", size);
    if (*m->huge_pages) printf(" (%s)", m->huge_pages);
    puts("");
}

static void print_memory(const measure_machine *m) {
    char size[32];
    if (!m->memory_bytes) return;
    measure_size_text(m->memory_bytes, size, sizeof size);
    printf("memory    %s", size);
    measure_size_text(m->limits.memory, size, sizeof size);
    if (m->limits.memory < m->memory_bytes) printf(" (a cgroup gives %s)", size);
    puts("");
}

void measure_print_machine(const measure_machine *m) {
    char text[128];
    printf("cpu       %s\nfeatures ", m->cpu);
    for (const char *const *f = measure_features(); *f; f++) printf(" %s", *f);
    puts(measure_features()[0] ? "" : " none that matter here");
    print_caches(m);
    print_memory(m);
    print_pages(m);
    measure_threads_reason(m, text, sizeof text);
    printf("threads   %u (%s)\n", m->threads, text);
    printf("system    %s\n", m->system);
}

static json_t *caches_json(const measure_machine *m) {
    json_t *all = json_array();
    for (int i = 0; i < MEASURE_CACHES; i++) {
        const char name[] = {'L', (char)('1' + i), 0};
        const measure_cache *c = m->caches + i;
        if (c->bytes) json_array_append_new(all, json_pack("{s:s, s:I, s:i}", "name", name, "bytes", (json_int_t)c->bytes, "cpus", (int)c->cpus));
    }
    return all;
}

static json_t *features_json(void) {
    json_t *all = json_array();
    for (const char *const *f = measure_features(); *f; f++) json_array_append_new(all, json_string(*f));
    return all;
}

json_t *measure_machine_json(const measure_machine *m) {
    char reason[128];
    measure_threads_reason(m, reason, sizeof reason);
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:s, s:i, s:i, s:i, s:f, s:s, s:s, s:s, s:s}",
                     "cpu", m->cpu, "features", features_json(), "caches", caches_json(m), "memory_bytes", (json_int_t)m->memory_bytes,
                     "memory_allowed_bytes", (json_int_t)m->limits.memory,
                     "page_bytes", (json_int_t)m->page_bytes, "huge_page_bytes", (json_int_t)m->huge_page_bytes, "huge_pages", m->huge_pages,
                     "cpus_online", (int)m->online, "cpus_allowed", (int)m->limits.allowed, "cpus_fast", (int)m->limits.fast,
                     "cpus_quota", m->limits.quota, "threads_reason", reason, "system", m->system, "compiler", m->compiler, "version", LNT_VERSION);
}
