#include "cli/bench_tables.h"
#include "linnet.h"
#include <stdio.h>
#include <string.h>

/* ---- reading what may not be there ---- */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "unknown";
}

/* 0: it is not there. */
static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

/* A text from a file: control bytes become '?'. At least `width` columns. */
static void put(const char *text, int width) {
    int n = 0;
    for (const char *p = text; *p; p++, n++) putchar((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
    for (; n < width; n++) putchar(' ');
}

static void put_number(const json_t *object, const char *key, int width, int digits) {
    const double value = number_of(object, key);
    if (value > 0)
        printf(" %*.*f", width, digits, value);
    else
        printf(" %*s", width, "-");
}

/* ---- one ---- */

static void print_list(const char *name, const json_t *list) {
    size_t i;
    json_t *one;
    printf("%-10s", name);
    json_array_foreach(list, i, one) {
        if (i) putchar(' ');
        put(json_string_value(one) ? json_string_value(one) : "", 0);
    }
    putchar('\n');
}

static void print_size(uint64_t bytes) {
    if (bytes >= 1 << 20)
        printf("%.4g MiB", (double)bytes / (1 << 20));
    else
        printf("%.4g KiB", (double)bytes / 1024);
}

static void print_caches(const json_t *machine) {
    size_t i;
    json_t *one;
    printf("%-10s", "caches");
    json_array_foreach(json_object_get(machine, "caches"), i, one) {
        if (i) printf(", ");
        put(text_of(one, "name"), 0);
        putchar(' ');
        print_size((uint64_t)number_of(one, "bytes"));
    }
    putchar('\n');
}

static void print_line(const char *name, const char *text) {
    printf("%-10s", name);
    put(text, 0);
    putchar('\n');
}

static void print_machine(const json_t *report) {
    const json_t *machine = json_object_get(report, "machine");
    print_line("cpu", text_of(machine, "cpu"));
    print_list("features", json_object_get(machine, "features"));
    print_caches(machine);
    print_line("system", text_of(machine, "system"));
    printf("%-10s", "linnet");
    put(text_of(report, "version"), 0);
    printf(", ");
    put(text_of(machine, "compiler"), 0);
    putchar('\n');
    print_line("level", text_of(report, "level"));
    printf("%-10sup to %.0f\n", "threads", number_of(report, "threads"));
}

static void print_roofs(const json_t *roofs) {
    size_t i;
    json_t *one;
    printf("\nthe roof          fp32      int8      int4    memory        L1        L2        L3\n"
           "threads        GFLOP/s     GOP/s     GOP/s      GB/s      GB/s      GB/s      GB/s\n");
    json_array_foreach(roofs, i, one) {
        static const char *const columns[] = {"fp32", "int8", "int4", "memory", "L1", "L2", "L3"};
        printf("%-12.0f", number_of(one, "threads"));
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) put_number(one, columns[c], 9, 1);
        putchar('\n');
    }
}

static void print_share(const json_t *one) {
    printf(" %8.1f %% ", 100 * number_of(one, "share"));
    const char *bound = json_string_value(json_object_get(one, "bound"));
    put(bound ? bound : "", 0);
    putchar('\n');
}

static void print_kernels(const json_t *kernels) {
    size_t i;
    json_t *one;
    printf("\nkernel                               threads     GOP/s      GB/s        ns   of roof\n");
    json_array_foreach(kernels, i, one) {
        put(text_of(one, "name"), 36);
        printf(" %7.0f", number_of(one, "threads"));
        put_number(one, "gops", 9, 1);
        put_number(one, "gbs", 9, 1);
        put_number(one, "ns", 9, 3);
        print_share(one);
    }
}

static void print_model(const json_t *report) {
    const json_t *model = json_object_get(report, "model");
    size_t i;
    json_t *one;
    if (!model) return;
    printf("\n%-10s", "model");
    put(text_of(model, "file"), 0);
    printf(", ");
    print_size((uint64_t)number_of(model, "bytes"));
    printf(", opened in %.2f ms\n", 1e3 * number_of(model, "load_seconds"));
    printf("work           threads      rate                GOP/s      GB/s   of roof\n");
    json_array_foreach(json_object_get(report, "work"), i, one) {
        put(text_of(one, "name"), 14);
        printf(" %7.0f", number_of(one, "threads"));
        put_number(one, "rate", 9, 1);
        putchar(' ');
        put(text_of(one, "unit"), 9);
        put_number(one, "gops", 10, 1);
        put_number(one, "gbs", 9, 1);
        print_share(one);
    }
}

void bench_print(const json_t *report) {
    print_machine(report);
    print_roofs(json_object_get(report, "roofs"));
    print_kernels(json_object_get(report, "kernels"));
    print_model(report);
}

/* ---- two ---- */

/* The one of b's list with the same name (roofs have none) and as many threads. */
static const json_t *find(const json_t *list, const json_t *like) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
        if (!strcmp(text_of(one, "name"), text_of(like, "name")) && number_of(one, "threads") == number_of(like, "threads")) return one;
    return NULL;
}

