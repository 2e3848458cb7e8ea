/* A model on its way into a .lnt file: graph, metadata and tensors that can be read one at a time, wherever they come
   from. Families (gpt2.c, ...) and lnt_source.c make one; emit.c writes it in the types asked for. */
#ifndef LNT_CONVERT_SOURCE_H
#define LNT_CONVERT_SOURCE_H
#include "engine/graph.h"
#include "formats/checkpoint.h"

enum { SOURCE_CHECKPOINTS = 16 };

typedef struct source_tensor {
    char *name;
    tensor_layout layout;
    uint64_t n, k;
    bool transposed;     /* the origin holds [k][n] */
    const void *origin;  /* const checkpoint_tensor *, or const lnt_tensor *; NULL: all elements are 1 */
    float *column_scale; /* [k] each column is multiplied by, or NULL (smoothing) */
    float *row_scale;    /* [n] each row is multiplied by, or NULL */
    float factor;        /* all elements are multiplied by; 1 unless set */
    tensor_type type;    /* chosen by emit */
} source_tensor;

typedef struct source {
    const char *path; /* the folder or file converted; what errors name */
    checkpoint *checkpoints[SOURCE_CHECKPOINTS];
    size_t n_checkpoints;
    lnt_file file; /* when there is no checkpoint */
    graph_builder graph;
    buffer metadata, tokenizer; /* without what emit adds: type and quality */
    source_tensor *tensors;
    size_t n_tensors;
    bool failed; /* memory */
} source;

void source_free(source *s);

/* That no file it is read from has changed: to be asked before what was made of it is given out. */
int source_intact(const source *s, lnt_error *err);

/* A family's part: config.json, in folder, is checked already as far as its model_type. 0, or -1. */
int source_from_bert(source *s, const char *folder, lnt_error *err);
int source_from_deit(source *s, const char *folder, lnt_error *err);
int source_from_distilbert(source *s, const char *folder, lnt_error *err);
int source_from_gpt2(source *s, const char *folder, lnt_error *err);
int source_from_roberta(source *s, const char *folder, lnt_error *err);
int source_from_vit(source *s, const char *folder, lnt_error *err);
/* Any folder: the family is named by config.json's model_type. */
int source_from_folder(source *s, const char *folder, lnt_error *err);
/* An f32 or f16 .lnt file. */
int source_from_lnt(source *s, const char *path, lnt_error *err);

/* Opens the checkpoint of a folder; it lives as long as the source. */
checkpoint *source_open(source *s, const char *folder, lnt_error *err);
/* Adds a tensor and gives its index, which is its id in the graph. origin must have n * k elements; transposed: [k][n]. */
int32_t source_add(source *s, const char *name, tensor_layout layout, uint64_t n, uint64_t k, const void *origin, bool transposed);
/* The model takes images, not ids. */
bool source_takes_images(const source *s);
/* The value that the graph gives out under a name, GRAPH_NONE: none. */
int32_t source_output(const source *s, const char *name);
/* The op that makes a value, NULL: none. */
const graph_op *source_maker(const source *s, int32_t value);
/* Reads a tensor as float32 [n][k], scaled by column_scale, row_scale and factor. scratch has room for n * k floats too when transposed. */
int source_read(const source *s, const source_tensor *t, float *rows, float *scratch, lnt_error *err);
#endif
