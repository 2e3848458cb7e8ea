#include "convert/sentence.h"
#include "convert/layers.h"
#include "formats/file.h"
#include "simd/kernels.h"
#include <string.h>

/* ---- modules.json ---- */

typedef struct module {
    const char *type; /* the class's name, without its package */
    char folder[4096];
} module;

/* *modules NULL: there is none. */
static int open_modules(const char *folder, json_t **modules, lnt_error *err) {
    char path[4096];
    bool found = false;
    *modules = NULL;
    if (snprintf(path, sizeof path, "%s/modules.json", folder) < (int)sizeof path && file_exists(path, &found, err)) return -1;
    return found && !(*modules = json_array_open(path, err)) ? -1 : 0;
}

static bool inside(const char *path) { return path[0] != '/' && strncmp(path, "..", 2) && !strstr(path, "/.."); }

static int read_module(const json_t *modules, size_t i, const char *folder, module *m, lnt_error *err) {
    static const char PACKAGE[] = "sentence_transformers.";
    const json_t *entry = json_array_get(modules, i);
    const char *type = json_string_value(json_object_get(entry, "type")), *path = json_string_value(json_object_get(entry, "path"));
    if (!type || !path || !inside(path))
        return err_set(err, "%s/modules.json: module %zu has no type or no path, expected a class and a folder inside", folder, i);
    if (strncmp(type, PACKAGE, sizeof PACKAGE - 1))
        return err_set(err, "%s/modules.json: module '%s' is not sentence-transformers' own, which is not supported", folder, type);
    m->type = strrchr(type, '.') + 1;
    if (snprintf(m->folder, sizeof m->folder, "%s%s%s", folder, *path ? "/" : "", path) >= 4000) return err_set(err, "%s: the path is too long", folder);
    return 0;
}

int sentence_folder(const char *folder, char out[4000], bool *modules, lnt_error *err) {
    module first;
    json_t *list;
    int rc = open_modules(folder, &list, err);
    *modules = list;
    if (rc) return -1;
    if (!list) rc = snprintf(out, 4000, "%s", folder) < 4000 ? 0 : err_set(err, "%s: the path is too long", folder);
    else if (read_module(list, 0, folder, &first, err)) rc = -1;
    else if (strcmp(first.type, "Transformer")) rc = err_set(err, "%s/modules.json: the first module is '%s', expected Transformer", folder, first.type);
    else strcpy(out, first.folder);
    json_decref(list);
    return rc;
}

/* ---- the modules behind the transformer ---- */

/* Each kind of pooling by the old setting that chooses it, and by its name. */
static const struct pooling {
    const char *key, *name;
    int kind; /* pooling_kind */
} POOLING[] = {
    {"pooling_mode_cls_token", "cls", POOL_FIRST},
    {"pooling_mode_max_tokens", "max", POOL_MAX},
    {"pooling_mode_mean_tokens", "mean", POOL_MEAN},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", POOL_MEAN_SQRT},
    {"pooling_mode_weightedmean_tokens", "weightedmean", POOL_WEIGHTED_MEAN},
    {"pooling_mode_lasttoken", "lasttoken", POOL_LAST},
};
enum { N_POOLING = sizeof POOLING / sizeof *POOLING };

static int pooling_by_name(json_file *c, const json_t *mode, int *kind, lnt_error *err) {
    if (json_array_size(mode) == 1) mode = json_array_get(mode, 0);
    if (json_array_size(mode) > 1) return err_set(err, "%s: 'pooling_mode' names several at once, which is not supported", c->path);
    const char *name = json_string_value(mode);
    for (int i = 0; name && i < N_POOLING; i++)
        if (!strcmp(name, POOLING[i].name)) return *kind = POOLING[i].kind, 0;
    return err_set(err, "%s: 'pooling_mode' is '%s', expected cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken", c->path,
                   name ? name : "(not a string)");
}

static int pooling_by_flags(json_file *c, int *kind, lnt_error *err) {
    const char *chosen = NULL;
    for (int i = 0; i < N_POOLING; i++) {
        bool on = false;
        if (json_file_bool(c, POOLING[i].key, &on, err)) return -1;
        if (on && chosen) return err_set(err, "%s: '%s' and '%s' are both true, which is not supported", c->path, chosen, POOLING[i].key);
        if (on) chosen = POOLING[i].key, *kind = POOLING[i].kind;
    }
    return 0;
}

static bool has_prompts(const family *f) {
    json_file c;
    bool found, any = false;
    const char *name;
    json_t *text;
    if (family_file(&c, f->s->path, "config_sentence_transformers.json", &found, NULL) || !found) return false;
    json_object_foreach(json_file_get(&c, "prompts"), name, text) any |= json_string_length(text) > 0;
    json_file_close(&c);
    return any;
}

