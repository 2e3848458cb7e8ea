/* Completing prompts: one, or many packed together as sequences of one context. There is one loop for both, and every
   prompt has a sampler of its own, so a prompt's text does not depend on its neighbours. */
#ifndef LNT_CLI_GENERATE_H
#define LNT_CLI_GENERATE_H
#include "cli/text.h"
#include <signal.h>

typedef struct generate_rules {
    const lnt_model *model;
    lnt_sampling sampling;
    const char *const *stops;
    size_t n_stops;
    uint32_t n;        /* most new tokens for a prompt */
    uint32_t n_ctx;    /* most tokens of a sequence: the context's room */
    int32_t eos_id;    /* ends the text; -1: nothing does */
    bool shift;        /* when the context is full, forget its older half and go on */
    bool with_text;    /* the model has a tokenizer */
} generate_rules;

typedef struct generation {
    const int32_t *prompt;
    size_t n_prompt; /* 1 .. n_ctx */
    lnt_sampler *sampler;
    int32_t *ids; /* the new tokens; an end token is not among them */
    size_t n_ids, capacity;
    text_stream stream; /* stream.ready: their text */
    const char *finish; /* "length", "stop", "eos", "context", "interrupted"; NULL: not finished */
} generation;

typedef struct generate_timing {
    double first_token; /* cli_seconds() when the first token was known; 0: none was */
    double prompt_seconds, token_seconds;
    size_t prompt_tokens; /* evaluated in prompt_seconds */
    size_t new_tokens;    /* in all */
    size_t later_tokens;  /* chosen from evaluations counted in token_seconds */
} generate_timing;

/* Called when a generation has a new token or has finished. Non-zero stops all. */
typedef int generate_listener(void *user, const generation *g);

/* Makes *interrupted end a run: checked between evaluations, it finishes all that has begun as "interrupted". */
extern volatile sig_atomic_t generate_interrupted;

/* Completes all, at most n_slots at a time, in ctx, which has that many sequences and as many rows of logits. 0; 1 if
   the listener stopped it; -1 with err. */
int generate_run(lnt_context *ctx, generation *generations, size_t n, uint32_t n_slots, const generate_rules *rules,
                 generate_listener *listener, void *user, generate_timing *timing, lnt_error *err);
/* Frees what g has made; prompt, finish and the counts stay. */
void generate_free(generation *g);
#endif
