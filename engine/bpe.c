#include "engine/bpe.h"
#include "engine/piece_cache.h"
#include "engine/pretokenize.h"
#include "engine/token_table.h"
#include "engine/tokenizer.h"
#include "engine/unicode.h"
#include "formats/error.h"
#include <stdlib.h>

enum {
    SHORT_PIECE = 48,
    KEPT_ROOM = 1 << 16, /* bytes of a piece: room for more is given back */
    NO_NODE = -1,
    NO_MERGE = INT32_MAX,
};

/* One merge in a table open to the next free place; rank NO_MERGE: free. */
typedef struct merge {
    uint32_t left, right;
    int32_t rank, result;
} merge;

/* A long piece is a list of nodes, and a heap of the merges that may come. */
typedef struct node {
    int32_t id, prev, next; /* id < 0: merged into another */
} node;
typedef struct candidate {
    int32_t rank, at, left, right; /* the ids that must still stand at node `at` and behind it */
} candidate;

typedef struct bpe {
    const tokenizer_model *tokens;
    const bpe_model *model;
    merge *merges;
    size_t merge_mask;
    token_table whole; /* whole_first */
    cached_piece *cache;
    node *nodes;
    candidate *heap;
    size_t room, n_heap; /* bytes of a piece that nodes and heap have room for */
} bpe;

/* ---- loading ---- */

static int check_merges(const bpe_model *m, const tokenizer_model *t, lnt_error *err) {
    for (size_t i = 0; i < m->n_merges; i++) {
        const uint32_t *r = m->merges + 3 * i;
        const char *bytes[3];
        size_t n[3] = {0};
        bool inside = r[0] < t->n_tokens && r[1] < t->n_tokens && r[2] < t->n_tokens;
        for (int k = 0; inside && k < 3; k++) bytes[k] = tokenizer_bytes(t, r[k], &n[k]);
        if (!inside || !n[0] || !n[1] || n[0] + n[1] != n[2] || memcmp(bytes[2], bytes[0], n[0]) || memcmp(bytes[2] + n[0], bytes[1], n[1]))
            return err_set(err, "%s: tokenizer: merge %zu does not make the token %u of tokens %u and %u", t->path, i, r[2], r[0], r[1]);
    }
    return 0;
}

static int load(tokenizer_model *t, const kv_block *block, lnt_error *err) {
    bpe_model *m = &t->bpe;
    kv_entry bytes, merges;
    if (!kv_find(block, "byte_ids", KV_U32S, &bytes) || bytes.count != 256) return err_set(err, "%s: tokenizer: 'byte_ids' is not a list of 256 ids", t->path);
    if (!kv_find(block, "merges", KV_U32S, &merges) || merges.count % 3 || merges.count / 3 >= NO_MERGE)
        return err_set(err, "%s: tokenizer: 'merges' is not a list of triples", t->path);
    *m = (bpe_model){.byte_ids = kv_u32s(&bytes), .merges = kv_u32s(&merges), .n_merges = (size_t)merges.count / 3};
    if (!kv_get_bool(block, "split", &m->split) || !kv_get_bool(block, "prefix_space", &m->prefix_space) || !kv_get_bool(block, "whole_first", &m->whole_first))
        return err_set(err, "%s: tokenizer: 'split', 'prefix_space' or 'whole_first' is missing", t->path);
    for (int i = 0; i < 256; i++) {
        size_t n = 0;
        const char *b = m->byte_ids[i] < t->n_tokens ? tokenizer_bytes(t, m->byte_ids[i], &n) : NULL;
        if (n != 1 || (unsigned char)*b != i) return err_set(err, "%s: tokenizer: token %u is not the byte %d", t->path, m->byte_ids[i], i);
    }
    return check_merges(m, t, err);
}

/* ---- tables ---- */

/* The merge of two tokens, or the free place that it would take; steps, if not NULL, counts the others passed. */
static inline merge *merge_place(const bpe *b, uint32_t left, uint32_t right, size_t *steps) {
    size_t at = hash_mix((uint64_t)left << 32 | right) & b->merge_mask;
    for (; b->merges[at].rank != NO_MERGE && (b->merges[at].left != left || b->merges[at].right != right); at = (at + 1) & b->merge_mask)
        if (steps) ++*steps;
    return &b->merges[at];
}

static inline const merge *find_merge(const bpe *b, int32_t left, int32_t right) { return merge_place(b, (uint32_t)left, (uint32_t)right, NULL); }

