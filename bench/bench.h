/* linnet-bench: what its parts share. Each part adds its cases to Google Benchmark. */
#ifndef LNT_BENCH_BENCH_H
#define LNT_BENCH_BENCH_H
#include "bench/gbench.h"
#include "measure/roof.h"

/* The roof of this run for so many threads, measured when it is first asked for. */
const measure_roof_result *bench_roof(uint32_t threads, lnt_error *err);
/* 1 and the threads of this machine; how many numbers that is. */
size_t bench_threads(uint32_t counts[2]);

void bench_add_roof(void);
/* Every kernel of every level: "avx2/q8/768x3072/rows:128". */
void bench_add_kernels(void);
/* A layer of each model's shape with random weights: "layer/bert-base/q8/4x128/on:2". */
void bench_add_layers(void);
/* What a model file, which stays open, is for: "gpt2.lnt/decode", "minilm.lnt/texts/11". */
void bench_add_model(const char *path, const lnt_model *model);
#endif
