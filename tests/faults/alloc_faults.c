#define _GNU_SOURCE
#include "tests/faults/alloc_faults.h"
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

enum { TABLE = 1 << 20, FRAMES = 10, EARLY = 1 << 14 };

/* ---- state, under one lock ---- */

typedef struct block {
    uintptr_t at; /* 0: free */
    uint64_t number;
} block;

static int lock; /* a spin lock: a mutex of pthread's may not be had this early */
static bool on;
static uint64_t calls, failed, fail_from, fail_to, n_blocks;
static uint64_t *sites;
static size_t n_sites;
static block blocks[TABLE]; /* open addressing */
static uint32_t threads_left = UINT32_MAX;
static uint64_t shown[2];
static _Thread_local bool making_thread;  /* what pthread_create allocates it keeps for the next thread */
static _Thread_local bool looking;        /* backtrace may allocate */

static void take(void) {
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) ;
}
static void give(void) { __atomic_store_n(&lock, 0, __ATOMIC_RELEASE); }

static size_t slot_of(uintptr_t at) { return (size_t)((at >> 4) * 0x9e3779b97f4a7c15u >> 40) % TABLE; }

static void note(const void *p, uint64_t number) {
    size_t i = slot_of((uintptr_t)p);
    if (++n_blocks > TABLE / 2) abort();
    while (blocks[i].at) i = (i + 1) % TABLE;
    blocks[i] = (block){(uintptr_t)p, number};
}

static void forget(const void *p) {
    size_t i = slot_of((uintptr_t)p);
    while (blocks[i].at != (uintptr_t)p) {
        if (!blocks[i].at) return;
        i = (i + 1) % TABLE;
    }
    n_blocks--;
    for (size_t next = i;;) { /* those behind it that belong before the hole move into it */
        blocks[i].at = 0;
        size_t home;
        do {
            next = (next + 1) % TABLE;
            if (!blocks[next].at) return;
            home = slot_of(blocks[next].at);
        } while (i <= next ? i < home && home <= next : i < home || home <= next);
        blocks[i] = blocks[next];
        i = next;
    }
}

static void forget_locked(const void *p) {
    if (!p || !n_blocks) return;
    take();
    forget(p);
    give();
}

/* ---- deciding ---- */

static uint64_t site(void) {
    void *frames[FRAMES + 3];
    int n = backtrace(frames, FRAMES + 3);
    uint64_t hash = 0;
    for (int i = 3; i < n; i++) hash = (hash ^ (uintptr_t)frames[i]) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
    return hash;
}

static void show(void) {
    void *frames[40];
    static const char LINE[] = "----\n";
    (void)!write(2, LINE, sizeof LINE - 1);
    backtrace_symbols_fd(frames, backtrace(frames, 40), 2);
}

/* The number of an allocation, 0: it is not counted; *fails: it is to fail. */
static __attribute__((noinline)) uint64_t begin(bool *fails) {
    *fails = false;
    if (!__atomic_load_n(&on, __ATOMIC_ACQUIRE) || looking) return 0;
    uint64_t where = 0;
    bool wanted = sites != NULL;
    looking = true;
    if (wanted) where = site();
    take();
    uint64_t number = ++calls;
    *fails = fail_from && number >= fail_from && number <= fail_to;
    failed += *fails;
    if (wanted && number <= n_sites) sites[number - 1] = where;
    give();
    if (number == shown[0] || number == shown[1]) show();
    looking = false;
    return number;
}

static void *end(void *p, uint64_t number) {
    if (!p || !number || making_thread) return p;
    take();
    note(p, number);
    give();
    return p;
}

void alloc_begin(uint64_t from, uint64_t to, uint64_t *to_sites, size_t room) {
    void *frame[1];
    backtrace(frame, 1); /* what it loads it loads now */
    if (n_blocks) memset(blocks, 0, sizeof blocks);
    n_blocks = calls = failed = 0;
    fail_from = from, fail_to = to;
    sites = to_sites, n_sites = room;
    alloc_resume();
}

void alloc_pause(void) { __atomic_store_n(&on, false, __ATOMIC_RELEASE); }
void alloc_resume(void) { __atomic_store_n(&on, true, __ATOMIC_RELEASE); }

alloc_report alloc_end(void) {
    alloc_pause();
    alloc_report r = {calls, failed, n_blocks, UINT64_MAX};
    for (size_t i = 0; n_blocks && i < TABLE; i++)
        if (blocks[i].at && blocks[i].number < r.first) r.first = blocks[i].number;
    return r;
}

void alloc_show(uint64_t one, uint64_t other) { shown[0] = one, shown[1] = other; }
void alloc_allow_threads(uint32_t n) { __atomic_store_n(&threads_left, n, __ATOMIC_RELEASE); }