static int make_merges(bpe *b, lnt_error *err) {
    const bpe_model *m = b->model;
    size_t size = 16;
    while (size < 2 * m->n_merges) size *= 2;
    b->merges = malloc(size * sizeof *b->merges);
    b->merge_mask = size - 1;
    if (!b->merges) return err_memory(err, size * sizeof *b->merges, "a tokenizer");
    for (size_t i = 0; i < size; i++) b->merges[i].rank = NO_MERGE;
    for (size_t i = 0, steps = 0; i < m->n_merges; i++) {
        const uint32_t *r = m->merges + 3 * i;
        merge *place = merge_place(b, r[0], r[1], &steps);
        if (place->rank == NO_MERGE) *place = (merge){r[0], r[1], (int32_t)i, (int32_t)r[2]}; /* of two, the lower rank */
        if (steps > size * TABLE_MOST_STEPS) return err_set(err, "%s: tokenizer: its merges collide in a hash table", b->tokens->path);
    }
    return 0;
}

static void bpe_free(void *state) {
    bpe *b = state;
    if (!b) return;
    free(b->merges);
    token_table_free(&b->whole);
    free(b->cache);
    free(b->nodes);
    free(b->heap);
    free(b);
}

static void *bpe_new(const tokenizer_model *tokens, lnt_error *err) {
    bpe *b = calloc(1, sizeof *b);
    if (!b) return err_memory(err, sizeof *b, "a tokenizer"), NULL;
    b->tokens = tokens;
    b->model = &tokens->bpe;
    b->cache = calloc((size_t)1 << PIECE_CACHE_BITS, sizeof *b->cache);
    if (!b->cache) err_memory(err, sizeof *b->cache << PIECE_CACHE_BITS, "a tokenizer");
    else if (!make_merges(b, err) && (!b->model->whole_first || !token_table_make(&b->whole, tokens, "", 0, TOKEN_ADDED, err))) return b;
    bpe_free(b);
    return NULL;
}

/* ---- merging ---- */

/* In place; gives the number of ids left. Every merge looks at all ranks: for few bytes that is the fastest. */
static size_t merge_short(const bpe *b, const char *text, size_t n, int32_t *ids) {
    int32_t ranks[SHORT_PIECE], results[SHORT_PIECE];
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)b->model->byte_ids[(unsigned char)text[i]];
    for (size_t i = 0; i + 1 < n; i++) {
        const merge *m = find_merge(b, ids[i], ids[i + 1]);
        ranks[i] = m->rank, results[i] = m->result;
    }
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (ranks[i] < ranks[best]) best = i;
        if (ranks[best] == NO_MERGE) break;
        ids[best] = results[best];
        n--;
        for (size_t i = best + 1; i < n; i++) ids[i] = ids[i + 1], ranks[i - 1] = ranks[i], results[i - 1] = results[i];
        for (size_t i = best ? best - 1 : 0; i <= best && i + 1 < n; i++) {
            const merge *m = find_merge(b, ids[i], ids[i + 1]);
            ranks[i] = m->rank, results[i] = m->result;
        }
    }
    return n;
}

static bool comes_before(const candidate *a, const candidate *b) { return a->rank < b->rank || (a->rank == b->rank && a->at < b->at); }

static void push(bpe *b, int32_t at) {
    int32_t next = b->nodes[at].next;
    if (next == NO_NODE) return;
    candidate c = {find_merge(b, b->nodes[at].id, b->nodes[next].id)->rank, at, b->nodes[at].id, b->nodes[next].id};
    if (c.rank == NO_MERGE) return;
    size_t i = b->n_heap++;
    for (size_t parent; i && comes_before(&c, &b->heap[parent = (i - 1) / 2]); i = parent) b->heap[i] = b->heap[parent];
    b->heap[i] = c;
}

static candidate pop(bpe *b) {
    candidate top = b->heap[0], c = b->heap[--b->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < b->n_heap; i = child) {
        if (child + 1 < b->n_heap && comes_before(&b->heap[child + 1], &b->heap[child])) child++;
        if (!comes_before(&b->heap[child], &c)) break;
        b->heap[i] = b->heap[child];
    }
    b->heap[i] = c;
    return top;
}

/* The heap begins with n - 1 candidates; each of at most n - 1 merges takes one and adds at most two. */
static int make_room(bpe *b, size_t n) {
    if (n <= b->room) return 0;
    if (n > INT32_MAX) return -1;
    node *nodes = realloc(b->nodes, n * sizeof *nodes);
    if (nodes) b->nodes = nodes;
    candidate *heap = realloc(b->heap, 2 * n * sizeof *heap);
    if (heap) b->heap = heap;
    if (!nodes || !heap) return -1;
    b->room = n;
    return 0;
}

static void give_back(bpe *b) {
    if (b->room <= KEPT_ROOM) return;
    free(b->nodes);
    free(b->heap);
    b->nodes = NULL;
    b->heap = NULL;
    b->room = 0;
}

static void merge_nodes(bpe *b, int32_t at) {
    node *left = &b->nodes[at], *right = &b->nodes[left->next];
    left->id = find_merge(b, left->id, right->id)->result;
    right->id = -1;
    left->next = right->next;
    if (left->next != NO_NODE) b->nodes[left->next].prev = at;
    if (left->prev != NO_NODE) push(b, left->prev);
    push(b, at);
}

