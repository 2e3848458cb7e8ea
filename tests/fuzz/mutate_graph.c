#include "engine/graph.h"
#include "tests/fuzz/mutate_lnt.h"

/* Records as docs/format.md has them. */
typedef struct value_record {
    uint32_t rows, width;
} value_record;
typedef struct tap_record {
    char name[24];
    uint32_t index, value;
} tap_record;
typedef struct op_record {
    uint32_t entry_bytes;
    uint16_t n_inputs, n_tensors;
    uint32_t output, reserved;
    char name[16];
} op_record;

enum { MOST_VALUES = 64, MOST_TAPS = 32, MOST_OPS = 64, MOST_IDS = 16, HEAD = 16 };

typedef struct op {
    op_record record;
    uint32_t ids[MOST_IDS]; /* inputs, then tensors */
    const uint8_t *attributes;
    size_t n_attributes;
} op;

typedef struct sketch {
    value_record values[MOST_VALUES];
    tap_record taps[MOST_TAPS];
    op ops[MOST_OPS];
    uint32_t n_values, n_taps, n_ops;
} sketch;

/* false: there is something that a sketch does not hold. */
static bool parse(sketch *g, const buffer *section) {
    uint32_t head[4];
    size_t at = HEAD;
    if (section->size < HEAD) return false;
    memcpy(head, section->bytes, HEAD);
    g->n_values = head[0], g->n_ops = head[1], g->n_taps = head[2];
    if (g->n_values > MOST_VALUES || g->n_taps > MOST_TAPS || g->n_ops > MOST_OPS) return false;
    if (section->size - at < g->n_values * sizeof *g->values + g->n_taps * sizeof *g->taps) return false;
    memcpy(g->values, section->bytes + at, g->n_values * sizeof *g->values);
    at += g->n_values * sizeof *g->values;
    memcpy(g->taps, section->bytes + at, g->n_taps * sizeof *g->taps);
    at += g->n_taps * sizeof *g->taps;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        op *o = &g->ops[i];
        if (section->size - at < sizeof o->record) return false;
        memcpy(&o->record, section->bytes + at, sizeof o->record);
        size_t n = (size_t)o->record.n_inputs + o->record.n_tensors, ids = (n + 1) / 2 * 8;
        if (n > MOST_IDS || o->record.entry_bytes > section->size - at || o->record.entry_bytes < sizeof o->record + ids) return false;
        memcpy(o->ids, section->bytes + at + sizeof o->record, n * 4);
        o->attributes = section->bytes + at + sizeof o->record + ids;
        o->n_attributes = o->record.entry_bytes - sizeof o->record - ids;
        at += o->record.entry_bytes;
    }
    return true;
}

static void write(const sketch *g, buffer *out) {
    uint32_t head[4] = {g->n_values, g->n_ops, g->n_taps, 0};
    buffer_append(out, head, sizeof head);
    buffer_append(out, g->values, g->n_values * sizeof *g->values);
    buffer_append(out, g->taps, g->n_taps * sizeof *g->taps);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const op *o = &g->ops[i];
        size_t start = out->size;
        buffer_append(out, &o->record, sizeof o->record);
        buffer_append(out, o->ids, ((size_t)o->record.n_inputs + o->record.n_tensors) * 4);
        buffer_align(out, 8);
        buffer_append(out, o->attributes, o->n_attributes);
        buffer_align(out, 8);
        if (!out->failed) memcpy(out->bytes + start, &(uint32_t){(uint32_t)(out->size - start)}, 4);
    }
}

static void change_value(mutate_random *r, sketch *g) {
    value_record *v = &g->values[mutate_draw(r, g->n_values)];
    switch (mutate_draw(r, 4)) {
    case 0: v->rows = (uint32_t)mutate_draw(r, 4); break;
    case 1: v->width = g->values[mutate_draw(r, g->n_values)].width; break;
    case 2: v->width = (uint32_t)mutate_number(r, v->width); break;
    default: /* one more, in the middle or behind */
        if (g->n_values < MOST_VALUES) g->values[g->n_values++] = *v;
    }
}

static void change_tap(mutate_random *r, sketch *g) {
    static const char *const NAMES[] = {"logits", "embedding", "pooled", "next_sentence", "hidden", "attention", "x"};
    if (!g->n_taps || (g->n_taps < MOST_TAPS && !mutate_draw(r, 4))) g->taps[g->n_taps++] = (tap_record){.value = (uint32_t)mutate_draw(r, g->n_values)};
    tap_record *t = &g->taps[mutate_draw(r, g->n_taps)];
    switch (mutate_draw(r, 4)) {
    case 0: strncpy(t->name, NAMES[mutate_draw(r, sizeof NAMES / sizeof *NAMES)], sizeof t->name - 1); break;
    case 1: t->index = (uint32_t)mutate_number(r, t->index); break;
    case 2: t->value = (uint32_t)mutate_draw(r, g->n_values); break;
    default: *t = g->taps[--g->n_taps];
    }
}

static void insert(sketch *g, size_t at, const op *new) {
    memmove(g->ops + at + 1, g->ops + at, (g->n_ops++ - at) * sizeof *g->ops);
    g->ops[at] = *new;
}

