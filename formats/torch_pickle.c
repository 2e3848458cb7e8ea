#include "formats/torch_pickle.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 16, NAME_ROOM = 512 };

typedef enum kind {
    UNSET,   /* a hole in the memo */
    MARK,
    NONE,
    INT,     /* i; booleans too */
    FLOAT,   /* no tensor needs its value */
    STRING,  /* count bytes of the pickle at i */
    GLOBAL,  /* GLOBALS[i] */
    TUPLE,   /* count items at i */
    LIST,    /* its items are not kept */
    DICT,    /* dicts[i] */
    STORAGE, /* its five properties: items at i */
    TENSOR,  /* its count arguments: items at i */
} kind;

typedef struct value {
    kind kind;
    uint32_t count;
    int64_t i;
} value;

/* Grows by what an opcode puts on the stack, so that the pickle's size bounds all of them. */
typedef struct values {
    value *at;
    size_t n, capacity;
} values;

/* Pairs of a dictionary that were added together: n pairs of items at first. */
typedef struct pairs {
    size_t first, n, next; /* next: index + 1 */
} pairs;

typedef struct dict {
    size_t first, last; /* index + 1 in pairs */
    bool listed;
} dict;

typedef struct machine {
    const unsigned char *bytes;
    size_t n, at;
    const char *path;
    lnt_error *err;
    values stack, items, memo;
    pairs *pairs;
    size_t n_pairs, pairs_capacity;
    dict *dicts;
    size_t n_dicts, dicts_capacity;
} machine;

typedef enum global_kind { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, SIZE, STORAGE_CLASS } global_kind;

static const struct global {
    const char *module, *name;
    global_kind kind;
    checkpoint_dtype dtype;
} GLOBALS[] = {
    {"collections", "OrderedDict", ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", REBUILD_PARAMETER, 0},
    {"torch", "Size", SIZE, 0},
    {"torch", "FloatStorage", STORAGE_CLASS, CHECKPOINT_F32},
    {"torch", "HalfStorage", STORAGE_CLASS, CHECKPOINT_F16},
    {"torch", "BFloat16Storage", STORAGE_CLASS, CHECKPOINT_BF16},
    {"torch", "DoubleStorage", STORAGE_CLASS, CHECKPOINT_F64},
    {"torch", "BoolStorage", STORAGE_CLASS, CHECKPOINT_BOOL},
    {"torch", "ByteStorage", STORAGE_CLASS, CHECKPOINT_U8},
    {"torch", "CharStorage", STORAGE_CLASS, CHECKPOINT_I8},
    {"torch", "ShortStorage", STORAGE_CLASS, CHECKPOINT_I16},
    {"torch", "IntStorage", STORAGE_CLASS, CHECKPOINT_I32},
    {"torch", "LongStorage", STORAGE_CLASS, CHECKPOINT_I64},
};

/* ---- the machine ---- */

#define PICKLE_ERROR(m, format, ...) err_set((m)->err, "%s: pickle: " format, (m)->path, ##__VA_ARGS__)

static int damaged(const machine *m, const char *expected) {
    return PICKLE_ERROR(m, "damaged at byte %zu, expected %s", m->at, expected);
}

static void *grow(const machine *m, void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity) return array;
    size_t wanted = n < 64 ? 64 : 2 * n;
    void *grown = realloc(array, wanted * size);
    if (grown) *capacity = wanted;
    else err_memory(m->err, wanted * size, m->path);
    return grown;
}

static int push_to(const machine *m, values *v, value x) {
    value *grown = grow(m, v->at, v->n, &v->capacity, sizeof x);
    if (!grown) return -1;
    v->at = grown;
    v->at[v->n++] = x;
    return 0;
}

static int push(machine *m, kind kind, size_t count, int64_t i) {
    return push_to(m, &m->stack, (value){kind, (uint32_t)count, i});
}

/* The topmost value stays where it is until something is pushed. */
static value *pop(machine *m) {
    if (!m->stack.n || m->stack.at[m->stack.n - 1].kind == MARK) return damaged(m, "a value on the stack"), NULL;
    return &m->stack.at[--m->stack.n];
}

