#include "engine/exponential.h"
#include "engine/model.h"
#include "simd/kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    float weight; /* exp((logit - max) / temperature) */
    int32_t id;
} candidate;

struct lnt_sampler {
    lnt_sampling options;
    const kernels *kernels;
    size_t n_vocab;
    uint64_t state[4];
    int32_t *bias_ids;
    float *bias_values;
    int32_t *recent; /* ring of the last repeat_last tokens */
    size_t n_recent, next_recent;
    float *logits, *weights;
    candidate *heap, *kept;
};

/* xoshiro256** (Blackman & Vigna 2018), seeded by splitmix64. */
static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
static uint64_t next_random(uint64_t *s) {
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}
static void seed_random(uint64_t *s, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        s[i] = z ^ (z >> 31);
    }
}

lnt_sampling lnt_sampling_default(void) { return (lnt_sampling){.temperature = 1, .top_p = 1, .repeat_penalty = 1, .repeat_last = 64}; }

static int check_sampling(const lnt_model *m, const lnt_sampling *o, lnt_error *err) {
    if (!m->info.vocab_size) return err_set(err, "%s: has no vocabulary to choose from", m->file.path);
    if (!(o->temperature >= 0) || isinf(o->temperature)) return err_set(err, "temperature %g, expected 0 or more", (double)o->temperature);
    if (!(o->top_p > 0 && o->top_p <= 1)) return err_set(err, "top-p %g, expected above 0 and at most 1", (double)o->top_p);
    if (!(o->min_p >= 0 && o->min_p <= 1)) return err_set(err, "min-p %g, expected 0 to 1", (double)o->min_p);
    if (!(o->repeat_penalty > 0) || isinf(o->repeat_penalty)) return err_set(err, "repeat penalty %g, expected above 0", (double)o->repeat_penalty);
    if (o->repeat_last > 1u << 20) return err_set(err, "repeat window of %u tokens, expected at most %u", o->repeat_last, 1u << 20);
    for (size_t i = 0; i < o->n_bias; i++)
        if (o->bias_ids[i] < 0 || (uint32_t)o->bias_ids[i] >= m->info.vocab_size || isnan(o->bias_values[i]))
            return err_set(err, "logit bias for token id %d, expected 0 to %u and a number", o->bias_ids[i], m->info.vocab_size - 1);
    return 0;
}

lnt_sampler *lnt_sampler_new(const lnt_model *m, const lnt_sampling *o, lnt_error *err) {
    const kernels *k = model_kernels(err);
    if (!k || check_sampling(m, o, err)) return NULL;
    lnt_sampler *s = calloc(1, sizeof *s);
    if (!s) return err_memory(err, sizeof *s, "a sampler"), NULL;
    size_t n = s->n_vocab = m->info.vocab_size;
    s->options = *o;
    s->kernels = k;
    seed_random(s->state, o->seed);
    s->bias_ids = malloc((o->n_bias + 1) * sizeof *s->bias_ids);
    s->bias_values = malloc((o->n_bias + 1) * sizeof *s->bias_values);
    s->recent = malloc((o->repeat_last + 1) * sizeof *s->recent);
    s->logits = aligned_alloc(64, round_up(n, LANES) * sizeof(float));
    s->weights = aligned_alloc(64, round_up(n, LANES) * sizeof(float));
    s->heap = malloc(n * sizeof *s->heap);
    s->kept = malloc(n * sizeof *s->kept);
    if (!s->bias_ids || !s->bias_values || !s->recent || !s->logits || !s->weights || !s->heap || !s->kept) {
        lnt_sampler_free(s);
        return err_memory(err, n * 24, "a sampler"), NULL;
    }
    if (o->n_bias) {
        memcpy(s->bias_ids, o->bias_ids, o->n_bias * sizeof *s->bias_ids);
        memcpy(s->bias_values, o->bias_values, o->n_bias * sizeof *s->bias_values);
    }
    return s;
}

