/* An open model: the mapped file and what was read from its small sections. Read-only after lnt_open. */
#ifndef LNT_ENGINE_MODEL_H
#define LNT_ENGINE_MODEL_H
#include "engine/graph.h"
#include "simd/kernels.h"

struct tokenizer_model;

struct lnt_model {
    lnt_file file;
    kv_block metadata;
    struct tokenizer_model *tokenizer; /* NULL: the file has none */
    graph graph;
    lnt_info info;
    int32_t logits; /* the value tapped as "logits" */
    bool cached;    /* every attention keeps its keys: sequences can be continued */
};

/* kernels_best(), or NULL and an error that says what LINNET_CPU may be. */
const kernels *model_kernels(lnt_error *err);
#endif
