#include "cli/profile.h"
#include "cli/cli.h"
#include "measure/roof.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MOST = 256 };
#define ROOF_SECONDS 0.4

static struct {
    lnt_profile *sums;
    double began, cpu_began;
    bool json;
} profile;

/* ---- measuring ---- */

static bool is_given(const opt_spec *specs, const void *settings, const char *name) {
    for (const opt_spec *s = specs; s->name; s++)
        if (s->kind == OPT_FLAG && strcmp(s->name, name) == 0) return *(const bool *)((const char *)settings + s->offset);
    return false;
}

/* Seconds that this process has had a core. */
static double cpu_seconds(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + 1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

int profile_begin(const opt_spec *specs, const void *settings, lnt_error *err) {
    if (!is_given(specs, settings, "profile")) return 0;
    profile.json = is_given(specs, settings, "json");
    profile.began = cli_seconds();
    profile.cpu_began = cpu_seconds();
    profile.sums = lnt_profile_new(err);
    return profile.sums ? 0 : -1;
}

lnt_profile *profile_sums(void) {
    return profile.sums;
}

void profile_add(const char *name, double began, uint64_t rows) {
    profile_add_entry((lnt_profile_entry){.name = name, .rows = rows}, began);
}

void profile_add_entry(lnt_profile_entry entry, double began) {
    entry.calls = 1;
    entry.seconds = cli_seconds() - began;
    lnt_profile_add(profile.sums, &entry);
}

/* ---- printing ---- */

typedef struct report {
    lnt_profile_entry entries[MOST]; /* the longest first */
    size_t n;
    uint32_t threads;
    double seconds, cpu;  /* of the clock; of all cores */
    double waiting, rest; /* of all threads: at barriers, and in nothing that was measured */
    measure_roof_result roof;
} report;

static int longer(const void *a, const void *b) {
    const lnt_profile_entry *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return x->waiting < y->waiting ? 1 : x->waiting > y->waiting ? -1 : 0;
}

static void gather(report *r) {
    r->seconds = cli_seconds() - profile.began;
    r->cpu = cpu_seconds() - profile.cpu_began;
    r->threads = lnt_profile_threads(profile.sums);
    r->rest = r->seconds * r->threads;
    while (r->n < MOST && lnt_profile_get(profile.sums, r->n, &r->entries[r->n])) {
        r->waiting += r->entries[r->n].waiting;
        r->rest -= r->entries[r->n].seconds + r->entries[r->n].waiting;
        r->n++;
    }
    if (r->rest < 0) r->rest = 0;
    qsort(r->entries, r->n, sizeof *r->entries, longer);
}

static const char *const BOUND_NAMES[] = {[LNT_BOUND_NONE] = "", [LNT_BOUND_FP32] = "fp32", [LNT_BOUND_INT8] = "int8", [LNT_BOUND_INT4] = "int4",
                                     [LNT_BOUND_READ] = "memory"};

/* What all threads together reach in what bounds the entry, 10^9 operations or bytes a second; 0: nothing is said to. */
static double speed_of(const report *r, const lnt_profile_entry *e) {
    double work = e->bound == LNT_BOUND_READ ? (double)e->bytes : e->bound ? (double)e->operations : 0;
    return e->seconds > 0 ? 1e-9 * work * r->threads / e->seconds : 0;
}

static double roof_of(const report *r, lnt_bound bound) {
    switch (bound) {
    case LNT_BOUND_FP32: return r->roof.fp32;
    case LNT_BOUND_INT8: return r->roof.int8;
    case LNT_BOUND_INT4: return r->roof.int4;
    case LNT_BOUND_READ: return r->roof.memory;
    case LNT_BOUND_NONE: break;
    }
    return 0;
}

static void print_time(const char *name, double seconds, double all) {
    fprintf(stderr, "%-46s%18s %10.2f %9s %5.1f\n", name, "", 1e3 * seconds, "", all > 0 ? 100 * seconds / all : 0);
}

static void print_entry(const report *r, const lnt_profile_entry *e) {
    double speed = speed_of(r, e), roof = roof_of(r, e->bound), all = r->seconds * r->threads;
    fprintf(stderr, "%-46s %7" PRIu64 " %9" PRIu64 " %10.2f %9.2f %5.1f", e->name, e->calls, e->rows, 1e3 * e->seconds,
            1e3 * e->waiting, all > 0 ? 100 * e->seconds / all : 0);
    if (e->bytes || e->bound || e->values) fprintf(stderr, " %10.2f", 1e-6 * (double)e->bytes);
    if (e->bound) fprintf(stderr, " %8.1f %s", speed, e->bound == LNT_BOUND_READ ? "GB/s " : "GOP/s");
    else if (e->values) fprintf(stderr, " %8.2f ns each", 1e9 * e->seconds / (double)e->values);
    if (roof > 0) fprintf(stderr, " %5.0f%% of %s", 100 * speed / roof, BOUND_NAMES[e->bound]);
    fputc('\n', stderr);
}

static void print_table(const report *r) {
    double all = r->seconds * r->threads;
    fprintf(stderr, "profile: %u thread%s, %.3f s, %.3f s of cores, level %s\n", r->threads, r->threads > 1 ? "s" : "", r->seconds, r->cpu,
            lnt_cpu_level());
    const measure_roof_result *m = &r->roof;
    if (m->threads)
        fprintf(stderr, "roof: %.1f GFLOP/s fp32 (%s), %.1f GOP/s int8 (%s), %.1f int4 (%s), %.1f GB/s memory\n", m->fp32, m->fp32_name,
                m->int8, m->int8_name, m->int4, m->int4_name, m->memory);
    fprintf(stderr, "%-46s %7s %9s %10s %9s %5s %10s %14s %s\n", "step", "calls", "rows", "ms", "wait ms", "%", "MB", "speed", "  roof");
    for (size_t i = 0; i < r->n; i++) print_entry(r, &r->entries[i]);
    print_time("waiting for other threads", r->waiting, all);
    print_time("idle threads, and what was not measured", r->rest, all);
    print_time("all threads", all, all);
}

static void print_entry_json(const report *r, const lnt_profile_entry *e) {
    double speed = speed_of(r, e), roof = roof_of(r, e->bound);
    fprintf(stderr, "{\"name\": \"%s\", \"calls\": %" PRIu64 ", \"rows\": %" PRIu64 ", \"values\": %" PRIu64, e->name, e->calls, e->rows,
            e->values);
    fprintf(stderr, ", \"operations\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"seconds\": %.9f, \"waiting\": %.9f", e->operations, e->bytes,
            e->seconds, e->waiting);
    if (e->bound) fprintf(stderr, ", \"bound\": \"%s\", \"speed\": %.3f", BOUND_NAMES[e->bound], speed);
    if (roof > 0) fprintf(stderr, ", \"of_roof\": %.4f", speed / roof);
    fputc('}', stderr);
}

static void print_json(const report *r) {
    const measure_roof_result *m = &r->roof;
    fprintf(stderr, "{\"threads\": %u, \"seconds\": %.6f, \"cpu\": %.6f, \"waiting\": %.6f, \"rest\": %.6f, \"level\": \"%s\"", r->threads,
            r->seconds, r->cpu, r->waiting, r->rest, lnt_cpu_level());
    if (m->threads)
        fprintf(stderr, ", \"roof\": {\"fp32\": %.3f, \"int8\": %.3f, \"int4\": %.3f, \"memory\": %.3f}", m->fp32, m->int8, m->int4, m->memory);
    fputs(", \"steps\": [", stderr);
    for (size_t i = 0; i < r->n; i++) {
        if (i) fputs(", ", stderr);
        print_entry_json(r, &r->entries[i]);
    }
    fputs("]}\n", stderr);
}

static void print(void) {
    report r = {0};
    lnt_error err;
    gather(&r);
    if (r.n == 0) return;
    if (measure_roof(&r.roof, r.threads, ROOF_SECONDS, &err) != 0) {
        cli_fail(&err);
        r.roof = (measure_roof_result){0};
    }
    (profile.json ? print_json : print_table)(&r);
}

void profile_end(bool wanted) {
    if (wanted && profile.sums) print();
    lnt_profile_free(profile.sums);
    profile.sums = NULL;
}
