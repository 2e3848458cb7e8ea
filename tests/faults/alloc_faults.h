/* Allocations and threads that fail. Linked into a program, or loaded before libc (LD_PRELOAD), this stands in for malloc, calloc,
   realloc, aligned_alloc, posix_memalign, memalign, free, mmap, munmap and pthread_create of the program and of all libraries (so of
   strdup, asprintf, getline, fopen, qsort, ... of libc too). Loaded before libc it reads the environment:
     LINNET_ALLOC_FROM, LINNET_ALLOC_TO   allocations of these numbers, from 1, fail; TO unset: all from FROM on
     LINNET_ALLOC_THREADS                 so many threads can be made, no more
     LINNET_ALLOC_SITES                   file that gets the site of each allocation when the program ends */
#ifndef LNT_TESTS_ALLOC_FAULTS_H
#define LNT_TESTS_ALLOC_FAULTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From here on allocations are counted, those numbered from .. to fail (from 1; 0: none), and those that are made are kept in mind.
   sites: gets a number for where the program stood at each allocation, the first n_sites of them; NULL: none wanted. */
void alloc_begin(uint64_t from, uint64_t to, uint64_t *sites, size_t n_sites);
/* Nothing fails or is counted until alloc_resume, of this thread or another; what is freed is noted. */
void alloc_pause(void);
void alloc_resume(void);

typedef struct alloc_report {
    uint64_t calls, failed, live; /* allocations; how many of them failed; how many have not been freed */
    uint64_t first;               /* the number of the first that has not been freed */
} alloc_report;
alloc_report alloc_end(void);

/* Where these two allocations are made is written to standard error; 0: none. */
void alloc_show(uint64_t one, uint64_t other);

/* Only so many more threads can be made; UINT32_MAX: any. */
void alloc_allow_threads(uint32_t n);
#endif
