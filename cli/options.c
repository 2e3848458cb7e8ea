#include "cli/options.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 40, MAX_CANDIDATES = 64 };

bool opt_read_u64(const char *text, uint64_t *value) {
    if (!*text) return false;
    uint64_t v = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v)) return false;
    }
    *value = v;
    return true;
}

bool opt_read_double(const char *text, double *value) {
    if (!*text || strchr(" \t\n\v\f\r", *text)) return false;
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (*end || isnan(v) || (errno == ERANGE && isinf(v))) return false;
    *value = v;
    return true;
}

static size_t edit_distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n >= MAX_WORD || m >= MAX_WORD) return MAX_WORD;
    size_t rows[3][MAX_WORD]; /* distances of a's first i-2, i-1 and i letters to each beginning of b */
    for (size_t j = 0; j <= m; j++) rows[1][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[(i + 1) % 3], *before = rows[i % 3], *earlier = rows[(i + 2) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best) best = before[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[(n + 1) % 3][m];
}

int opt_nearest(const char *word, const char *const *candidates, size_t n) {
    int nearest = -1;
    size_t length = strlen(word), best = 1 + (length + 1) / 3; /* further away is another word */
    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(word, candidates[i]);
        bool begins = length >= 3 && strncmp(word, candidates[i], length) == 0;
        if (begins && d > 1) d = 1;
        if (d < best) {
            best = d;
            nearest = (int)i;
        }
    }
    return nearest;
}

typedef struct parser {
    const opt_spec *specs;
    void *settings;
    char *message;
    size_t message_size;
} parser;

static opt_result wrong(parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static opt_result wrong(parser *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(p->message, p->message_size, format, args);
    va_end(args);
    return OPT_WRONG;
}

static opt_result unknown(parser *p, const char *name) {
    const char *names[MAX_CANDIDATES] = {"help"};
    size_t n = 1;
    for (const opt_spec *s = p->specs; s->name && n < MAX_CANDIDATES; s++) names[n++] = s->name;
    int i = opt_nearest(name, names, n);
    if (i < 0) return wrong(p, "unknown option --%s", name);
    return wrong(p, "unknown option --%s, did you mean --%s?", name, names[i]);
}

static opt_result check_choice(parser *p, const opt_spec *s, const char *value) {
    char words[128];
    snprintf(words, sizeof words, "%s", s->argument);
    const char *list[MAX_CANDIDATES];
    size_t n = 0;
    for (char *rest = words, *word; n < MAX_CANDIDATES && (word = strsep(&rest, "|"));) list[n++] = word;
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], value) == 0) return OPT_DONE;
    int near = opt_nearest(value, list, n);
    if (near < 0) return wrong(p, "--%s: \"%s\" is not one of %s", s->name, value, s->argument);
    return wrong(p, "--%s: \"%s\" is not one of %s, did you mean %s?", s->name, value, s->argument, list[near]);
}

static opt_result add_to_list(parser *p, opt_list *list, const char *value) {
    const char **items = realloc(list->items, (list->n + 1) * sizeof *items);
    if (!items) {
        wrong(p, "out of memory for the command line");
        return OPT_NO_MEMORY;
    }
    items[list->n++] = value;
    list->items = items;
    return OPT_DONE;
}

static opt_result store(parser *p, const opt_spec *s, const char *value) {
    void *to = (char *)p->settings + s->offset;
    uint64_t u;
    double d;
    switch (s->kind) {
    case OPT_FLAG:
        *(bool *)to = true;
        return OPT_DONE;
    case OPT_CHOICE:
        if (check_choice(p, s, value) != OPT_DONE) return OPT_WRONG;
        *(const char **)to = value;
        return OPT_DONE;
    case OPT_TEXT:
        *(const char **)to = value;
        return OPT_DONE;
    case OPT_U32:
        if (!opt_read_u64(value, &u) || (double)u < s->min || (double)u > s->max)
            return wrong(p, "--%s: \"%s\" is not a whole number from %.0f to %.0f", s->name, value, s->min, s->max);
        *(uint32_t *)to = (uint32_t)u;
        return OPT_DONE;
    case OPT_U64:
        if (!opt_read_u64(value, &u)) return wrong(p, "--%s: \"%s\" is not a whole number below 2^64", s->name, value);
        *(uint64_t *)to = u;
        return OPT_DONE;
    case OPT_REAL:
        if (!opt_read_double(value, &d) || d < s->min || d > s->max)
            return wrong(p, "--%s: \"%s\" is not a number from %g to %g", s->name, value, s->min, s->max);
        *(float *)to = (float)d;
        return OPT_DONE;
    case OPT_LIST:
        return add_to_list(p, to, value);
    }
    return OPT_DONE;
}