/* An op once more (or of another kind) behind itself, making a value of its own that all ops behind read instead of the old one, or some. */
static void repeat_op(mutate_random *r, sketch *g, size_t i) {
    if (g->n_ops == MOST_OPS || g->n_values == MOST_VALUES) return;
    op new = g->ops[i];
    uint32_t old = new.record.output, value = g->n_values;
    new.record.output = value;
    g->values[g->n_values++] = old < value ? g->values[old] : (value_record){0, 16};
    if (new.record.n_inputs && mutate_draw(r, 2)) new.ids[0] = old;
    insert(g, i + 1, &new);
    for (size_t k = i + 2; k < g->n_ops; k++)
        for (size_t n = 0; n < g->ops[k].record.n_inputs; n++)
            if (g->ops[k].ids[n] == old && mutate_draw(r, 4)) g->ops[k].ids[n] = value;
    for (size_t t = 0; t < g->n_taps; t++)
        if (g->taps[t].value == old && mutate_draw(r, 2)) g->taps[t].value = value;
}

/* The op is left out: what reads its value reads its input. */
static void bypass(mutate_random *r, sketch *g, size_t i) {
    uint32_t old = g->ops[i].record.output, input = g->ops[i].record.n_inputs ? g->ops[i].ids[0] : 0;
    memmove(g->ops + i, g->ops + i + 1, (--g->n_ops - i) * sizeof *g->ops);
    if (!mutate_draw(r, 4)) return;
    for (size_t k = i; k < g->n_ops; k++)
        for (size_t n = 0; n < g->ops[k].record.n_inputs; n++)
            if (g->ops[k].ids[n] == old) g->ops[k].ids[n] = input;
    for (size_t t = 0; t < g->n_taps; t++)
        if (g->taps[t].value == old) g->taps[t].value = input;
}

static void change_ids(mutate_random *r, op *o, const sketch *g) {
    size_t n_inputs = o->record.n_inputs, n = n_inputs + o->record.n_tensors;
    bool room = n < MOST_IDS;
    switch (mutate_draw(r, 5)) {
    case 0: /* an input more or less, before the tensors */
        if (room && mutate_draw(r, 2)) memmove(o->ids + n_inputs + 1, o->ids + n_inputs, o->record.n_tensors * 4u), o->ids[n_inputs] = (uint32_t)mutate_draw(r, g->n_values), o->record.n_inputs++;
        else if (n_inputs) memmove(o->ids + n_inputs - 1, o->ids + n_inputs, o->record.n_tensors * 4u), o->record.n_inputs--;
        break;
    case 1:
        if (room && mutate_draw(r, 2)) o->ids[n] = (uint32_t)mutate_draw(r, 16), o->record.n_tensors++;
        else if (o->record.n_tensors) o->record.n_tensors--;
        break;
    case 2: o->record.output = (uint32_t)mutate_draw(r, g->n_values + 1); break;
    default:
        if (n) n_inputs = mutate_draw(r, n), o->ids[n_inputs] = n_inputs < o->record.n_inputs ? (uint32_t)mutate_draw(r, g->n_values + 1) : (uint32_t)mutate_draw(r, 20);
    }
}

static void change_op(mutate_random *r, sketch *g) {
    static buffer attributes;
    size_t i = mutate_draw(r, g->n_ops), j = mutate_draw(r, g->n_ops);
    op *o = &g->ops[i], old = *o;
    switch (mutate_draw(r, 10)) {
    case 0: repeat_op(r, g, i); break;
    case 1: bypass(r, g, i); break;
    case 2: *o = g->ops[j], g->ops[j] = old; break;
    case 3: strncpy(o->record.name, graph_op_name((graph_op_kind)mutate_draw(r, OP_KINDS)), sizeof o->record.name); break;
    case 4: case 5: case 6: change_ids(r, o, g); break;
    default:
        attributes.size = 0;
        buffer_append(&attributes, o->attributes, o->n_attributes);
        mutate_block(r, &attributes);
        o->attributes = attributes.bytes;
        o->n_attributes = attributes.size;
    }
}

void mutate_graph(mutate_random *r, buffer *section) {
    static sketch g;
    static buffer out;
    if (!parse(&g, section) || !g.n_values || !g.n_ops) return;
    size_t what = mutate_draw(r, 8);
    if (what == 0) change_value(r, &g);
    else if (what == 1) change_tap(r, &g);
    else change_op(r, &g);
    out.size = 0;
    write(&g, &out);
    buffer swapped = *section;
    *section = out, out = swapped;
}

void mutate_graph_numbers(buffer *section, uint64_t from, uint64_t to) {
    static sketch g;
    static buffer out, attributes[MOST_OPS];
    if (!parse(&g, section)) return;
    for (uint32_t i = 0; i < g.n_values; i++)
        for (uint32_t k = 1; k <= 3; k++)
            if (g.values[i].width == from * k) {
                g.values[i].width = (uint32_t)to * k;
                break;
            }
    for (uint32_t i = 0; i < g.n_ops; i++) {
        attributes[i].size = 0;
        buffer_append(&attributes[i], g.ops[i].attributes, g.ops[i].n_attributes);
        mutate_block_numbers(&attributes[i], from, to);
        g.ops[i].attributes = attributes[i].bytes;
    }
    out.size = 0;
    write(&g, &out);
    buffer swapped = *section;
    *section = out, out = swapped;
}
