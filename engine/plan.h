/* From a graph to steps over one arena: which op runs when, what rows are prepared (normed, quantised) for whom, and
   where every value lies. Made once per context; docs/architecture.md, "The plan". */
#ifndef LNT_ENGINE_PLAN_H
#define LNT_ENGINE_PLAN_H
#include "engine/graph.h"

typedef enum step_kind { STEP_EMBED, STEP_PREPARE, STEP_LINEAR, STEP_ATTENTION, STEP_SELECT, STEP_POOL, STEP_PATCHES, STEP_POSITIONS } step_kind;

/* Few enough rows are prepared by every thread for itself, which saves the barrier before the linear op. */
enum { PRIVATE_ROWS = 4 };
#define NO_PLACE SIZE_MAX

/* Where a value's rows lie: offsets into the arena, NO_PLACE if floats are not needed. Float rows are padded to 16. */
typedef struct plan_value {
    size_t f32_at, f32_stride, quant_stride; /* bytes */
    size_t private_f32_at; /* in each thread's own arena: PRIVATE_ROWS rows; only for prepared values */
    bool made;             /* by a step; values that do not lead to the output are not */
} plan_value;

/* Quantised rows of a value, as simd/kernels.h has them; its columns are multiplied by x_scale before. */
typedef struct plan_form {
    size_t at, private_at;
    int32_t x_scale; /* tensor, or GRAPH_NONE */
} plan_form;

typedef struct plan_step {
    step_kind kind;
    const graph_op *op; /* STEP_PREPARE: the norm, or NULL if rows are only quantised */
    int32_t input;      /* STEP_PREPARE: the value read; STEP_LINEAR: x */
    int32_t output;
    uint32_t form, n_forms; /* STEP_PREPARE: the forms made of the output; STEP_LINEAR: the one read, n_forms 0: floats are */
    bool may_be_private; /* STEP_PREPARE */
    uint32_t cache;      /* STEP_ATTENTION: which of the attention ops, counted from 0 */
} plan_step;

typedef struct plan {
    plan_value *values;
    plan_form *forms;
    plan_step *steps;
    size_t n_steps;
    size_t shared_bytes, private_bytes;
} plan;

/* max_rows: most rows of each kind in one evaluation. Only what leads to the value `output` is done; it stays until the
   next evaluation. */
int plan_make(plan *p, const graph *g, const lnt_tensor *tensors, int32_t output, const size_t max_rows[ROWS_KINDS], lnt_error *err);
void plan_free(plan *p);
#endif