static int read_pooling(const family *f, json_file *c, int64_t width, int *kind, lnt_error *err) {
    bool include_prompt = true;
    int64_t of[2] = {width, width};
    const json_t *mode = json_file_get(c, "pooling_mode");
    if (mode ? pooling_by_name(c, mode, kind, err) : pooling_by_flags(c, kind, err)) return -1;
    if (json_file_int(c, "word_embedding_dimension", width, width, &of[0], err) || json_file_int(c, "embedding_dimension", width, width, &of[1], err) ||
        json_file_bool(c, "include_prompt", &include_prompt, err) ||
        json_file_refuse_unknown(c, mode ? (const char *const[]){"pooling_mode_*", NULL} : (const char *const[]){NULL}, err))
        return -1;
    if (!include_prompt && has_prompts(f)) return err_set(err, "%s: 'include_prompt' is false, which is not supported beside prompts", c->path);
    return 0;
}

static int32_t pool(family *f, const char *folder, int32_t x) {
    json_file c;
    bool found = false;
    int kind = POOL_MEAN;
    uint32_t width = f->failed || f->s->graph.failed ? 1 : f->s->graph.values[x].width;
    if (!f->failed && folder) f->failed = family_file(&c, folder, "config.json", &found, f->err);
    if (!f->failed && folder && !found) f->failed = err_set(f->err, "%s/config.json: is missing, expected the settings of Pooling", folder);
    if (!f->failed && found) f->failed = read_pooling(f, &c, width, &kind, f->err);
    if (found) json_file_close(&c);
    return layers_pool(f, x, kind);
}

/* The features that a module reads and writes must be the sentence's embedding. */
static void expect_embedding(json_file *c, bool *failed, lnt_error *err) {
    static const char *const ONE[] = {"sentence_embedding", NULL};
    size_t which;
    if (!*failed) *failed = json_file_choice(c, "module_input_name", ONE, &which, err) || json_file_choice(c, "module_output_name", ONE, &which, err);
}

/* A folder of its own with weights, read as a family's. */
static int32_t dense(family *f, const char *folder, size_t i, int32_t x) {
    static const char *const NAMES[] = {"torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity", "torch.nn.modules.activation.ReLU",
                                        "torch.nn.modules.activation.GELU", "torch.nn.modules.activation.SiLU", NULL};
    static const int OURS[] = {ACT_TANH, ACT_NONE, ACT_RELU, ACT_GELU_ERF, ACT_SILU};
    family d;
    char label[32];
    size_t act = 0;
    int64_t in = f->s->graph.failed ? 1 : f->s->graph.values[x].width, out = 1;
    bool bias = true;
    family_open(&d, f->s, folder, f->err);
    snprintf(label, sizeof label, "modules.%zu.", i);
    d.label = label;
    family_require(&d, (const char *const[]){"in_features", "out_features", NULL});
    family_int(&d, "in_features", in, in, &in);
    family_int(&d, "out_features", 1, 1 << 16, &out);
    family_bool(&d, "bias", &bias);
    family_expect_bool(&d, "use_residual", false);
    if (!d.failed) d.failed = json_file_choice(&d.config, "activation_function", NAMES, &act, f->err);
    if (!d.failed) expect_embedding(&d.config, &d.failed, f->err);
    x = layers_linear(&d, x, GRAPH_NONE, (uint32_t)out, OURS[act], bias ? 0 : LAYERS_NO_BIAS, "linear");
    if (!d.failed) d.failed = json_file_refuse_unknown(&d.config, (const char *const[]){NULL}, f->err);
    family_refuse_tensors(&d);
    f->failed |= family_close(&d) != 0;
    return x;
}

static int32_t normalize(family *f, const char *folder, int32_t x) {
    json_file c;
    bool found;
    f->failed = family_file(&c, folder, "config.json", &found, f->err);
    if (f->failed) return x;
    if (found) {
        expect_embedding(&c, &f->failed, f->err);
        json_file_close(&c);
    }
    graph_op op = graph_op_of(OP_NORM);
    op.inputs[0] = x;
    op.norm = NORM_L2;
    op.eps = 1e-12f;
    return graph_add(&f->s->graph, op, ROWS_SEQUENCES, f->s->graph.failed ? 1 : f->s->graph.values[x].width);
}

/* Module i of the list behind what makes x. */
static int32_t add_module(family *f, const json_t *modules, size_t i, int32_t x) {
    module m;
    f->failed = read_module(modules, i, f->s->path, &m, f->err);
    if (f->failed) return x;
    if (i == 1 && !strcmp(m.type, "Pooling")) return pool(f, m.folder, x);
    if (i > 1 && !strcmp(m.type, "Dense")) return dense(f, m.folder, i, x);
    if (i > 1 && !strcmp(m.type, "Normalize")) return normalize(f, m.folder, x);
    f->failed = err_set(f->err, "%s/modules.json: module %zu is '%s', expected Transformer, Pooling, then Dense and Normalize", f->s->path, i, m.type);
    return x;
}

void sentence_embedding(family *f, int32_t x) {
    json_t *modules;
    if (f->failed) return;
    f->failed = open_modules(f->s->path, &modules, f->err);
    size_t n = json_array_size(modules);
    if (n < 2) x = pool(f, NULL, x);
    for (size_t i = 1; !f->failed && i < n; i++) x = add_module(f, modules, i, x);
    json_decref(modules);
    graph_add_tap(&f->s->graph, "embedding", 0, x);
}
