#include "convert/emit.h"
#include "engine/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef int open_source(source *s, const char *path, lnt_error *err);

/* The text to measure on, owned by the caller. */
static char *read_text(const char *path, size_t *n, lnt_error *err) {
    if (!path) {
        const char *text = quality_default_text(n);
        char *copy = malloc(*n + 1);
        return copy ? memcpy(copy, text, *n) : err_null(err, "out of memory: %zu bytes for a text", *n);
    }
    struct stat st;
    FILE *f = fopen(path, "rbe");
    if (!f || fstat(fileno(f), &st)) {
        if (f) fclose(f);
        return err_null(err, "%s: %s", path, strerror(errno));
    }
    char *text = S_ISREG(st.st_mode) ? malloc((size_t)st.st_size + 1) : NULL;
    *n = text ? fread(text, 1, (size_t)st.st_size, f) : 0;
    bool bad = ferror(f) != 0;
    fclose(f);
    if (text && !bad) return text;
    free(text);
    return err_null(err, "%s: cannot be read as a text", path);
}

/* The float model to compare with: the input if it is a .lnt file, else the folder once more as f32, in a file that is
   gone afterwards. */
static int measure(lnt_writer *small, const char *in, const char *out_path, open_source *from, const lnt_convert_options *o, quality_function *of, quality *q,
                   lnt_error *err) {
    source s = {0};
    lnt_writer *reference = NULL;
    size_t n;
    char *text = read_text(o->check_path, &n, err);
    int rc = text ? 0 : -1;
    if (!rc && from == source_from_folder) {
        emit_types f32 = {TENSOR_F32, TENSOR_F32};
        if (from(&s, in, err)) rc = -1;
        else {
            char *name = malloc(strlen(out_path) + 8);
            if (name) strcat(strcpy(name, out_path), ".f32");
            reference = name ? emit(&s, name, f32, NULL, o, err) : NULL;
            rc = reference ? 0 : -1;
            free(name);
        }
    }
    if (!rc) rc = of(reference ? lnt_writer_temporary(reference) : in, lnt_writer_temporary(small), text, n, o, q, err);
    lnt_writer_abandon(reference);
    source_free(&s);
    free(text);
    return rc;
}

static int make(const char *in, const char *out_path, open_source *from, const lnt_convert_options *o, lnt_error *err) {
    source s = {0};
    emit_types types;
    quality q = {0};
    lnt_writer *w = NULL;
    int rc = model_kernels(err) ? emit_parse_types(o->type, o->head_type, &types, err) : -1;
    if (!rc) rc = from(&s, in, err);
    bool check = !rc && !o->no_check && s.tokenizer.size && (types.layers >= TENSOR_Q8 || types.head >= TENSOR_Q8);
    if (!rc && o->check_path && !s.tokenizer.size) rc = err_set(err, "%s: has no tokenizer, so that no loss can be measured on %s", in, o->check_path);
    if (!rc) rc = (w = emit(&s, out_path, types, check ? &q : NULL, o, err)) ? 0 : -1;
    quality_function *of = source_output(&s, "embedding") == GRAPH_NONE ? quality_of_predictions : quality_of_embeddings;
    if (!rc && check) rc = measure(w, in, out_path, from, o, of, &q, err) || emit_quality(w, &s, types, &q, o, err) ? -1 : 0;
    if (!rc) rc = lnt_writer_commit(w, err);
    else lnt_writer_abandon(w);
    source_free(&s);
    return rc;
}

int lnt_convert(const char *folder, const char *out_path, const lnt_convert_options *options, lnt_error *err) {
    return make(folder, out_path, source_from_folder, options, err);
}

int lnt_quantize(const char *in_path, const char *out_path, const lnt_convert_options *options, lnt_error *err) {
    return make(in_path, out_path, source_from_lnt, options, err);
}
