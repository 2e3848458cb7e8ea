/* linnet-bench: kernels, layers and whole models beside the machine's roof, measured in the same process.
     linnet-bench [--model=FILE.lnt ...] [--benchmark_filter=REGEX] [--benchmark_list_tests] ...
   docs/bench.md says what the columns mean. */
#include "bench/bench.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>

static int open_models(int n, char **arguments, lnt_model **models, lnt_error *err) {
    static const char option[] = "--model=";
    for (int i = 0; i < n; i++) {
        const char *path = arguments[i] + sizeof option - 1;
        if (strncmp(arguments[i], option, sizeof option - 1))
            return err_set(err, "unexpected argument \"%s\", expected --model=FILE.lnt or --benchmark_...", arguments[i]);
        if (!(models[i] = lnt_open(path, err))) return -1;
        bench_add_model(path, models[i]);
    }
    return 0;
}

int main(int argc, char **argv) {
    lnt_error err = {"out of memory"};
    gbench_start(&argc, argv);
    const int n = argc > 1 ? argc - 1 : 0;
    lnt_model **models = calloc((size_t)n + 1, sizeof *models);
    bench_add_roof();
    bench_add_kernels();
    bench_add_layers();
    const int rc = models ? open_models(n, argv + 1, models, &err) : -1;
    if (rc) fprintf(stderr, "linnet-bench: %s\n", err.text);
    const bool ran = !rc && gbench_run() > 0;
    for (int i = 0; models && i < n; i++) lnt_close(models[i]);
    free(models);
    return ran ? 0 : 1;
}
