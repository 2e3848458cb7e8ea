/* What every fuzz target may use. A target is one file, tests/fuzz/NAME.c; its first line tells run.sh and CMakeLists.txt about it:

     fuzz: max_len=4096 weight=2 seeds=golden/images dict=lnt cases=100

   in a comment: the most bytes of an input, its share of the time, folders under tests/ whose files are seeds too, the name of another's
   dictionary, and how many changes of seeds the test runs (2000), the last three if need be. It gives
   LLVMFuzzerTestOneInput and, if it likes, LLVMFuzzerInitialize and LLVMFuzzerCustomMutator. Whatever opens files through
   mapped_open gets an exact copy in the heap here, and contexts have their memory there, so that what reaches beyond an end is
   seen (input.c). */
#ifndef LNT_TESTS_FUZZ_FUZZ_H
#define LNT_TESTS_FUZZ_FUZZ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* The driver's own mutation, for custom mutators: the new size, at most max_size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* A file that holds the input, in memory: for readers that open and read a path. The same one every time. */
const char *fuzz_path(const uint8_t *data, size_t size);
/* A name under which mapped_open gives these bytes, which must stay: no file at all. The same one every time. */
const char *fuzz_map(const uint8_t *data, size_t size);
/* The same with more bytes behind them. */
const char *fuzz_map_with(const uint8_t *data, size_t size, const uint8_t *more, size_t n_more);
/* A shipped model, of models/. */
struct lnt_model *fuzz_shipped(const char *name);
/* /dev/null, open. */
FILE *fuzz_nowhere(void);

/* Takes numbers from the front of an input, zeros behind its end. */
typedef struct fuzz_reader {
    const uint8_t *at, *end;
} fuzz_reader;
static inline uint8_t fuzz_u8(fuzz_reader *r) { return r->at < r->end ? *r->at++ : 0; }
static inline uint32_t fuzz_u32(fuzz_reader *r) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v |= (uint32_t)fuzz_u8(r) << 8 * i;
    return v;
}

/* What must hold whatever the input is. */
#define FUZZ_CHECK(what) ((what) ? (void)0 : (fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what), abort()))
#endif
