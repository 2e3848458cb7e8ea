#include "convert/labels.h"
#include <stdlib.h>
#include <string.h>

void labels_put(family *f, const char *const *labels, size_t n) {
    size_t *sizes = calloc(n, sizeof *sizes);
    if (!sizes) f->failed = err_memory(f->err, n * sizeof *sizes, "labels");
    for (size_t i = 0; sizes && i < n; i++) sizes[i] = strlen(labels[i]); // NOLINT(clang-analyzer-core.NonNullParamChecker): no label of n is NULL
    if (sizes) kv_put_strings(&f->s->metadata, "labels", labels, sizes, n);
    free(sizes);
}

static bool read_names(family *f, json_t *names, const char **labels, size_t n) {
    char key[32];
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        if (!(labels[i] = json_string_value(json_object_get(names, key))))
            return err_set(f->err, "%s: 'id2label' has no name for %zu, expected the names of 0 to %zu", f->config.path, i, n - 1), false;
    }
    return true;
}

uint32_t labels_of_config(family *f) {
    json_t *names = json_file_get(&f->config, "id2label");
    int64_t n = 2;
    family_int(f, "num_labels", 1, 1 << 16, &n);
    if (f->failed) return 0;
    if (names && !json_object_size(names)) {
        f->failed = err_set(f->err, "%s: 'id2label' holds no labels", f->config.path);
        return 0;
    }
    if (names) n = (int64_t)json_object_size(names);
    const char **labels = calloc((size_t)n, sizeof *labels);
    char (*made)[16] = calloc((size_t)n, sizeof *made);
    if (!labels || !made) f->failed = err_memory(f->err, (size_t)n * sizeof *made, "labels");
    else if (names) f->failed = !read_names(f, names, labels, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++) {
            snprintf(made[i], sizeof *made, "LABEL_%d", (int)i);
            labels[i] = made[i];
        }
    if (!f->failed) labels_put(f, labels, (size_t)n);
    free(labels);
    free(made);
    return (uint32_t)n;
}

const char *labels_scores(family *f, uint32_t n_labels) {
    static const char *const TYPES[] = {"regression", "single_label_classification", "multi_label_classification", NULL};
    size_t type = SIZE_MAX;
    if (!f->failed) f->failed = json_file_choice(&f->config, "problem_type", TYPES, &type, f->err);
    return !type ? "identity" : type == 2 || n_labels == 1 ? "sigmoid" : "softmax";
}

void labels_put_task(family *f, const char *task, const char *scores) {
    if (task) kv_put_string(&f->s->metadata, "task", task, strlen(task));
    if (scores) kv_put_string(&f->s->metadata, "scores", scores, strlen(scores));
}