/* argv[*i] is "--name" or "--name=value". */
static opt_result read_long(parser *p, int argc, char **argv, int *i) {
    const char *text = argv[*i] + 2, *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    if (n == 4 && strncmp(text, "help", n) == 0) return OPT_HELP;
    for (const opt_spec *s = p->specs; s->name; s++) {
        if (strncmp(s->name, text, n) != 0 || s->name[n]) continue;
        if (s->kind == OPT_FLAG) {
            if (equals) return wrong(p, "--%s takes no value", s->name);
            return store(p, s, NULL);
        }
        if (equals) return store(p, s, equals + 1);
        if (*i + 1 >= argc) return wrong(p, "--%s needs a value: %s", s->name, s->argument);
        return store(p, s, argv[++*i]);
    }
    char name[MAX_WORD];
    snprintf(name, sizeof name, "%.*s", (int)(n < MAX_WORD ? n : MAX_WORD - 1), text);
    return unknown(p, name);
}

/* argv[*i] is "-x", "-xVALUE" or several flags together, "-xyz". */
static opt_result read_short(parser *p, int argc, char **argv, int *i) {
    for (const char *c = argv[*i] + 1; *c; c++) {
        if (*c == 'h') return OPT_HELP;
        const opt_spec *s = p->specs;
        while (s->name && s->letter != *c) s++;
        if (!s->name) return wrong(p, "unknown option -%c in \"%s\"", *c, argv[*i]);
        if (s->kind != OPT_FLAG) {
            if (c[1]) return store(p, s, c + 1);
            if (*i + 1 >= argc) return wrong(p, "-%c needs a value: %s", *c, s->argument);
            return store(p, s, argv[++*i]);
        }
        if (store(p, s, NULL) != OPT_DONE) return OPT_WRONG;
    }
    return OPT_DONE;
}

static opt_result check_required(parser *p) {
    for (const opt_spec *s = p->specs; s->name; s++) {
        if (!s->required || *(const char **)((char *)p->settings + s->offset)) continue;
        if (s->letter) return wrong(p, "-%c %s is needed", s->letter, s->argument);
        return wrong(p, "--%s %s is needed", s->name, s->argument);
    }
    return OPT_DONE;
}

opt_result opt_parse(const opt_spec *specs, int argc, char **argv, void *settings, const char **operands,
                     size_t *n_operands, char *message, size_t message_size) {
    parser p = {specs, settings, message, message_size};
    bool ended = false;
    *n_operands = 0;
    for (int i = 0; i < argc; i++) {
        opt_result result = OPT_DONE;
        if (ended || argv[i][0] != '-' || !argv[i][1])
            operands[(*n_operands)++] = argv[i];
        else if (argv[i][1] != '-')
            result = read_short(&p, argc, argv, &i);
        else if (argv[i][2])
            result = read_long(&p, argc, argv, &i);
        else
            ended = true;
        if (result != OPT_DONE) return result;
    }
    return check_required(&p);
}

const opt_spec *opt_given(const opt_spec *specs, const void *settings, const void *defaults, opt_subject subject) {
    static const size_t sizes[] = {
        [OPT_FLAG] = sizeof(bool),    [OPT_TEXT] = sizeof(char *), [OPT_CHOICE] = sizeof(char *), [OPT_U32] = sizeof(uint32_t),
        [OPT_U64] = sizeof(uint64_t), [OPT_REAL] = sizeof(float),  [OPT_LIST] = sizeof(opt_list),
    };
    for (const opt_spec *s = specs; s->name; s++) {
        const char *value = (const char *)settings + s->offset, *usual = (const char *)defaults + s->offset;
        if (s->subject == subject && memcmp(value, usual, sizes[s->kind]) != 0) return s;
    }
    return NULL;
}

void opt_free(const opt_spec *specs, void *settings) {
    for (const opt_spec *s = specs; s->name; s++)
        if (s->kind == OPT_LIST) free(((opt_list *)((char *)settings + s->offset))->items);
}

void opt_print_help(const opt_spec *specs) {
    for (const opt_spec *s = specs; s->name; s++) {
        char left[80];
        char letter[8] = "    ";
        if (s->letter) snprintf(letter, sizeof letter, "-%c, ", s->letter);
        snprintf(left, sizeof left, "  %s--%s %s", letter, s->name, s->argument ? s->argument : "");
        printf("%-28s %s%s\n", left, strlen(left) > 28 ? "\n                             " : "", s->help);
    }
    printf("  -h, --help                 show this\n");
}
