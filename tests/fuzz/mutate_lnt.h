/* Changes .lnt files below their hashes. */
#ifndef LNT_TESTS_FUZZ_MUTATE_LNT_H
#define LNT_TESTS_FUZZ_MUTATE_LNT_H
#include "formats/kv.h"
#include "tests/fuzz/fuzz.h"

/* Inputs of the targets lnt and model are files whose data may be cut off: the rest of it is zeros, or what the target likes.
   The input that stands for data from this offset on is given in *at, and the whole size in *whole; false: nothing is to be
   filled up, as the input is no such file or the whole would be larger than most. */
bool mutate_lnt_is_cut(const uint8_t *data, size_t size, size_t most, size_t *at, size_t *whole);

/* LLVMFuzzerCustomMutator's work: edits inside metadata, tokenizer, graph and directory, whose lengths, offsets and hashes then
   fit again (mostly). Hashes of data are those of zeros. */
size_t mutate_lnt(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* ---- parts of it ---- */

/* Random numbers, the same for the same seed. */
typedef struct mutate_random {
    uint64_t state;
} mutate_random;
size_t mutate_draw(mutate_random *r, size_t below);
/* A number that may be interesting where old stands. */
uint64_t mutate_number(mutate_random *r, uint64_t old);
/* One edit of a key/value block. */
void mutate_block(mutate_random *r, buffer *block);
/* One edit of a graph section; number `from` and its multiples become `to` everywhere if from is not 0. */
void mutate_graph(mutate_random *r, buffer *graph);
void mutate_graph_numbers(buffer *graph, uint64_t from, uint64_t to);
void mutate_block_numbers(buffer *block, uint64_t from, uint64_t to);
#endif
