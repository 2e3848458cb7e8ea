#include "convert/emit.h"
#include "engine/model.h"
#include <stdlib.h>
#include <string.h>

typedef int open_source(source *s, const char *path, lnt_error *err);

/* The float model to compare with: the input if it is a .lnt file, else the folder once more as f32, in a file that is
   gone afterwards. */
static int measure(lnt_writer *small, const char *in, const char *out_path, open_source *from, const lnt_convert_options *o, quality_function *of, quality *q,
                   lnt_error *err) {
    source s = {0};
    lnt_writer *reference = NULL;
    int rc = 0;
    if (from == source_from_folder) {
        emit_types f32 = {TENSOR_F32, TENSOR_F32};
        if (from(&s, in, err)) rc = -1;
        else {
            char *name = malloc(strlen(out_path) + 8);
            if (name) strcat(strcpy(name, out_path), ".f32");
            else err_memory(err, strlen(out_path) + 8, "a path");
            reference = name ? emit(&s, name, f32, NULL, o, err) : NULL;
            rc = reference ? 0 : -1;
            free(name);
        }
    }
    if (source_intact(&s, err)) rc = -1;
    if (!rc) rc = of(reference ? lnt_writer_temporary(reference) : in, lnt_writer_temporary(small), o, q, err);
    lnt_writer_abandon(reference);
    source_free(&s);
    return rc;
}

static int make(const char *in, const char *out_path, open_source *from, const lnt_convert_options *o, lnt_error *err) {
    source s = {0};
    emit_types types;
    quality q = {0};
    lnt_writer *w = NULL;
    int rc = model_kernels(err) ? emit_parse_types(o->type, o->head_type, &types, err) : -1;
    if (!rc) rc = from(&s, in, err);
    if (!rc && (s.metadata.failed || s.tokenizer.failed)) rc = err_memory(err, 0, "a model");
    bool images = source_takes_images(&s), can = images || s.tokenizer.size;
    bool check = !rc && !o->no_check && can && (types.layers >= TENSOR_Q8 || types.head >= TENSOR_Q8);
    if (!rc && o->check_path && !can) rc = err_set(err, "%s: has no tokenizer, so that no loss can be measured on %s", in, o->check_path);
    if (!rc) rc = (w = emit(&s, out_path, types, check ? &q : NULL, o, err)) ? 0 : -1;
    quality_function *of = images ? quality_of_images : source_output(&s, "embedding") == GRAPH_NONE ? quality_of_predictions : quality_of_embeddings;
    if (!rc && check) rc = measure(w, in, out_path, from, o, of, &q, err) || emit_quality(w, &s, types, &q, o, err) ? -1 : 0;
    if (source_intact(&s, err)) rc = -1;
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
