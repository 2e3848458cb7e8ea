/* Images a second of a model, pixel values given: linnet-bench-images MODEL BATCH THREADS SECONDS. Each call of
   lnt_batcher_run_images is timed by itself; prints the rate of the median and of the best. */
#include "linnet.h"
#include "measure/clock.h"
#include <stdlib.h>

enum { MAX_CALLS = 10000 };

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void take(void *user, const lnt_picture_result *result) {
    double *sum = user;
    if (result->row) sum[result->index] = (double)result->row[0];
}

/* About uniform in -2 .. 2. */
static float draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) * 0x1p-22f - 2;
}

static int measure(lnt_batcher *b, const lnt_picture *pictures, size_t n, double seconds, lnt_error *err) {
    static double times[MAX_CALLS];
    size_t calls = 0;
    double *sums = calloc(n, sizeof *sums), begin = measure_seconds();
    int rc = lnt_batcher_run_images(b, pictures, n, take, sums, err);
    while (!rc && calls < MAX_CALLS && (calls < 3 || measure_seconds() - begin < seconds)) {
        double from = measure_seconds();
        rc = lnt_batcher_run_images(b, pictures, n, take, sums, err);
        times[calls++] = measure_seconds() - from;
    }
    free(sums);
    if (rc) return rc;
    qsort(times, calls, sizeof *times, by_size);
    printf("%.3f %.3f\n", (double)n / times[calls / 2], (double)n / times[0]);
    return 0;
}

static int run(char **arguments, lnt_error *err) {
    lnt_model *model = lnt_open(arguments[0], err);
    lnt_info info = {0};
    size_t n = strtoul(arguments[1], NULL, 10);
    lnt_batcher_options o = {.n_threads = (uint32_t)strtoul(arguments[2], NULL, 10)};
    if (model) lnt_model_info(model, &info);
    size_t floats = (size_t)info.n_channels * info.image_height * info.image_width;
    lnt_batcher *b = model && n ? lnt_batcher_new(model, &o, err) : NULL;
    lnt_picture *pictures = calloc(n + 1, sizeof *pictures);
    float *pixels = malloc((n * floats + 1) * sizeof *pixels);
    uint64_t state = 1;
    int rc = b && pictures && pixels ? 0 : -1;
    for (size_t i = 0; !rc && i < n * floats; i++) pixels[i] = draw(&state);
    for (size_t i = 0; !rc && i < n; i++) pictures[i].pixels = pixels + i * floats;
    if (!rc) rc = measure(b, pictures, n, strtod(arguments[3], NULL), err);
    free(pixels);
    free(pictures);
    lnt_batcher_free(b);
    lnt_close(model);
    return rc;
}

int main(int argc, char **argv) {
    lnt_error err = {"usage: linnet-bench-images MODEL BATCH THREADS SECONDS"};
    if (argc == 5 && !run(argv + 1, &err)) return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}