static void print_pair(const char *name, double threads, const char *unit, double a, double b, double times) {
    if (!(a > 0 && b > 0)) return;
    put(name, 36);
    printf(" %7.0f %10.*f %10.*f ", threads, a < 10 ? 3 : 1, a, b < 10 ? 3 : 1, b);
    put(unit, 10);
    printf(" %7.3f\n", times);
}

static void compare_roofs(const json_t *a, const json_t *b) {
    static const char *const keys[] = {"fp32", "int8", "int4", "memory", "L1", "L2", "L3"};
    static const char *const units[] = {"GFLOP/s", "GOP/s", "GOP/s", "GB/s", "GB/s", "GB/s", "GB/s"};
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(a, "roofs"), i, one) {
        const json_t *other = find(json_object_get(b, "roofs"), one);
        for (size_t k = 0; other && k < sizeof keys / sizeof *keys; k++) {
            char name[32];
            snprintf(name, sizeof name, "roof %s", keys[k]);
            const double x = number_of(one, keys[k]), y = number_of(other, keys[k]);
            print_pair(name, number_of(one, "threads"), units[k], x, y, y / x);
        }
    }
}

/* By the first of the columns that both have. */
static void compare_kernels(const json_t *a, const json_t *b) {
    static const char *const keys[] = {"ns", "gbs", "gops"}, *const units[] = {"ns", "GB/s", "GOP/s"};
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(a, "kernels"), i, one) {
        const json_t *other = find(json_object_get(b, "kernels"), one);
        for (size_t k = 0; other && k < sizeof keys / sizeof *keys; k++) {
            const double x = number_of(one, keys[k]), y = number_of(other, keys[k]);
            if (!(x > 0 && y > 0)) continue;
            print_pair(text_of(one, "name"), number_of(one, "threads"), units[k], x, y, k ? y / x : x / y);
            break;
        }
    }
}

static void compare_work(const json_t *a, const json_t *b) {
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(a, "work"), i, one) {
        const json_t *other = find(json_object_get(b, "work"), one);
        if (other) print_pair(text_of(one, "name"), number_of(one, "threads"), text_of(one, "unit"), number_of(one, "rate"), number_of(other, "rate"),
                              number_of(other, "rate") / number_of(one, "rate"));
    }
}

static void print_which(const char *name, const json_t *report) {
    const json_t *machine = json_object_get(report, "machine"), *model = json_object_get(report, "model");
    printf("%s  ", name);
    put(text_of(machine, "cpu"), 0);
    printf(", ");
    put(text_of(report, "level"), 0);
    printf(", %.0f threads, linnet ", number_of(report, "threads"));
    put(text_of(report, "version"), 0);
    printf(", ");
    put(text_of(machine, "compiler"), 0);
    if (model) {
        printf(", ");
        put(text_of(model, "file"), 0);
    }
    putchar('\n');
}

void bench_print_both(const json_t *a, const json_t *b) {
    print_which("A", a);
    print_which("B", b);
    printf("\n%-36s threads          A          B            B is times as fast\n", "");
    compare_roofs(a, b);
    compare_kernels(a, b);
    compare_work(a, b);
}