void lnt_sampler_free(lnt_sampler *s) {
    if (!s) return;
    free(s->bias_ids);
    free(s->bias_values);
    free(s->recent);
    free(s->logits);
    free(s->weights);
    free(s->heap);
    free(s->kept);
    free(s);
}

void lnt_sampler_accept(lnt_sampler *s, int32_t id) {
    if (!s->options.repeat_last || id < 0 || (size_t)id >= s->n_vocab) return;
    s->recent[s->next_recent] = id;
    s->next_recent = (s->next_recent + 1) % s->options.repeat_last;
    if (s->n_recent < s->options.repeat_last) s->n_recent++;
}

/* Keskar et al. 2019 (CTRL), once for each distinct token of the window. */
static void penalize(lnt_sampler *s, const float *logits) {
    float p = s->options.repeat_penalty;
    for (size_t i = 0; i < s->n_recent; i++) {
        int32_t id = s->recent[i];
        s->logits[id] = logits[id] < 0 ? logits[id] * p : logits[id] / p;
    }
}

/* From i on the first number above a limit, n: there is none. Few are, so that most blocks are passed by at a glance. */
static size_t next_above(const float *x, size_t i, size_t n, float limit) {
    enum { BLOCK = 16 };
    for (int any = 0; i + BLOCK <= n; i += BLOCK) {
        for (size_t j = 0; j < BLOCK; j++) any |= x[i + j] > limit;
        if (any) break;
    }
    while (i < n && !(x[i] > limit)) i++;
    return i;
}

/* The first of the largest; NaN is below all. */
static int32_t best_of(const float *x, size_t n) {
    size_t best = 0;
    while (best < n && isnan(x[best])) best++;
    if (best == n) return 0;
    for (size_t i = best; (i = next_above(x, i + 1, n, x[best])) < n;) best = i;
    return (int32_t)best;
}

static bool comes_before(candidate a, candidate b) { return a.weight > b.weight || (a.weight == b.weight && a.id < b.id); }

/* A heap with its first candidate on top, or with its last. */
typedef enum heap_top { TOP_FIRST, TOP_LAST } heap_top;
static bool is_above(heap_top top, candidate a, candidate b) { return top == TOP_FIRST ? comes_before(a, b) : comes_before(b, a); }

static void sift_down(heap_top top, candidate *heap, size_t n, size_t i) {
    candidate c = heap[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && is_above(top, heap[child + 1], heap[child])) child++;
        if (!is_above(top, heap[child], c)) break;
        heap[i] = heap[child];
    }
    heap[i] = c;
}

static void make_heap(heap_top top, candidate *heap, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sift_down(top, heap, n, i);
}

static candidate pop(heap_top top, candidate *heap, size_t *n) {
    candidate c = heap[0];
    heap[0] = heap[--*n];
    if (*n) sift_down(top, heap, *n, 0);
    return c;
}

/* The k < n_vocab largest logits, the first first, as weights in s->kept. Their sum. */
static double keep_top_k(lnt_sampler *s, size_t k, float scale, float max) {
    candidate *heap = s->heap;
    for (size_t i = 0; i < k; i++) heap[i] = (candidate){s->logits[i], (int32_t)i};
    make_heap(TOP_LAST, heap, k);
    for (size_t i = k; (i = next_above(s->logits, i, s->n_vocab, heap[0].weight)) < s->n_vocab; i++) {
        heap[0] = (candidate){s->logits[i], (int32_t)i};
        sift_down(TOP_LAST, heap, k, 0);
    }
    for (size_t left = k; left;) {
        candidate c = pop(TOP_LAST, heap, &left);
        s->kept[left] = c;
        s->weights[left] = c.weight;
    }
    double total = (double)s->kernels->exp_sum(s->weights, k, scale, max, s->weights);
    for (size_t i = 0; i < k; i++) s->kept[i].weight = s->weights[i];
    return total;
}

/* How many candidates top_p and min_p let in, the first of them from the heap, or from s->kept if that is NULL; they stand
   in s->kept then. */
