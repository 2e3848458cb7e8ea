#include "engine/model.h"
#include "engine/unicode.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double mib(uint64_t bytes) { return (double)bytes / 1048576; }

/* "q8 37, f32 62": how many tensors and bytes of each type. */
static void sum_types(const lnt_model *m, uint64_t *count, uint64_t *bytes) {
    for (size_t i = 0; i < m->file.n_tensors; i++) {
        count[m->file.tensors[i].type]++;
        bytes[m->file.tensors[i].type] += m->file.tensors[i].size;
    }
}

static const char *rows_name(graph_rows rows) { return (const char *const[ROWS_KINDS]){"tokens", "outputs", "sequences"}[rows]; }

/* ---- JSON: what cannot be made for want of memory is NULL, and so is all that should hold it ---- */

static bool is_utf8(const char *s, size_t n) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < n; i += n_bytes)
        if (unicode_next((const unsigned char *)s + i, n - i, &n_bytes) == UNICODE_INVALID) return false;
    return true;
}

/* Of a text with bytes that are not UTF-8 those beyond ASCII become '?'. */
static json_t *string_of(const char *s, size_t n) {
    if (is_utf8(s, n)) return json_stringn(s, n);
    char *copy = malloc(n + 1);
    for (size_t i = 0; copy && i < n; i++) copy[i] = s[i] & 0x80 ? '?' : s[i];
    json_t *j = copy ? json_stringn(copy, n) : NULL;
    free(copy);
    return j;
}

/* jansson's own take NULL for an error too, and let go of value whatever comes. */
static void put(json_t **object, const char *key, json_t *value) {
    if (!json_object_set_new(*object, key, value)) return;
    json_decref(*object);
    *object = NULL;
}
static void append(json_t **list, json_t *value) {
    if (!json_array_append_new(*list, value)) return;
    json_decref(*list);
    *list = NULL;
}

static double real_of(const kv_entry *e) {
    double d;
    memcpy(&d, e->payload, sizeof d);
    return d;
}

/* JSON has no other numbers than finite ones. */
static json_t *real_json(double d) { return isfinite(d) ? json_real(d) : json_null(); }

static json_t *array_json(const kv_entry *e) {
    json_t *list = json_array();
    for (uint64_t i = 0; i < e->count; i++) {
        size_t n = 0;
        const char *s = e->type == KV_STRINGS ? kv_string_at(e, i, &n) : NULL;
        append(&list, s ? string_of(s, n) : e->type == KV_U32S ? json_integer(kv_u32s(e)[i]) : real_json((double)kv_f32s(e)[i]));
    }
    return list;
}

static json_t *entry_json(const kv_entry *e) {
    uint64_t u;
    int64_t i;
    memcpy(&u, e->payload, e->type <= KV_BOOL ? 8 : 0);
    memcpy(&i, e->payload, e->type <= KV_BOOL ? 8 : 0);
    switch (e->type) {
    case KV_U64: return json_integer((json_int_t)u);
    case KV_I64: return json_integer((json_int_t)i);
    case KV_F64: return real_json(real_of(e));
    case KV_BOOL: return json_boolean(u);
    case KV_STRING: return string_of(e->payload, (size_t)e->count);
    default: return array_json(e);
    }
}

static json_t *metadata_json(const lnt_model *m) {
    json_t *o = json_object();
    size_t at = 0;
    for (kv_entry e; kv_next(&m->metadata, &at, &e);) put(&o, e.key, entry_json(&e));
    return o;
}

static json_t *tensors_json(const lnt_model *m) {
    json_t *list = json_array();
    for (size_t i = 0; i < m->file.n_tensors; i++) {
        const lnt_tensor *t = &m->file.tensors[i];
        append(&list, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "name", t->name, "type", tensor_type_name(t->type), "layout",
                                              tensor_layout_name(t->layout), "n", (json_int_t)t->n, "k", (json_int_t)t->k, "offset",
                                              (json_int_t)t->offset, "bytes", (json_int_t)t->size));
    }
    return list;
}

