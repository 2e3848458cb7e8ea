/* An open model: the mapped file and what was read from its small sections. Read-only after lnt_open. */
#ifndef LNT_ENGINE_MODEL_H
#define LNT_ENGINE_MODEL_H
#include "engine/graph.h"
#include "engine/preprocess.h"
#include "simd/kernels.h"

struct tokenizer_model;

struct lnt_model {
    lnt_file file;
    kv_block metadata;
    struct tokenizer_model *tokenizer; /* NULL: the file has none */
    graph graph;
    lnt_info info;
    kv_entry labels, prompt_names, prompts; /* strings; none: count 0 */
    int32_t output; /* the value given out unless another is asked for */
    const graph_op *patches, *positions; /* of a model of images; NULL: it takes ids, or has none */
    preprocess preprocess;
    bool pairs;     /* q8 tensors have small pairs: linear_args.pairs */
    bool cached;    /* every attention keeps its keys and nothing needs whole sequences: they can be continued */
};

/* The value that the model gives out under a name, NULL: the first it has; GRAPH_NONE and an error if it has none. */
int32_t model_output(const lnt_model *m, const char *name, lnt_error *err);
/* The size that an image is given, or the model's own for 0, checked: its tokens, or 0 and an error. */
uint32_t model_image_tokens(const lnt_model *m, uint32_t *height, uint32_t *width, lnt_error *err);
/* That what the model asks for is in proportion to its file (limits.c). */
int model_check_limits(const lnt_model *m, lnt_error *err);
/* kernels_best(), or NULL and an error that says what LINNET_CPU may be. */
const kernels *model_kernels(lnt_error *err);
#endif