static size_t cut_tail(lnt_sampler *s, size_t most, double total, candidate *heap, size_t left) {
    const lnt_sampling *o = &s->options;
    double sum = 0;
    size_t used = 0;
    for (; used < most; used++) {
        if (used && sum >= (double)o->top_p * total) break;
        candidate c = heap ? pop(TOP_FIRST, heap, &left) : s->kept[used];
        if (used && c.weight < o->min_p * s->kept[0].weight) break;
        s->kept[used] = c;
        sum += (double)c.weight;
    }
    return used;
}

/* Without top_k: those too light for min_p, or so light that all like them weigh less than what top_p leaves out, are not
   even looked at. */
static size_t keep_top_p(lnt_sampler *s, double total, float heaviest) {
    const lnt_sampling *o = &s->options;
    double rest = (1 - (double)o->top_p) * total / (double)s->n_vocab * 0.99, least = (double)(o->min_p * heaviest);
    float floor = (float)(rest > least ? rest : least);
    size_t n = 0;
    for (size_t i = 0; i < s->n_vocab; i++)
        if (s->weights[i] >= floor) s->heap[n++] = (candidate){s->weights[i], (int32_t)i};
    make_heap(TOP_FIRST, s->heap, n);
    return cut_tail(s, n, total, s->heap, n);
}

static int32_t draw_kept(const candidate *kept, size_t n, double u) {
    double sum = 0, at = 0;
    for (size_t i = 0; i < n; i++) sum += (double)kept[i].weight;
    for (size_t i = 0; i < n; i++)
        if ((at += (double)kept[i].weight) > u * sum) return kept[i].id;
    return kept[0].id;
}

static int32_t draw_any(const lnt_sampler *s, double u) {
    double sum = 0, at = 0;
    for (size_t i = 0; i < s->n_vocab; i++) sum += (double)s->weights[i];
    for (size_t i = 0; i < s->n_vocab; i++)
        if ((at += (double)s->weights[i]) > u * sum) return (int32_t)i;
    return best_of(s->weights, s->n_vocab);
}

/* By temperature, top_k, then top_p of what top_k leaves, then min_p; best has the largest logit. */
static int32_t draw(lnt_sampler *s, int32_t best) {
    const lnt_sampling *o = &s->options;
    float scale = 1 / o->temperature, max = s->logits[best];
    double u = (double)(next_random(s->state) >> 11) * 0x1p-53;
    if (o->top_k && o->top_k < s->n_vocab) {
        double total = keep_top_k(s, o->top_k, scale, max);
        return total > 0 && isfinite(total) ? draw_kept(s->kept, cut_tail(s, o->top_k, total, NULL, 0), u) : best;
    }
    double total = (double)s->kernels->exp_sum(s->logits, s->n_vocab, scale, max, s->weights);
    if (!(total > 0 && isfinite(total))) return best;
    if (o->top_p >= 1 && o->min_p <= 0) return draw_any(s, u);
    return draw_kept(s->kept, keep_top_p(s, total, s->weights[best]), u);
}

int32_t lnt_sample(lnt_sampler *s, const float *logits) {
    const lnt_sampling *o = &s->options;
    memcpy(s->logits, logits, s->n_vocab * sizeof *logits);
    if (o->repeat_penalty != 1) penalize(s, logits);
    for (size_t i = 0; i < o->n_bias; i++) s->logits[s->bias_ids[i]] += s->bias_values[i];
    int32_t id = best_of(s->logits, s->n_vocab);
    if (o->temperature > 0 && isfinite(s->logits[id])) id = draw(s, id);
    lnt_sampler_accept(s, id);
    return id;
}

double lnt_log_probability(const float *logits, size_t vocab_size, int32_t id) {
    const kernels *k = kernels_best();
    if (!k || id < 0 || (size_t)id >= vocab_size) return -INFINITY;
    float max = k->max(logits, vocab_size), sum = k->exp_sum(logits, vocab_size, 1, max, NULL);
    return (double)logits[id] - (double)max - logarithm((double)sum);
}

const char *lnt_cpu_level(void) {
    const kernels *k = kernels_best();
    return k ? k->level : "none";
}
const char *const *lnt_cpu_levels(void) { return kernels_levels(); }
