#include "cli/columns.h"
#include <stdlib.h>
#include <string.h>

void columns_scan(columns_quotes *state, const char *data, size_t n) {
    columns_quotes s = *state;
    for (size_t i = 0; i < n; i++) {
        bool quote = data[i] == '"';
        if (s.open) {
            s.open = !quote;
            s.closed = quote;
        } else if (s.closed && quote) {
            s = (columns_quotes){.open = true, .inside = true};
        } else if (data[i] == ',') {
            s = (columns_quotes){0};
        } else {
            s = (columns_quotes){.open = quote && !s.inside, .inside = true};
        }
    }
    *state = s;
}

enum { MOST = 1 << 16 };

static const char *add(columns *out, const char *data, size_t n) {
    if (out->n == MOST) return "more than 65536 columns";
    if (out->n == out->capacity) {
        size_t capacity = out->capacity ? 2 * out->capacity : 16;
        column *bigger = realloc(out->items, capacity * sizeof *bigger);
        if (!bigger) return "out of memory for its columns";
        out->items = bigger;
        out->capacity = capacity;
    }
    out->items[out->n++] = (column){data, n};
    return NULL;
}

/* A quoted field that begins at data[i]: its text moves together in place. Returns where it ends, past the quote. */
static size_t unquote(char *data, size_t n, size_t i, size_t *length) {
    size_t to = i;
    for (size_t from = i + 1; from < n; from++) {
        if (data[from] == '"' && (from + 1 == n || data[from + 1] != '"')) {
            *length = to - i;
            return from + 1;
        }
        from += data[from] == '"';
        data[to++] = data[from];
    }
    return 0;
}

const char *columns_split_csv(columns *out, char *data, size_t n) {
    const char *wrong = NULL;
    out->n = 0;
    for (size_t i = 0, end; !wrong; i = end + 1) {
        size_t length;
        if (i < n && data[i] == '"') {
            end = unquote(data, n, i, &length);
            if (end == 0) return "a quote is not closed, expected another one";
            if (end < n && data[end] != ',') return "text behind a closing quote, expected a comma";
        } else {
            const char *comma = i < n ? memchr(data + i, ',', n - i) : NULL;
            end = comma ? (size_t)(comma - data) : n;
            length = end - i;
        }
        wrong = add(out, data + i, length);
        if (end >= n) break;
    }
    return wrong;
}

const char *columns_split_tsv(columns *out, const char *data, size_t n) {
    const char *wrong = NULL;
    out->n = 0;
    for (size_t i = 0, end; !wrong; i = end + 1) {
        const char *tab = i < n ? memchr(data + i, '\t', n - i) : NULL;
        end = tab ? (size_t)(tab - data) : n;
        wrong = add(out, data + i, end - i);
        if (end >= n) break;
    }
    return wrong;
}

void columns_free(columns *c) {
    free(c->items);
    *c = (columns){0};
}
