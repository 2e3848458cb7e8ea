/* fuzz: max_len=1024 weight=1 */
/* The sampler with any settings, over any logits, NaN and infinity too: what it takes is a token. */
#include "engine/model.h"
#include "tests/fuzz/fuzz.h"

enum { VOCAB = 150 };

static float fuzz_f32(fuzz_reader *r) {
    uint32_t bits = fuzz_u32(r);
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reader r = {data, data + size};
    lnt_error err = {""};
    lnt_model m = {.file.path = (char[]){"fuzz"}, .info.vocab_size = 1 + fuzz_u8(&r) % VOCAB};
    int32_t ids[2] = {(int8_t)fuzz_u8(&r), (int8_t)fuzz_u8(&r)};
    float values[2] = {fuzz_f32(&r), fuzz_f32(&r)}, logits[VOCAB] = {0};
    uint8_t flags = fuzz_u8(&r);
    lnt_sampling o = lnt_sampling_default();
    o.temperature = flags & 1 ? fuzz_f32(&r) : (float)fuzz_u8(&r) / 64;
    o.top_k = flags & 2 ? fuzz_u32(&r) : fuzz_u8(&r);
    o.top_p = flags & 4 ? fuzz_f32(&r) : (float)fuzz_u8(&r) / 255;
    o.min_p = flags & 8 ? fuzz_f32(&r) : (float)fuzz_u8(&r) / 512;
    o.repeat_penalty = flags & 16 ? fuzz_f32(&r) : 1 + (float)fuzz_u8(&r) / 64;
    o.repeat_last = fuzz_u8(&r) % 16;
    o.seed = fuzz_u8(&r);
    o.bias_ids = ids, o.bias_values = values, o.n_bias = flags >> 5 & 3;
    if (o.n_bias > 2) o.n_bias = 2;
    lnt_sampler *s = lnt_sampler_new(&m, &o, &err);
    if (!s) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    for (int step = 0; s && step < 4; step++) {
        for (uint32_t i = 0; i < m.info.vocab_size; i++) logits[i] = r.end - r.at > 64 && step & 1 ? (float)(int8_t)fuzz_u8(&r) : fuzz_f32(&r);
        int32_t id = lnt_sample(s, logits);
        FUZZ_CHECK(id >= 0 && (uint32_t)id < m.info.vocab_size);
        lnt_sampler_accept(s, id);
        lnt_log_probability(logits, m.info.vocab_size, id);
    }
    lnt_sampler_free(s);
    return 0;
}
