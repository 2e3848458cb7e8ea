/* A context: the plan, its memory, the threads and the sequences held. context.c sets it up and cuts evaluations into
   parts; exec.c runs one part. */
#ifndef LNT_ENGINE_CONTEXT_H
#define LNT_ENGINE_CONTEXT_H
#include "engine/model.h"
#include "engine/plan.h"
#include "engine/pool.h"
#include "engine/profile.h"
#include "simd/kernels.h"

/* Rows first_row .. first_row + n_rows - 1 of a part: tokens of one sequence that follow `past` others. */
typedef struct piece {
    uint32_t sequence;
    size_t first_row, n_rows, past;
    const float *pixels; /* of an image */
    size_t kv_at; /* attention without cache: first slot of the piece in the transient panels */
} piece;

typedef struct tap {
    int32_t value;
    bool attention; /* the probabilities of the attention op that makes the value, not the value */
    float *out;
    size_t n_tokens;
} tap;

/* Keys and values of one attention op lie per sequence and key head: k_panels, then v_panels. */
typedef struct kv_place {
    size_t at;    /* floats from a sequence's start */
    size_t k_head, v_head; /* floats per key head */
} kv_place;

struct lnt_context {
    const lnt_model *model;
    const kernels *kernels;
    uint32_t n_threads, n_ctx, n_sequences, n_batch, n_outputs;
    int32_t output; /* the value wanted */
    int pooling;    /* instead of the graph's; -1: as the graph says */
    uint32_t image_height, image_width; /* of images; n_ctx is their tokens */
    float *positions_data;   /* position embeddings interpolated to that size; NULL: the model's own */
    lnt_tensor positions_table; /* what the op `positions` reads */
    plan plan;
    pool *pool;
    profiler *profiler; /* NULL: nothing is measured */

    unsigned char *shared, *private; /* the arena; each thread's own, private_stride apart */
    size_t private_stride, row_at, scratch_at; /* in a thread's own: a float row, attention's scratch */
    size_t shared_bytes, private_bytes;

    size_t capacity; /* positions a sequence's panels have room for */
    float *kv;
    size_t kv_bytes, kv_sequence; /* floats a sequence */
    kv_place *places;             /* of each attention op */
    float *transient;             /* keys and values of attention without cache, of one op at a time */
    size_t transient_bytes;
    size_t *lengths; /* tokens held of each sequence */
    int32_t **history; /* which they are; NULL without cache */
    bool *seen;      /* sequences that the evaluation being checked names */

    tap *taps;
    size_t n_taps;

    /* the part being run */
    int32_t *ids;
    uint32_t *positions;
    uint8_t *segments;
    piece *pieces;
    uint32_t *outputs; /* token rows whose output is wanted */
    size_t rows[ROWS_KINDS]; /* tokens, outputs, pieces */
    size_t done[ROWS_KINDS]; /* by the parts before, as far as their rows stay: outputs, pieces */
    uint32_t *claimed; /* units of work taken of each step */
};

/* The bytes of memory that a context takes once all of it has been touched. */
size_t context_memory(const lnt_context *c);

/* Runs the plan over the part set up in the context. Cannot fail. */
void exec_run(lnt_context *c);
#endif