/* ---- the calls ---- */

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void (*free)(void *);
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    int (*munmap)(void *, size_t);
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
} real;

/* What is allocated while the real ones are looked up. */
static char early[EARLY];
static size_t early_used;
static bool finding;

static void find(void) {
    if (real.pthread_create || finding) return;
    finding = true;
    *(void **)&real.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    *(void **)&real.free = dlsym(RTLD_NEXT, "free");
    *(void **)&real.mmap = dlsym(RTLD_NEXT, "mmap");
    *(void **)&real.munmap = dlsym(RTLD_NEXT, "munmap");
    *(void **)&real.pthread_create = dlsym(RTLD_NEXT, "pthread_create");
    finding = false;
}

static void *early_alloc(size_t n) {
    size_t at = (early_used + 15) & ~(size_t)15;
    if (n > EARLY - at) abort();
    early_used = at + n;
    return early + at;
}
static bool is_early(const void *p) { return (const char *)p >= early && (const char *)p < early + EARLY; }

static void *out_of_memory(void) {
    errno = ENOMEM;
    return NULL;
}

#define ALLOCATE(early_call, real_call)         \
    find();                                     \
    if (!real.pthread_create) return early_call; \
    bool fails;                                 \
    uint64_t number = begin(&fails);            \
    return fails ? out_of_memory() : end(real_call, number)

PUBLIC void *malloc(size_t n) { ALLOCATE(early_alloc(n), real.malloc(n)); }
PUBLIC void *calloc(size_t n, size_t size) { ALLOCATE(early_alloc(n * size), real.calloc(n, size)); }
PUBLIC void *aligned_alloc(size_t alignment, size_t n) { ALLOCATE(out_of_memory(), real.aligned_alloc(alignment, n)); }
PUBLIC void *memalign(size_t alignment, size_t n) { ALLOCATE(out_of_memory(), real.aligned_alloc(alignment, n)); }

PUBLIC int posix_memalign(void **p, size_t alignment, size_t n) {
    int before = errno;
    void *got = aligned_alloc(alignment, n);
    errno = before;
    if (!got) return ENOMEM;
    *p = got;
    return 0;
}

PUBLIC void *realloc(void *p, size_t n) {
    find();
    if (!real.pthread_create || is_early(p)) abort();
    bool fails;
    uint64_t number = begin(&fails);
    if (fails) return out_of_memory();
    forget_locked(p); /* before another thread can have its place */
    void *grown = real.realloc(p, n);
    return grown || !n ? end(grown, number) : end(p, number) ? NULL : NULL;
}

PUBLIC void free(void *p) {
    if (!p || is_early(p)) return;
    forget_locked(p);
    real.free(p);
}

PUBLIC void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    find();
    bool fails = false;
    uint64_t number = flags & MAP_FIXED ? 0 : begin(&fails);
    if (fails) return out_of_memory(), MAP_FAILED;
    void *p = real.mmap(at, n, protection, flags, fd, offset);
    if (p != MAP_FAILED) end(p, number);
    return p;
}
PUBLIC void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset) { return mmap(at, n, protection, flags, fd, offset); }

PUBLIC int munmap(void *p, size_t n) {
    find();
    forget_locked(p);
    return real.munmap(p, n);
}

PUBLIC int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg) {
    uint32_t left = __atomic_load_n(&threads_left, __ATOMIC_ACQUIRE);
    find();
    if (!left) return EAGAIN;
    if (left != UINT32_MAX) __atomic_store_n(&threads_left, left - 1, __ATOMIC_RELEASE);
    making_thread = true;
    int result = real.pthread_create(thread, attributes, fn, arg);
    making_thread = false;
    return result;
}

/* ---- loaded before libc ---- */

#ifdef ALLOC_PRELOADED
enum { MOST_SITES = 1 << 20 };
static uint64_t their_sites[MOST_SITES];

__attribute__((constructor)) static void read_environment(void) {
    const char *from = getenv("LINNET_ALLOC_FROM"), *to = getenv("LINNET_ALLOC_TO"), *threads = getenv("LINNET_ALLOC_THREADS");
    if (threads) alloc_allow_threads((uint32_t)strtoul(threads, NULL, 10));
    alloc_begin(from ? strtoull(from, NULL, 10) : 0, to ? strtoull(to, NULL, 10) : UINT64_MAX, getenv("LINNET_ALLOC_SITES") ? their_sites : NULL, MOST_SITES);
}

__attribute__((destructor)) static void write_sites(void) {
    const char *path = getenv("LINNET_ALLOC_SITES");
    if (!path) return;
    alloc_report r = alloc_end();
    size_t n = sizeof *their_sites * (r.calls < MOST_SITES ? r.calls : MOST_SITES);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, their_sites, n) != (ssize_t)n) abort();
    close(fd);
}
#endif
