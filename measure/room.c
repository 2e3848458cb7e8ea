#define _GNU_SOURCE
#include "measure/room.h"
#include <sys/mman.h>

int room_make(room *r, size_t bytes, lnt_error *err) {
    char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return err_memory(err, bytes, "a measurement");
    madvise(at, bytes, MADV_HUGEPAGE);
    *r = (room){at, bytes};
    return 0;
}

void room_free(room *r) {
    if (r->at) munmap(r->at, r->bytes);
    *r = (room){0};
}
