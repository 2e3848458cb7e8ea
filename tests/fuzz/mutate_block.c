#include "tests/fuzz/mutate_lnt.h"

size_t mutate_draw(mutate_random *r, size_t below) {
    r->state ^= r->state << 13, r->state ^= r->state >> 7, r->state ^= r->state << 17;
    return (size_t)((r->state * 0x2545f4914f6cdd1du >> 32) % below);
}

uint64_t mutate_number(mutate_random *r, uint64_t old) {
    static const uint64_t VALUES[] = {0, 1, 2, 3, 4, 15, 16, 17, 63, 64, 255, 256, 4095, 4096, 4097, 65535, 65536, 1 << 20, (1 << 20) + 1, 1 << 24, 1 << 30, 0x7fffffff,
                                      0x80000000, 0xffffffff, (uint64_t)1 << 32, (uint64_t)1 << 40, (uint64_t)1 << 46, (uint64_t)1 << 63, UINT64_MAX};
    switch (mutate_draw(r, 7)) {
    case 0: return old + 1;
    case 1: return old - 1;
    case 2: return old * 2;
    case 3: return old / 2;
    case 4: return mutate_draw(r, 96);
    case 5: return old + mutate_draw(r, 33) - 16;
    default: return VALUES[mutate_draw(r, sizeof VALUES / sizeof *VALUES)];
    }
}

static const char *const KEYS[] = {
    "vocab_size", "n_ctx", "width", "n_layers", "n_heads", "head_dim", "max_tokens", "bos_id", "eos_id", "mask_id", "architecture", "name", "task", "labels",
    "scores", "prompt_names", "prompts", "default_prompt", "type", "head_type", "q8_pairs", "image.height", "image.width", "image.preprocess", "image.resize",
    "image.size", "image.filter", "image.crop", "image.scale", "image.mean", "image.std", "model", "token_bytes", "token_ends", "added_ids", "added_flags",
    "template_single", "template_pair", "trim_places", "byte_ids", "merges", "split", "prefix_space", "whole_first", "clean", "ideographs", "strip_accents",
    "lower", "prefix", "unknown_id", "max_chars", "position_offset", "norm", "eps", "activation", "heads", "kv_heads", "q_at", "k_at", "v_at", "scale", "causal",
    "cache", "pooling", "channels", "patch_height", "patch_width"};
static const char *const WORDS[] = {
    "causal-lm", "masked-lm", "token-classification", "question-answering", "sequence-classification", "image-classification", "softmax", "sigmoid", "identity",
    "bpe-bytes", "wordpiece", "layer", "rms", "l2", "none", "gelu_tanh", "gelu_erf", "relu", "silu", "tanh", "first", "last", "mean", "max", "mean_sqrt",
    "weighted_mean", "second", "exact", "shortest", "longest", "nearest", "lanczos", "bilinear", "bicubic", "box", "hamming", "##", ""};
enum { N_KEYS = sizeof KEYS / sizeof *KEYS, N_WORDS = sizeof WORDS / sizeof *WORDS, MOST_ENTRIES = 64, HEAD = 16, MOST_PAYLOAD = 8192 };

typedef struct entry {
    uint16_t type, key_bytes;
    uint64_t count;
    const uint8_t *key, *payload;
    size_t n_payload;
} entry;

static size_t round8(size_t n) { return (n + 7) / 8 * 8; }

/* Entries as far as their lengths make sense. */
static size_t parse(const buffer *block, entry *out) {
    size_t n = 0;
    for (size_t at = 0; n < MOST_ENTRIES && block->size - at >= HEAD; n++) {
        uint32_t bytes;
        entry *e = &out[n];
        memcpy(&bytes, block->bytes + at, 4);
        memcpy(&e->type, block->bytes + at + 4, 2);
        memcpy(&e->key_bytes, block->bytes + at + 6, 2);
        memcpy(&e->count, block->bytes + at + 8, 8);
        size_t payload = HEAD + round8((size_t)e->key_bytes + 1);
        if (bytes > block->size - at || bytes < payload) break;
        e->key = block->bytes + at + HEAD;
        e->payload = block->bytes + at + payload;
        e->n_payload = bytes - payload;
        at += bytes;
    }
    return n;
}

static void put(buffer *out, const entry *e) {
    size_t start = out->size;
    buffer_u32(out, 0);
    buffer_append(out, &e->type, 2);
    buffer_append(out, &e->key_bytes, 2);
    buffer_u64(out, e->count);
    buffer_append(out, e->key, e->key_bytes);
    buffer_append(out, "", 1);
    buffer_align(out, 8);
    buffer_append(out, e->payload, e->n_payload);
    buffer_align(out, 8);
    if (!out->failed) memcpy(out->bytes + start, &(uint32_t){(uint32_t)(out->size - start)}, 4);
}

