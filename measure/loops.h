/* Loops that do one thing and nothing else, as fast as an instruction set can: a table for each set, from a file compiled for it. What a table
   leaves NULL is done no better than by the sets before it. */
#ifndef LNT_MEASURE_LOOPS_H
#define LNT_MEASURE_LOOPS_H
#include <stddef.h>
#include <stdint.h>

/* Independent chains of one operation on registers; returns how many multiplications and additions were done. */
typedef double loop_operations(uint64_t rounds);
/* Reads a buffer once, a multiple of 512 bytes, and returns what depends on every byte. */
typedef uint64_t loop_read(const void *p, size_t bytes);

typedef struct loops {
    const char *needs[4]; /* features: all that the file is compiled for */
    loop_operations *fp32; /* fused multiply-add, where there is one */
    loop_operations *int8; /* products of unsigned and signed 8 bits of any value, added to int32 */
    loop_operations *int4; /* the same where one side has 4 bits, as 8 bits, so that sums of 16 bits hold some */
    const char *fp32_name, *int8_name, *int4_name; /* the instructions */
    loop_read *read, *read_ahead; /* without and with prefetching */
} loops;

extern const loops loops_plain, loops_avx2, loops_avxvnni, loops_avx512, loops_avx512vnni, loops_dotprod, loops_i8mm;

/* The widest reading loop of this CPU, which prefetches. */
loop_read *loops_read_ahead(void);
/* The tables that this CPU can run, from the plain one on; NULL at the end. */
const loops *const *loops_here(void);
#endif