static json_t *graph_json(const lnt_model *m) {
    json_t *ops = json_array(), *taps = json_array();
    for (size_t i = 0; i < m->graph.n_ops; i++) {
        const graph_op *op = &m->graph.ops[i];
        json_t *in = json_array(), *tensors = json_array();
        for (int k = 0; k < OP_INPUTS && op->inputs[k] != GRAPH_NONE; k++) append(&in, json_integer(op->inputs[k]));
        for (int k = 0; k < OP_TENSORS && op->tensors[k] != GRAPH_NONE; k++) append(&tensors, json_string(m->file.tensors[op->tensors[k]].name));
        append(&ops, json_pack("{s:s, s:o, s:o, s:i, s:s, s:I}", "op", graph_op_name(op->kind), "inputs", in, "tensors", tensors, "output",
                                             op->output, "rows", rows_name(m->graph.values[op->output].rows), "width",
                                             (json_int_t)m->graph.values[op->output].width));
    }
    for (size_t i = 0; i < m->graph.n_taps; i++)
        append(&taps, json_pack("{s:s, s:i, s:i}", "name", m->graph.taps[i].name, "index", (int)m->graph.taps[i].index, "value",
                                              m->graph.taps[i].value));
    return json_pack("{s:o, s:o}", "ops", ops, "taps", taps);
}

static int describe_json(const lnt_model *m, unsigned flags, FILE *out, lnt_error *err) {
    uint64_t count[TENSOR_TYPES] = {0}, bytes[TENSOR_TYPES] = {0};
    sum_types(m, count, bytes);
    json_t *o = json_object(), *sections = json_object(), *types = json_object();
    for (int s = 0; s < SECTIONS; s++) put(&sections, lnt_section_name((lnt_section)s), json_integer((json_int_t)m->file.sections[s].size));
    for (int t = 0; t < TENSOR_TYPES; t++)
        if (count[t])
            put(&types, tensor_type_name((tensor_type)t), json_pack("{s:I, s:I}", "tensors", (json_int_t)count[t], "bytes", (json_int_t)bytes[t]));
    put(&o, "path", string_of(m->file.path, strlen(m->file.path)));
    put(&o, "file_bytes", json_integer((json_int_t)m->file.mapped.size));
    put(&o, "parameters", json_integer((json_int_t)m->info.n_parameters));
    put(&o, "sections", sections);
    put(&o, "types", types);
    put(&o, "metadata", metadata_json(m));
    if (flags & LNT_DESCRIBE_TENSORS) put(&o, "tensors", tensors_json(m));
    if (flags & LNT_DESCRIBE_GRAPH) put(&o, "graph", graph_json(m));
    int rc = o ? json_dumpf(o, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) : -1;
    json_decref(o);
    fputc('\n', out);
    if (ferror(out)) return err_set(err, "%s: cannot be described: writing failed", m->file.path);
    return rc ? err_set(err, "%s: cannot be described: out of memory", m->file.path) : 0;
}

/* ---- for people ---- */

/* A line for a terminal: control characters of a file become '?', those of U+0080 to U+009F too. */
static void print_text(const char *s, FILE *out) {
    for (; *s; s++) {
        bool wide = s[0] == '\xc2' && (s[1] & 0xe0) == 0x80;
        fputc((unsigned char)*s < 0x20 || *s == 0x7f || wide ? '?' : *s, out);
        if (wide) s++;
    }
    fputc('\n', out);
}

/* A few numbers as they are; of more, and of strings, how many. */
static void print_array(const kv_entry *e, FILE *out) {
    enum { FEW = 8 };
    if (e->type == KV_STRINGS || e->count > FEW) fprintf(out, "%llu values", (unsigned long long)e->count);
    else
        for (uint64_t i = 0; i < e->count; i++) {
            if (e->type == KV_U32S) fprintf(out, "%s%u", i ? " " : "", kv_u32s(e)[i]);
            else fprintf(out, "%s%.6g", i ? " " : "", (double)kv_f32s(e)[i]);
        }
    fputc('\n', out);
}

