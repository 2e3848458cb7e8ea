/* fuzz: max_len=6144 weight=3 dict=lnt */
/* A tokenizer section, and a text for it behind: "bytes of the text, then two bytes that say how many". Encoded, alone and as a
   pair, with places, and decoded. */
#include "engine/model.h"
#include "engine/tokenizer.h"
#include "tests/fuzz/mutate_lnt.h"

enum { MOST_TEXT = 600 };

static size_t text_bytes(const uint8_t *data, size_t size) {
    size_t n = size < 2 ? 0 : data[size - 2] | (size_t)data[size - 1] << 8;
    return n > MOST_TEXT || n + 2 > size ? 0 : n;
}

/* Half of the changes are to the text. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    static const char *const PIECES[] = {"the", " ", "\n", "<s>", "</s>", "<mask>", "[MASK]", "[CLS]", "cats", "unable", "\xe4\xb8\xad", "\xc3\xa9", "\xcc\x81", "\xc4\xb0",
                                         "\xe2\x80\xaf", "\xff", "\xf0\x9f\x98", "'re", "123", "...", "\xef\xbf\xbd", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static buffer block;
    static uint8_t text[MOST_TEXT];
    mutate_random r = {seed * 0x9e3779b97f4a7c15u + 1};
    mutate_draw(&r, 2);
    size_t n = text_bytes(data, size);
    memcpy(text, data + size - (n ? n + 2 : 0), n);
    block.size = 0;
    buffer_append(&block, data, size - (n ? n + 2 : 0));
    const char *piece = PIECES[mutate_draw(&r, sizeof PIECES / sizeof *PIECES)];
    switch (mutate_draw(&r, 4)) {
    case 0:
        if (n + strlen(piece) > MOST_TEXT) break;
        size_t at = mutate_draw(&r, n + 1);
        memmove(text + at + strlen(piece), text + at, n - at);
        memcpy(text + at, piece, strlen(piece));
        n += strlen(piece);
        break;
    case 1: n = LLVMFuzzerMutate(text, n, MOST_TEXT); break;
    default: mutate_block(&r, &block);
    }
    if (block.size + n + 2 > max_size || !block.size) return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, block.bytes, block.size);
    memcpy(data + block.size, text, n);
    data[block.size + n] = (uint8_t)n, data[block.size + n + 1] = (uint8_t)(n >> 8);
    return block.size + n + 2;
}

static void encode(lnt_tokenizer *t, const lnt_model *m, const char *text, size_t n, const char *pair, size_t n_pair, size_t max_tokens, unsigned flags) {
    lnt_encoding e;
    lnt_error err = {""};
    if (lnt_encode(t, text, n, pair, n_pair, max_tokens, flags, &e, &err)) {
        FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
        return;
    }
    FUZZ_CHECK(!max_tokens || e.n <= max_tokens);
    for (size_t i = 0; i < e.n; i++) {
        FUZZ_CHECK(e.ids[i] >= 0 && (uint32_t)e.ids[i] < m->info.vocab_size);
        if (!e.places) continue;
        const lnt_place *p = &e.places[i];
        FUZZ_CHECK(p->begin <= p->end && (p->begin == p->end || p->end <= (p->text ? n_pair : n)));
    }
    int32_t ids[256];
    size_t n_ids = e.n < 256 ? e.n : 256, n_text;
    const char *back;
    if (n_ids) memcpy(ids, e.ids, n_ids * sizeof *ids);
    FUZZ_CHECK(!lnt_detokenize(t, ids, n_ids, &back, &n_text, &err));
}

/* Byte-level BPE gives the bytes back, as every byte has its token. */
static void there_and_back(lnt_tokenizer *t, const char *text, size_t n) {
    const int32_t *ids;
    size_t n_ids, n_back;
    const char *back;
    FUZZ_CHECK(!lnt_tokenize(t, text, n, LNT_NO_SPECIAL, &ids, &n_ids, NULL));
    int32_t *copy = malloc((n_ids + 1) * sizeof *copy);
    if (!copy) abort();
    if (n_ids) memcpy(copy, ids, n_ids * sizeof *copy);
    FUZZ_CHECK(!lnt_detokenize(t, copy, n_ids, &back, &n_back, NULL));
    free(copy);
    FUZZ_CHECK(n_back == n && (!n || !memcmp(back, text, n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n = text_bytes(data, size), n_block = size - (n ? n + 2 : 0);
    lnt_error err = {""};
    kv_block block;
    lnt_model m = {.file.path = (char[]){"fuzz"}, .info = {.vocab_size = 300, .n_ctx = 32, .max_tokens = 32, .n_segments = 2}};
    unsigned char *copy = malloc(n_block + 1);
    if (!copy) abort();
    memcpy(copy, data, n_block);
    if (!kv_open(&block, copy, n_block, "fuzz: tokenizer", &err)) m.tokenizer = tokenizer_model_load(&block, m.info.vocab_size, m.file.path, &err);
    lnt_tokenizer *t = m.tokenizer ? lnt_tokenizer_new(&m, &err) : NULL;
    if (!t) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    const char *text = (const char *)data + n_block;
    if (t) {
        encode(t, &m, text, n, NULL, 0, 0, LNT_PLACES);
        encode(t, &m, text, n, NULL, 0, 7, LNT_NO_SPECIAL);
        encode(t, &m, text, n / 2, text + n / 2, n - n / 2, 12, LNT_PLACES);
        if (m.tokenizer->kind == &bpe_kind && !m.tokenizer->bpe.prefix_space && !m.tokenizer->n_added) there_and_back(t, text, n);
    }
    lnt_tokenizer_free(t);
    tokenizer_model_free(m.tokenizer);
    free(copy);
    return 0;
}
