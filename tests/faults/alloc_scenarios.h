/* What is done again and again while allocations fail: each scenario is a whole piece of work through the public API (or, where the
   command does more, the functions behind it), from nothing to nothing. */
#ifndef LNT_TESTS_ALLOC_SCENARIOS_H
#define LNT_TESTS_ALLOC_SCENARIOS_H
#include "tests/faults/alloc_faults.h"
#include "tests/testing.h"
#include <xxhash.h>

typedef struct scenario {
    const char *name;
    /* 0 and a number for all that came out, or -1 and err. A failed call on an object that can go on being used is made a second time,
       with memory. */
    int (*run)(uint64_t *digest, lnt_error *err);
    const char *from; /* the output folder is a copy of this one in it before a run; NULL: it is empty, and after a failure too */
    bool again; /* what came of second calls is in the number, if it is not 0 */
} scenario;

extern const scenario model_scenarios[], text_scenarios[], picture_scenarios[], index_scenarios[]; /* ended by a name of NULL */
extern char fixtures[64]; /* the folder of what they need */
/* Make it; called once, with memory. */
void prepare_checkpoints(void);
void prepare_index(void);

/* Paths in it. */
#define FIXTURE(name) path_of("%s/%s", fixtures, name)
#define OUTPUT(name) path_of("%s/out/%s", fixtures, name)

static inline void mix(uint64_t *digest, const void *bytes, size_t n) { *digest = n ? XXH3_64bits_withSeed(bytes, n, *digest) : *digest + 1; }
/* A file's bytes, read without allocating; aborts if there is none. */
void mix_file(uint64_t *digest, const char *path);

/* -1 if the call fails (which uses the name err), having made it once more with memory: then it must work. */
#define TRY_AGAIN(call)                                     \
    ((call) ? (alloc_pause(), ({                            \
         lnt_error again = {""}, *err = &again;             \
         if (call) failed_again(#call, again.text);         \
     }), alloc_resume(), -1) : 0)
_Noreturn void failed_again(const char *call, const char *why);
#endif