static value *top(machine *m, kind kind, const char *expected) {
    value *v = m->stack.n ? &m->stack.at[m->stack.n - 1] : NULL;
    return v && v->kind == kind ? v : (damaged(m, expected), NULL);
}

/* Takes all values down to the topmost mark, and the mark: *n of them, where the returned pointer says. */
static value *pop_to_mark(machine *m, size_t *n) {
    size_t at = m->stack.n;
    while (at && m->stack.at[at - 1].kind != MARK) at--;
    if (!at) return damaged(m, "a mark on the stack"), NULL;
    *n = m->stack.n - at;
    m->stack.n = at - 1;
    return m->stack.at + at;
}

static const unsigned char *take(machine *m, size_t n) {
    if (n > m->n - m->at) return damaged(m, "more bytes: it is cut off"), NULL;
    m->at += n;
    return m->bytes + m->at - n;
}

/* The next n <= 4 bytes, little-endian. */
static int take_number(machine *m, size_t n, uint32_t *out) {
    const unsigned char *p = take(m, n);
    *out = 0;
    for (size_t i = n; p && i-- > 0;) *out = *out << 8 | p[i];
    return p ? 0 : -1;
}

/* ---- opcodes ---- */

static int push_number(machine *m, size_t n) {
    uint32_t v;
    return take_number(m, n, &v) ? -1 : push(m, INT, 0, n == 4 ? (int32_t)v : (int64_t)v);
}

/* LONG1: a length, and that many bytes of two's complement. */
static int push_long(machine *m) {
    uint32_t n;
    const unsigned char *p;
    if (take_number(m, 1, &n) || !(p = take(m, n))) return -1;
    if (n > 8) return damaged(m, "a number of at most 64 bits");
    uint64_t v = n && p[n - 1] & 0x80 ? ~(uint64_t)0 : 0;
    while (n) v = v << 8 | p[--n];
    return push(m, INT, 0, (int64_t)v);
}

static int push_string(machine *m) {
    uint32_t n;
    const unsigned char *p;
    if (take_number(m, 4, &n) || !(p = take(m, n))) return -1;
    return push(m, STRING, n, p - m->bytes);
}

static const char *take_line(machine *m, int *n) {
    const unsigned char *p = m->bytes + m->at, *end = memchr(p, '\n', m->n - m->at);
    if (!end || end - p > 255) return damaged(m, "a name and a line break"), NULL;
    *n = (int)(end - p);
    m->at += (size_t)*n + 1;
    return (const char *)p;
}

static bool equals(const char *s, const char *p, int n) { return strlen(s) == (size_t)n && !memcmp(s, p, (size_t)n); }

static int push_global(machine *m) {
    int a, b;
    const char *module = take_line(m, &a), *name = module ? take_line(m, &b) : NULL;
    if (!name) return -1;
    for (size_t i = 0; i < sizeof GLOBALS / sizeof *GLOBALS; i++)
        if (equals(GLOBALS[i].module, module, a) && equals(GLOBALS[i].name, name, b))
            return push(m, GLOBAL, 0, (int64_t)i);
    return PICKLE_ERROR(m, "'%.*s.%.*s' is not allowed, expected only what tensors and their dictionaries take",
                        a < 80 ? a : 80, module, b < 80 ? b : 80, name);
}

static int push_dict(machine *m) {
    dict *grown = grow(m, m->dicts, m->n_dicts, &m->dicts_capacity, sizeof *grown);
    if (!grown) return -1;
    m->dicts = grown;
    m->dicts[m->n_dicts] = (dict){0};
    return push(m, DICT, 0, (int64_t)m->n_dicts++);
}

static int push_tuple(machine *m, const value *v, size_t n) {
    size_t first = m->items.n;
    for (size_t i = 0; i < n; i++)
        if (push_to(m, &m->items, v[i])) return -1;
    return push(m, TUPLE, n, (int64_t)first);
}

/* TUPLE1 to TUPLE3 */
static int push_short_tuple(machine *m, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!pop(m)) return -1;
    return push_tuple(m, m->stack.at + m->stack.n, n); // NOLINT(clang-analyzer-unix.Malloc): the stack is the machine's, which frees it
}