/* -1: memory is out. */
static int print_entry(const kv_entry *e, FILE *out) {
    fprintf(out, "  %-24s ", e->key);
    if (e->type > KV_STRING) {
        print_array(e, out);
        return 0;
    }
    json_t *v = entry_json(e);
    if (!v) return -1;
    if (e->type == KV_STRING) print_text(json_string_value(v), out);
    else if (e->type == KV_F64) fprintf(out, "%.6g\n", real_of(e));
    else if (e->type == KV_BOOL) fprintf(out, "%s\n", json_is_true(v) ? "yes" : "no");
    else fprintf(out, "%lld\n", (long long)json_integer_value(v));
    json_decref(v);
    return 0;
}

static void print_tensors(const lnt_model *m, FILE *out) {
    fprintf(out, "tensors\n");
    for (size_t i = 0; i < m->file.n_tensors; i++) {
        const lnt_tensor *t = &m->file.tensors[i];
        fprintf(out, "  %-40s %-4s %-6s %8llu x %-8llu %12llu bytes\n", t->name, tensor_type_name(t->type), tensor_layout_name(t->layout),
                (unsigned long long)t->n, (unsigned long long)t->k, (unsigned long long)t->size);
    }
}

static void print_graph(const lnt_model *m, FILE *out) {
    fprintf(out, "graph\n");
    for (size_t i = 0; i < m->graph.n_ops; i++) {
        const graph_op *op = &m->graph.ops[i];
        const graph_value *v = &m->graph.values[op->output];
        fprintf(out, "  %%%d [%s][%u] = %s(", op->output, rows_name(v->rows), v->width, graph_op_name(op->kind));
        for (int k = 0; k < OP_INPUTS && op->inputs[k] != GRAPH_NONE; k++) fprintf(out, "%s%%%d", k ? ", " : "", op->inputs[k]);
        fprintf(out, ")");
        for (int k = 0; k < OP_TENSORS && op->tensors[k] != GRAPH_NONE; k++) fprintf(out, " %s", m->file.tensors[op->tensors[k]].name);
        if (graph_op_choice(op)) fprintf(out, " %s", graph_op_choice(op));
        fprintf(out, "\n");
    }
}

int lnt_describe(const lnt_model *m, unsigned flags, FILE *out, lnt_error *err) {
    if (flags & LNT_DESCRIBE_JSON) return describe_json(m, flags, out, err);
    uint64_t count[TENSOR_TYPES] = {0}, bytes[TENSOR_TYPES] = {0};
    sum_types(m, count, bytes);
    fprintf(out, "%s: %.2f MiB, %.2f million parameters\nparts\n", m->file.path, mib(m->file.mapped.size), (double)m->info.n_parameters * 1e-6);
    for (int s = 0; s < SECTIONS; s++)
        if (m->file.sections[s].bytes) fprintf(out, "  %-24s %.3f MiB\n", lnt_section_name((lnt_section)s), mib(m->file.sections[s].size));
    for (int t = 0; t < TENSOR_TYPES; t++)
        if (count[t]) fprintf(out, "  %-24s %.3f MiB in %llu tensors\n", tensor_type_name((tensor_type)t), mib(bytes[t]), (unsigned long long)count[t]);
    fprintf(out, "metadata\n");
    size_t at = 0;
    for (kv_entry e; kv_next(&m->metadata, &at, &e);)
        if (print_entry(&e, out)) return err_set(err, "%s: cannot be described: out of memory", m->file.path);
    if (flags & LNT_DESCRIBE_TENSORS) print_tensors(m, out);
    if (flags & LNT_DESCRIBE_GRAPH) print_graph(m, out);
    return ferror(out) ? err_set(err, "%s: cannot be described: writing failed", m->file.path) : 0;
}
