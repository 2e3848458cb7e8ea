/* fuzz: max_len=4096 weight=1 dict=lnt */
/* A key/value block, walked and asked for everything; and as a model's settings of images. */
#include "engine/preprocess.h"
#include "tests/fuzz/mutate_lnt.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    static buffer block;
    mutate_random r = {seed * 0x9e3779b97f4a7c15u + 1};
    if (!mutate_draw(&r, 4)) return LLVMFuzzerMutate(data, size, max_size);
    block.size = 0;
    buffer_append(&block, data, size);
    mutate_block(&r, &block);
    if (block.size > max_size) return LLVMFuzzerMutate(data, size, max_size);
    if (block.size) memcpy(data, block.bytes, block.size);
    return block.size;
}

static uint32_t checked;

static void look(const kv_entry *e) {
    size_t n;
    switch (e->type) {
    case KV_STRING: FUZZ_CHECK(!((const char *)e->payload)[e->count]); break;
    case KV_STRINGS:
        for (uint64_t i = 0; i < e->count; i++) {
            const char *s = kv_string_at(e, i, &n);
            FUZZ_CHECK(!s[n]);
            checked += (uint8_t)s[0];
        }
        break;
    case KV_U32S: case KV_F32S:
        for (uint64_t i = 0; i < e->count; i++) checked += kv_u32s(e)[i];
        break;
    default: checked += (uint32_t)*(const uint64_t *)e->payload;
    }
}

static void walk(const uint8_t *data, size_t size) {
    kv_block block;
    kv_entry e, found;
    lnt_error err = {""};
    size_t at = 0, n = 0;
    preprocess p;
    if (kv_open(&block, data, size, "fuzz", &err)) {
        FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
        return;
    }
    for (; kv_next(&block, &at, &e); n++) {
        FUZZ_CHECK(kv_find(&block, e.key, e.type, &found) && found.payload == e.payload);
        look(&e);
    }
    FUZZ_CHECK(n == block.n_entries);
    for (uint32_t channels = 1; channels <= 4; channels++) preprocess_load(&p, &block, channels, "fuzz", &err);
}

/* Of a file, too, a block begins where eight bytes do; AFL++'s input does not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *aligned = malloc(size ? size : 1);
    if (!aligned) abort();
    memcpy(aligned, data, size);
    walk(aligned, size);
    free(aligned);
    return 0;
}
