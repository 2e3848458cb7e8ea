/* What is measured of kernels: each of them on the shapes of GPT-2 124M, MiniLM-L6, BERT-base and ViT-B/16. */
#ifndef LNT_MEASURE_CASES_H
#define LNT_MEASURE_CASES_H
#include "measure/roof.h"
#include "simd/kernels.h"

typedef enum measure_kernel {
    KERNEL_LINEAR,
    KERNEL_ATTENTION,
    KERNEL_KV_STORE,
    KERNEL_NORM,
    KERNEL_NORM_ROWS, /* norm and quantize together */
    KERNEL_QUANTIZE,
    KERNEL_ACTIVATE,
    KERNEL_EXP_SUM,
    KERNEL_MAX,
    KERNEL_ADD,
    KERNEL_POOL,
    KERNEL_WEIGHT_ROW,
    KERNEL_F16_TO_F32,
    KERNEL_F32_TO_F16,
    KERNEL_HAMMING,
} measure_kernel;

typedef struct measure_case {
    char name[56]; /* "q8/768x3072/rows:128", "q8-wide/768x3072/rows:128" (without pairs), "attention/64/rows:512/keys:512/causal", "gelu_erf/3072" */
    measure_kernel kernel;
    int which;         /* weight_type, activation, norm_kind or pooling_kind */
    size_t rows, k, n; /* linear: as it says; attention: n keys, k a head's width; rows of k; else n elements */
    bool causal;
    bool pairs;          /* linear_args' */
    bool shared;         /* threads share the work; else each does all of it, on data of its own */
    double operations;   /* of a run: multiplications and additions, */
    double bytes;        /* read at least, where that is the bound, */
    double elements;     /* and made, where neither says much; 0: that is not counted */
    measure_bound bound; /* by operations, or for memory and caches by bytes */
} measure_case;

/* Case i; NULL behind the last. */
const measure_case *measure_case_at(size_t i);
/* NULL: no case has that name. */
const measure_case *measure_case_find(const char *name);
/* Seconds that so many threads need at least for a run of a case each, or together if it is shared. */
double measure_case_ideal(const measure_case *c, const measure_roof_result *roof);
#endif
