/* Completes a text greedily through the C API:  cc example.c $(pkg-config --cflags --libs linnet) && ./a.out MODEL TEXT N */
#include <linnet.h>
#include <stdlib.h>
#include <string.h>

static int complete(lnt_context *context, lnt_tokenizer *tokenizer, lnt_sampler *sampler, const lnt_model *model, const char *text, int n, lnt_error *err) {
    lnt_span span = {0};
    if (lnt_tokenize(tokenizer, text, strlen(text), 0, &span.ids, &span.n_ids, err)) return -1;
    for (int32_t id; n-- > 0; span = (lnt_span){.ids = &id, .n_ids = 1}) {
        if (lnt_eval(context, &span, 1, err)) return -1;
        id = lnt_sample(sampler, lnt_output(context, 0));
        size_t n_bytes;
        const char *bytes = lnt_token_bytes(model, id, &n_bytes);
        fwrite(bytes, 1, n_bytes, stdout);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: %s MODEL TEXT N\n", argv[0]), 2;
    lnt_error err = {"out of memory"};
    lnt_model *model = lnt_open(argv[1], &err);
    lnt_sampling sampling = lnt_sampling_default();
    sampling.temperature = 0;
    lnt_context *context = model ? lnt_context_new(model, NULL, &err) : NULL;
    lnt_tokenizer *tokenizer = context ? lnt_tokenizer_new(model, &err) : NULL;
    lnt_sampler *sampler = tokenizer ? lnt_sampler_new(model, &sampling, &err) : NULL;
    int failed = !sampler || complete(context, tokenizer, sampler, model, argv[2], atoi(argv[3]), &err);
    if (failed) fprintf(stderr, "%s\n", err.text);
    lnt_sampler_free(sampler);
    lnt_tokenizer_free(tokenizer);
    lnt_context_free(context);
    lnt_close(model);
    return failed;
}
