#include "measure/loops.h"
#include "measure/features.h"
#include <pthread.h>

static const loops *const all[] = {
    &loops_plain,
#if defined(__x86_64__)
    &loops_avx2,  &loops_avxvnni, &loops_avx512, &loops_avx512vnni,
#elif defined(__aarch64__)
    &loops_dotprod, &loops_i8mm,
#endif
};
enum { TABLES = sizeof all / sizeof *all };

static const loops *here[TABLES + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void) {
    size_t n = 0;
    for (size_t i = 0; i < TABLES; i++) {
        size_t met = 0, needed = 0;
        for (; needed < 4 && all[i]->needs[needed]; needed++) met += measure_has(all[i]->needs[needed]);
        if (met == needed) here[n++] = all[i];
    }
}

const loops *const *loops_here(void) {
    pthread_once(&once, choose);
    return here;
}

loop_read *loops_read_ahead(void) {
    loop_read *read = NULL;
    for (const loops *const *l = loops_here(); *l; l++)
        if ((*l)->read_ahead) read = (*l)->read_ahead;
    return read;
}