static int merge_long(bpe *b, const char *text, size_t n, token_list *out) {
    if (make_room(b, n)) return -1;
    b->n_heap = 0;
    for (size_t i = 0; i < n; i++)
        b->nodes[i] = (node){(int32_t)b->model->byte_ids[(unsigned char)text[i]], (int32_t)i - 1, i + 1 < n ? (int32_t)i + 1 : NO_NODE};
    for (size_t i = 0; i + 1 < n; i++) push(b, (int32_t)i);
    while (b->n_heap) {
        candidate c = pop(b);
        const node *at = &b->nodes[c.at];
        if (at->id == c.left && at->next != NO_NODE && b->nodes[at->next].id == c.right) merge_nodes(b, c.at);
    }
    for (int32_t i = 0; i != NO_NODE; i = b->nodes[i].next) out->ids[out->n++] = b->nodes[i].id;
    give_back(b);
    return 0;
}

/* ---- pieces ---- */

static int encode_new(bpe *b, const char *piece, size_t n, token_list *out) {
    int32_t whole = b->model->whole_first ? token_table_find(&b->whole, piece, n) : -1;
    if (whole >= 0) return out->ids[out->n++] = whole, 0;
    if (n > SHORT_PIECE) return merge_long(b, piece, n, out);
    out->n += merge_short(b, piece, n, out->ids + out->n);
    return 0;
}

static int encode_piece(bpe *b, const char *piece, size_t n, token_list *out) {
    if (token_list_reserve(out, n < SHORT_PIECE ? SHORT_PIECE : n)) return -1;
    if (n > PIECE_BYTES) return encode_new(b, piece, n, out);
    cached_piece *c = piece_place(b->cache, piece, n);
    if (piece_is(c, piece, n)) return piece_append(c, out), 0;
    size_t before = out->n;
    if (encode_new(b, piece, n, out)) return -1;
    piece_keep(c, piece, n, out, before);
    return 0;
}

/* The first piece of a text that gets a space before it. */
static int encode_with_space(bpe *b, const char *text, size_t n, size_t *taken, token_list *out) {
    char *copy = malloc(n + 1);
    if (!copy) return -1;
    copy[0] = ' ';
    memcpy(copy + 1, text, n);
    size_t length = b->model->split ? pretokenize_gpt2(copy, n + 1) : n + 1;
    int rc = encode_piece(b, copy, length, out);
    free(copy);
    *taken = length - 1;
    return rc;
}

/* Tokens from `before` on cover the bytes begin to end one behind the other, the first of them a space before those too. A
   token that covers a part of a character stands where the character does, and a space that is not there with the first one. */
static void put_places(const bpe *b, const char *text, size_t begin, size_t end, bool space, token_list *out, size_t before) {
    const unsigned char *p = (const unsigned char *)text;
    size_t at = begin, from = begin, to = begin, length; /* the character from .. to has been reached */
    for (size_t i = before; i < out->n; i++) {
        size_t n;
        tokenizer_bytes(b->tokens, (uint32_t)out->ids[i], &n);
        n -= i == before && space;
        for (; to <= at; to += length) from = to, unicode_next(p + to, end - to, &length);
        out->places[i] = (lnt_place){.begin = (uint32_t)from};
        at += n;
        for (; to < at; to += length) from = to, unicode_next(p + to, end - to, &length);
        out->places[i].end = (uint32_t)to;
    }
}

static int encode(void *state, const char *text, size_t begin, size_t end, unsigned flags, token_list *out, size_t *n_invalid) {
    bpe *b = state;
    size_t taken = 0, before = out->n;
    bool space = begin < end && b->model->prefix_space && text[begin] != ' ';
    (void)flags, (void)n_invalid; /* added tokens are all found before, and any bytes can be tokenized */
    if (space && encode_with_space(b, text + begin, end - begin, &taken, out)) return -1;
    for (size_t at = begin + taken; at < end;) {
        size_t length = b->model->split ? pretokenize_gpt2(text + at, end - at) : end - at;
        if (encode_piece(b, text + at, length, out)) return -1;
        at += length;
    }
    if (out->with_places) put_places(b, text, begin, end, space, out, before);
    return 0;
}

static void decode(const tokenizer_model *m, uint32_t id, bool first, buffer *out) {
    size_t n;
    const char *bytes = tokenizer_bytes(m, id, &n);
    (void)first;
    buffer_append(out, bytes, n);
}

static const char *const KEYS[] = {"byte_ids", "merges", "split", "prefix_space", "whole_first", NULL};
const tokenizer_kind bpe_kind = {"bpe-bytes", KEYS, false, load, bpe_new, bpe_free, encode, decode};