static int push_long_tuple(machine *m) {
    size_t n;
    value *v = pop_to_mark(m, &n);
    return v ? push_tuple(m, v, n) : -1;
}

/* n values, keys and values in turn, lie at v just above the dictionary on the stack. */
static int set_items(machine *m, const value *v, size_t n) {
    value *owner = top(m, DICT, "a dictionary on the stack");
    if (!owner) return -1;
    if (n % 2) return damaged(m, "a value for every key");
    pairs *grown = grow(m, m->pairs, m->n_pairs, &m->pairs_capacity, sizeof *grown);
    if (!grown) return -1;
    m->pairs = grown;
    m->pairs[m->n_pairs++] = (pairs){m->items.n, n / 2, 0};
    dict *d = &m->dicts[owner->i];
    if (d->last) m->pairs[d->last - 1].next = m->n_pairs;
    else d->first = m->n_pairs;
    d->last = m->n_pairs;
    for (size_t i = 0; i < n; i++)
        if (push_to(m, &m->items, v[i])) return -1;
    return 0;
}

static int set_one_item(machine *m) { return pop(m) && pop(m) ? set_items(m, m->stack.at + m->stack.n, 2) : -1; }

static int set_marked_items(machine *m) {
    size_t n;
    value *v = pop_to_mark(m, &n);
    return v ? set_items(m, v, n) : -1;
}

static int append(machine *m, bool marked) {
    size_t n;
    if (marked ? !pop_to_mark(m, &n) : !pop(m)) return -1;
    return top(m, LIST, "a list on the stack") ? 0 : -1;
}

/* BUILD gives an object its attributes: a state_dict's _metadata, which says nothing about tensors. */
static int skip_state(machine *m) { return pop(m) && top(m, DICT, "a dictionary on the stack") ? 0 : -1; }

static int put(machine *m, size_t index_bytes) {
    uint32_t index;
    if (take_number(m, index_bytes, &index)) return -1;
    if (index >= m->n || !m->stack.n || m->stack.at[m->stack.n - 1].kind == MARK)
        return damaged(m, "a value to remember");
    while (m->memo.n <= index)
        if (push_to(m, &m->memo, (value){0})) return -1;
    m->memo.at[index] = m->stack.at[m->stack.n - 1];
    return 0;
}

static int get(machine *m, size_t index_bytes) {
    uint32_t index;
    if (take_number(m, index_bytes, &index)) return -1;
    if (index >= m->memo.n || m->memo.at[index].kind == UNSET) return damaged(m, "a value that was remembered before");
    return push_to(m, &m->stack, m->memo.at[index]);
}

/* BINPERSID: ("storage", class, key, device, elements). */
static int push_storage(machine *m) {
    value *v = pop(m);
    if (!v) return -1;
    if (v->kind != TUPLE || v->count != 5) return damaged(m, "a storage's five properties");
    return push(m, STORAGE, 0, v->i);
}

static int reduce(machine *m) {
    value *arguments = pop(m), *callable = arguments ? pop(m) : NULL;
    if (!callable) return -1;
    if (callable->kind != GLOBAL || arguments->kind != TUPLE)
        return damaged(m, "something allowed to call, and a tuple");
    uint32_t n = arguments->count;
    const value *a = n ? m->items.at + arguments->i : NULL;
    switch (GLOBALS[callable->i].kind) {
    case ORDERED_DICT: return n == 0 ? push_dict(m) : damaged(m, "an OrderedDict without arguments");
    case REBUILD_TENSOR:
        return n == 6 || n == 7 ? push(m, TENSOR, n, arguments->i) : damaged(m, "the 6 arguments of a tensor");
    case REBUILD_PARAMETER:
        return n == 3 && a->kind == TENSOR ? push_to(m, &m->stack, *a) : damaged(m, "the tensor of a parameter");
    case SIZE: return n == 1 && a->kind == TUPLE ? push_to(m, &m->stack, *a) : damaged(m, "the tuple of a size");
    default: return damaged(m, "a storage to be named, not called");
    }
}