/* Bytes of an entry's payload that its count calls for, as far as they are there. */
static size_t used(const entry *e) {
    uint64_t n = e->type == KV_STRING ? e->count : e->type == KV_U32S || e->type == KV_F32S ? e->count * 4 : e->n_payload;
    return n < e->n_payload ? (size_t)n : e->n_payload;
}

/* One number in an entry, in room of n_payload bytes. */
static void change_number(mutate_random *r, entry *e, uint8_t *room) {
    static const double REALS[] = {0, -0.0, 1, -1, 1e-5, 1e-45, 1e-300, 1e30, 3.4e38, 1e300, (double)__builtin_inff(), -(double)__builtin_inff(), (double)__builtin_nanf("")};
    memcpy(room, e->payload, e->n_payload);
    e->payload = room;
    if (e->type == KV_F64 && e->n_payload >= 8) {
        memcpy(room, &REALS[mutate_draw(r, sizeof REALS / sizeof *REALS)], 8);
    } else if (e->type >= KV_STRING && e->n_payload >= 4) {
        uint32_t v, *a = (uint32_t *)(void *)room;
        size_t n = e->n_payload / 4, i = mutate_draw(r, n);
        memcpy(&v, a + (mutate_draw(r, 2) ? i : mutate_draw(r, n)), 4);
        v = mutate_draw(r, 2) ? (uint32_t)mutate_number(r, v) : v;
        memcpy(a + i, &v, 4);
    } else if (e->n_payload >= 8) {
        uint64_t v;
        memcpy(&v, room, 8);
        v = mutate_number(r, v);
        memcpy(room, &v, 8);
    }
}

static void change_payload(mutate_random *r, entry *e, uint8_t *room) {
    size_t n = used(e);
    memcpy(room, e->payload, n);
    n = LLVMFuzzerMutate(room, n, n + 64);
    e->payload = room;
    if (e->type == KV_STRING) e->count = n, room[n++] = 0;
    if (e->type == KV_U32S || e->type == KV_F32S) e->count = n / 4, n = n / 4 * 4;
    e->n_payload = n;
    if (e->type == KV_STRINGS && mutate_draw(r, 2)) e->count = mutate_number(r, e->count);
}

static void name_key(entry *e, const char *key) { e->key = (const uint8_t *)key, e->key_bytes = (uint16_t)strlen(key); }

static void change(mutate_random *r, entry *e, uint8_t *room) {
    const char *word;
    switch (mutate_draw(r, 8)) {
    case 0: name_key(e, KEYS[mutate_draw(r, N_KEYS)]); break;
    case 1: e->type = (uint16_t)mutate_draw(r, 10); break;
    case 2: e->count = mutate_number(r, e->count); break;
    case 3: change_payload(r, e, room); break;
    case 4:
        word = WORDS[mutate_draw(r, N_WORDS)];
        e->type = KV_STRING, e->count = strlen(word), e->payload = (const uint8_t *)word, e->n_payload = strlen(word) + 1;
        break;
    default: change_number(r, e, room);
    }
}

void mutate_block(mutate_random *r, buffer *block) {
    static entry entries[MOST_ENTRIES + 1];
    static uint8_t room[MOST_PAYLOAD + 128];
    static buffer out;
    size_t n = parse(block, entries), i = n ? mutate_draw(r, n) : 0, j = n ? mutate_draw(r, n) : 0;
    entry old = entries[i];
    out.size = 0;
    switch (n ? mutate_draw(r, 16) : 0) {
    case 0: /* a new one */
        memcpy(room, &(uint64_t){mutate_number(r, 16)}, 8);
        entries[n] = (entry){.type = (uint16_t)(1 + mutate_draw(r, 4)), .count = 1, .payload = room, .n_payload = 8};
        name_key(&entries[n++], KEYS[mutate_draw(r, N_KEYS)]);
        break;
    case 1: memmove(entries + i, entries + i + 1, (--n - i) * sizeof *entries); break;
    case 2: entries[i] = entries[j], entries[j] = old; break;
    case 3: entries[i] = entries[j]; break;
    default:
        if (old.n_payload <= MOST_PAYLOAD) change(r, &entries[i], room);
    }
    for (i = 0; i < n; i++) put(&out, &entries[i]);
    buffer swapped = *block;
    *block = out, out = swapped;
}

/* from, its double and triple: what stands for rows of queries, keys and values. */
static bool replace(uint64_t *v, uint64_t from, uint64_t to) {
    for (uint64_t k = 1; k <= 3; k++)
        if (*v == from * k) return *v = to * k, true;
    return false;
}

void mutate_block_numbers(buffer *block, uint64_t from, uint64_t to) {
    static entry entries[MOST_ENTRIES];
    for (size_t n = parse(block, entries), i = 0; i < n; i++) {
        uint64_t v;
        if (entries[i].type != KV_U64 || entries[i].n_payload < 8) continue;
        memcpy(&v, entries[i].payload, 8);
        if (replace(&v, from, to)) memcpy(block->bytes + (entries[i].payload - block->bytes), &v, 8);
    }
}
