/* What a model is used for, made ready to be run again and again: the next token, a prompt, texts, images. */
#ifndef LNT_MEASURE_TASKS_H
#define LNT_MEASURE_TASKS_H
#include "measure/cost.h"

typedef enum measure_task_kind {
    TASK_DECODE, /* one token behind `size` others */
    TASK_PREFILL, /* a prompt of `size` tokens, up to its logits */
    TASK_TEXTS,  /* many texts of `size` tokens, from text to result if the model has a tokenizer */
    TASK_IMAGES, /* `size` images at a time, pixel values given */
} measure_task_kind;

typedef struct measure_task_case {
    char name[32]; /* "decode", "prefill/512", "texts/11", "images/4" */
    measure_task_kind kind;
    uint32_t size;
    const char *unit; /* "tokens/s", "texts/s", "images/s" */
} measure_task_case;

enum { MEASURE_TASK_CASES = 2 };
/* What is measured of a model, by what it is. How many cases: 0 for one that is neither a causal language model nor has one row a text or image. */
size_t measure_task_cases(const lnt_model *model, measure_task_case cases[MEASURE_TASK_CASES]);

typedef struct measure_task measure_task;
measure_task *measure_task_new(const lnt_model *model, const measure_task_case *c, uint32_t threads, lnt_error *err);
void measure_task_free(measure_task *task);
int measure_task_run(measure_task *task, lnt_error *err);
/* Tokens, texts or images of a run. */
double measure_task_items(const measure_task *task);
/* What a run costs at least. */
int measure_task_cost(const measure_task *task, const measure_roof_result *roof, measure_cost *cost, lnt_error *err);
/* Seconds of a run in the best of the turns that fill about so many seconds. */
int measure_task_best(measure_task *task, double seconds, double *best, lnt_error *err);
#endif