static int step(machine *m, unsigned char opcode) {
    switch (opcode) {
    case '(': return push(m, MARK, 0, 0);
    case 'N': return push(m, NONE, 0, 0);
    case 0x88: return push(m, INT, 0, 1);
    case 0x89: return push(m, INT, 0, 0);
    case 'J': return push_number(m, 4);
    case 'K': return push_number(m, 1);
    case 'M': return push_number(m, 2);
    case 0x8a: return push_long(m);
    case 'G': return take(m, 8) ? push(m, FLOAT, 0, 0) : -1;
    case 'X': return push_string(m);
    case 'c': return push_global(m);
    case ')': return push_tuple(m, NULL, 0);
    case 0x85: return push_short_tuple(m, 1);
    case 0x86: return push_short_tuple(m, 2);
    case 0x87: return push_short_tuple(m, 3);
    case 't': return push_long_tuple(m);
    case ']': return push(m, LIST, 0, 0);
    case 'a': return append(m, false);
    case 'e': return append(m, true);
    case '}': return push_dict(m);
    case 's': return set_one_item(m);
    case 'u': return set_marked_items(m);
    case 'q': return put(m, 1);
    case 'r': return put(m, 4);
    case 'h': return get(m, 1);
    case 'j': return get(m, 4);
    case 'Q': return push_storage(m);
    case 'R': return reduce(m);
    case 'b': return skip_state(m);
    default:
        return PICKLE_ERROR(m, "opcode 0x%02x at byte %zu is not allowed, expected what torch.save writes of tensors",
                            opcode, m->at - 1);
    }
}

/* Up to STOP, which must leave one value, a dictionary, and nothing behind it. */
static int run(machine *m) {
    const unsigned char *p = take(m, 2);
    if (!p) return -1;
    if (p[0] != 0x80 || p[1] != 2)
        return PICKLE_ERROR(m, "does not begin with protocol 2, expected what torch.save writes");
    while ((p = take(m, 1)) && *p != '.')
        if (step(m, *p)) return -1;
    if (!p) return -1;
    if (m->at != m->n || m->stack.n != 1) return damaged(m, "its end after one value");
    return top(m, DICT, "a dictionary of tensors (a state_dict)") ? 0 : -1;
}

/* ---- what it holds ---- */

/* A tuple of numbers >= 0 into out; false if it is something else or longer than n dimensions can be. */
static bool get_sizes(const machine *m, const value *tuple, uint64_t *out, uint32_t *n) {
    if (tuple->kind != TUPLE || tuple->count > CHECKPOINT_MAX_DIMS) return false;
    for (*n = 0; *n < tuple->count; ++*n) {
        const value *v = &m->items.at[tuple->i + *n];
        if (v->kind != INT || v->i < 0) return false;
        out[*n] = (uint64_t)v->i;
    }
    return true;
}

static bool get_storage(const machine *m, const value *storage, torch_tensor *t) {
    if (storage->kind != STORAGE) return false;
    const value *tag = &m->items.at[storage->i], *class = tag + 1, *key = tag + 2, *elements = tag + 4;
    if (tag->kind != STRING || !equals("storage", (const char *)m->bytes + tag->i, (int)tag->count)) return false;
    if (class->kind != GLOBAL || GLOBALS[class->i].kind != STORAGE_CLASS || key->kind != STRING) return false;
    if (elements->kind != INT || elements->i < 0) return false;
    t->dtype = GLOBALS[class->i].dtype;
    t->key = (const char *)m->bytes + key->i;
    t->key_bytes = key->count;
    t->storage_elements = (uint64_t)elements->i;
    return true;
}

/* (storage, offset, sizes, strides, requires_grad, hooks), and marks of a lazy view, if there are any. */
static int get_tensor(const machine *m, const value *tensor, torch_tensor *t) {
    const value *a = &m->items.at[tensor->i];
    uint32_t n_strides;
    if (tensor->count != 6)
        return TENSOR_ERROR(m->err, m->path, t->name,
                            "is a conjugated or negated view, expected one with its values as they are");
    if (!get_storage(m, &a[0], t)) return TENSOR_ERROR(m->err, m->path, t->name, "has no storage that can be read");
    if (a[1].kind != INT || a[1].i < 0) return TENSOR_ERROR(m->err, m->path, t->name, "has no offset from 0 on");
    t->offset = (uint64_t)a[1].i;
    if (!get_sizes(m, &a[2], t->dims, &t->n_dims) || !get_sizes(m, &a[3], t->strides, &n_strides) ||
        n_strides != t->n_dims)
        return TENSOR_ERROR(m->err, m->path, t->name,
                            "has no shape that can be read, expected at most %d sizes and as many strides",
                            CHECKPOINT_MAX_DIMS);
    return 0;
}

