/* fuzz: max_len=16384 weight=4 */
/* A .lnt file, opened; what is in it shown, verified and asked for. */
#include "engine/model.h"
#include "tests/fuzz/mutate_lnt.h"

enum { MOST = 1 << 18 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) { return mutate_lnt(data, size, max_size, seed); }

static volatile int seen;

static void ask(const lnt_model *m) {
    lnt_info info;
    size_t n;
    lnt_model_info(m, &info);
    FUZZ_CHECK(info.n_ctx && info.width && info.max_tokens && info.max_tokens <= info.n_ctx && (info.vocab_size || info.n_channels));
    for (uint32_t i = 0; i < info.n_labels; i++) FUZZ_CHECK(lnt_label(m, i));
    FUZZ_CHECK(!lnt_label(m, info.n_labels));
    for (size_t i = 0; lnt_prompt_name(m, i); i++) FUZZ_CHECK(lnt_prompt(m, lnt_prompt_name(m, i)));
    lnt_prompt(m, NULL);
    for (int32_t id = -1; id < 600; id++) {
        const char *bytes = lnt_token_bytes(m, id, &n);
        if (bytes && n) seen ^= bytes[0] ^ bytes[n - 1]; /* both are there to be read */
        lnt_token_is_special(m, id);
    }
    lnt_image_tokens(m, 0, 0);
    lnt_image_tokens(m, 64, 48);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t zeros[MOST];
    lnt_error err = {""};
    size_t at, whole = size;
    mutate_lnt_is_cut(data, size, MOST, &at, &whole);
    lnt_model *m = lnt_open(fuzz_map_with(data, size, zeros, whole - size), &err);
    if (!m) {
        FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
        return 0;
    }
    ask(m);
    /* Showing takes long: every eighth file each way, by a byte of its hash. */
    unsigned way = data[63] & 7;
    if (way < 2) FUZZ_CHECK(!lnt_describe(m, LNT_DESCRIBE_TENSORS | LNT_DESCRIBE_GRAPH | (way ? LNT_DESCRIBE_JSON : 0), fuzz_nowhere(), &err));
    if (lnt_verify(m, &err)) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    lnt_close(m);
    return 0;
}
