/* What evaluations cost at least, by counting what they do (lnt_profile) and dividing it by the machine's roof. */
#ifndef LNT_MEASURE_COST_H
#define LNT_MEASURE_COST_H
#include "measure/roof.h"

typedef struct measure_cost {
    double operations;    /* of linear steps and attention */
    double bytes;         /* of weights, keys and values, once a call of each step */
    double ideal_seconds; /* that all threads of the roof need for the operations, and for the bytes where those are the limit */
} measure_cost;

/* Of evaluating spans in a context of those options (its threads and profile are not looked at) once before_n tokens of the first span's sequence
   have been evaluated. */
int measure_cost_of(const lnt_model *model, const lnt_context_options *options, const lnt_span *spans, size_t n_spans, size_t before_n,
                    const measure_roof_result *roof, measure_cost *cost, lnt_error *err);
#endif