typedef struct place {
    size_t pairs, pair; /* the next one: index + 1, and the pair in it */
    size_t name_bytes;  /* of the dictionary's own name and the dot */
} place;

typedef struct walk {
    const machine *m;
    place stack[MAX_DEPTH];
    size_t depth;
    char name[NAME_ROOM];
} walk;

/* Writes a key behind the name of the dictionary it is in. */
static int add_name(walk *w, const value *key, size_t from) {
    const machine *m = w->m;
    char number[24];
    const char *text = key->kind == STRING ? (const char *)m->bytes + key->i : number;
    size_t n = key->count;
    if (key->kind == INT) {
        n = (size_t)snprintf(number, sizeof number, "%lld", (long long)key->i);
    } else if (key->kind != STRING) {
        return PICKLE_ERROR(m, "a key in '%.*s' is neither text nor a number", (int)from, w->name);
    }
    if (n >= NAME_ROOM - 1 - from || memchr(text, 0, n))
        return PICKLE_ERROR(m, "a name in '%.*s' cannot be used, expected at most %d bytes without NUL", (int)from,
                            w->name, NAME_ROOM - 2);
    memcpy(w->name + from, text, n);
    w->name[from + n] = 0;
    return 0;
}

/* Goes into a dictionary, whose name is complete. */
static int enter(walk *w, const value *v) {
    const machine *m = w->m;
    dict *d = &m->dicts[v->i];
    size_t n = strlen(w->name);
    if (d->listed) return PICKLE_ERROR(m, "'%s' stands elsewhere too, expected a dictionary of its own", w->name);
    if (w->depth == MAX_DEPTH) return PICKLE_ERROR(m, "'%s' is a dictionary more than %d deep", w->name, MAX_DEPTH);
    d->listed = true;
    if (w->depth) w->name[n++] = '.';
    w->stack[w->depth++] = (place){d->first, 0, n};
    return 0;
}

static int list_tensors(const machine *m, int (*found)(void *user, const torch_tensor *t, lnt_error *err), void *user) {
    walk w = {.m = m};
    if (enter(&w, &m->stack.at[0])) return -1;
    while (w.depth) {
        place *p = &w.stack[w.depth - 1];
        if (!p->pairs) {
            w.depth--;
            continue;
        }
        const pairs *some = &m->pairs[p->pairs - 1];
        if (p->pair == some->n) {
            *p = (place){some->next, 0, p->name_bytes};
            continue;
        }
        const value *key = &m->items.at[some->first + 2 * p->pair++], *v = key + 1;
        torch_tensor t = {.name = w.name};
        if (v->kind != TENSOR && v->kind != DICT) continue;
        if (add_name(&w, key, p->name_bytes)) return -1;
        if (v->kind == DICT ? enter(&w, v) : get_tensor(m, v, &t) || found(user, &t, m->err)) return -1;
    }
    return 0;
}

int torch_pickle_read(const unsigned char *bytes, size_t n, const char *path,
                      int (*found)(void *user, const torch_tensor *t, lnt_error *err), void *user, lnt_error *err) {
    if (n > TORCH_PICKLE_MAX)
        return err_set(err, "%s: pickle: has %zu bytes, expected at most %d", path, n, TORCH_PICKLE_MAX);
    machine m = {.bytes = bytes, .n = n, .path = path, .err = err};
    int rc = run(&m) || list_tensors(&m, found, user) ? -1 : 0;
    free(m.stack.at);
    free(m.items.at);
    free(m.memo.at);
    free(m.pairs);
    free(m.dicts);
    return rc;
}
