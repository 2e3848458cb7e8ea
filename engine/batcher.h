/* Many texts or images: what batcher.c, which plans and runs a window of them, and its two kinds of input share.

   A window of texts is tokenized by all threads, sorted by length and cut into batches of about n_batch tokens, which the
   threads take one by one, the longest first. Each has a context of its own and waits for others only at the window's
   end. Images are all of the same length and stay in their order; who takes a batch reads them first. Fewer inputs than
   threads are run by all threads together, in one context. */
#ifndef LNT_ENGINE_BATCHER_H
#define LNT_ENGINE_BATCHER_H
#include "engine/context.h"

/* The tokens of the texts that one thread has tokenized, one behind the other. */
typedef struct token_arena {
    int32_t *ids;
    uint8_t *segments;
    lnt_place *places;
    size_t n, capacity;
} token_arena;

/* Where a text's tokens are; of an image only their number counts. */
typedef struct batch_item {
    const token_arena *in;
    size_t at, n, n_dropped, n_invalid;
} batch_item;

typedef struct batch_worker {
    lnt_tokenizer *tokenizer;
    lnt_context *context;
    token_arena arena;
    lnt_span *spans;    /* [n_batch] */
    uint32_t *outputs;  /* [n_batch] places of tokens, span after span */
    const float **rows; /* [n_batch] */
    float *pixels;      /* of the images of a batch */
    float *finished;    /* [width, padded] an embedding that is cut or normalized, or zeros */
    uint64_t busy;      /* nanoseconds in what batcher_all ran last, if that is measured */
    lnt_error err;
    bool failed;
} batch_worker;

typedef struct batch {
    size_t first, n; /* inputs in `order` */
} batch;

struct lnt_batcher {
    const lnt_model *model;
    const kernels *kernels;
    lnt_batcher_options o;
    size_t max_tokens, n_batch;
    size_t n_sequences; /* most inputs in a batch */
    size_t image_floats; /* of an image's pixels */
    uint32_t width;
    bool row_a_token, finish;
    pool *pool;
    batch_worker *workers; /* one a thread, and one whose context all threads share: made when it is first needed */

    /* the window being run */
    const lnt_text *texts;
    const lnt_picture *pictures;
    lnt_text_listener *text_listener;
    lnt_picture_listener *picture_listener;
    void *user;
    void (*work)(void *batcher, uint32_t thread);
    void (*run_batch)(struct lnt_batcher *b, batch_worker *w, const batch *part);
    size_t n, capacity, n_batches, claimed;
    batch_item *items; /* [n] */
    uint64_t *order;   /* [n] inputs by falling number of tokens: in the low 32 bits */
    batch *batches;    /* [n] */
};

/* For profiler_add; 0: nothing is measured. */
static inline uint64_t batcher_clock(const lnt_batcher *b) { return b->o.profile ? profiler_now() : 0; }

static inline size_t batcher_at(const lnt_batcher *b, size_t i) { return (uint32_t)b->order[i]; }

/* Begins a window of n inputs, which `what` names in errors: makes room for them. */
int batcher_begin(lnt_batcher *b, size_t n, const char *what, lnt_error *err);
/* By the pool's threads, each with its number. 0, or -1 with the error of the first that failed. */
int batcher_all(lnt_batcher *b, void (*work)(void *batcher, uint32_t thread), lnt_error *err);
/* Cuts the inputs, whose items are set, into batches, and run_batch runs each. */
int batcher_run(lnt_batcher *b, void (*run_batch)(lnt_batcher *b, batch_worker *w, const batch *part), lnt_error *err);
/* The worker's part has failed, with its err set: nothing more is claimed. */
void batcher_fail(lnt_batcher *b, batch_worker *w);
/* An output row as it was asked for: its first dims, of length 1. NULL: zeros. Valid until the worker's next one. */
const float *batcher_finish(const lnt_batcher *b, batch_worker *w, const float *row);
#endif
