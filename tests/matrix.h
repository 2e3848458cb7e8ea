/* One answer, cell by cell: a model evaluated at a level, with a number of threads, with a company and in pieces, its answer
   compared by memcmp with that of the scalar level, one thread, every sequence alone and whole. The level is put into the
   context itself, so that a test may also put in a table of kernels of its own. */
#ifndef LNT_TESTS_MATRIX_H
#define LNT_TESTS_MATRIX_H
#include "engine/context.h"
#include "tests/golden.h"
#include "tests/pictures.h"

enum { SEQUENCES = 3, WHOLE = 0 };

typedef enum company { ALONE, PACKED, SHUFFLED, COMPANIES } company;
static const char *const COMPANY_NAMES[] = {"alone", "packed", "shuffled"};
static const uint32_t THREADS[] = {1, 2, 3, 5, 8};
static const size_t PIECES[] = {WHOLE, 1, 7, 64};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ALONE: a sequence an evaluation. PACKED: all together, in order. SHUFFLED: at each step some of them, in any order, in a
   context that takes few tokens at a time.
   piece: tokens of a sequence an evaluation. A model that takes sequences whole has two: WHOLE, all of an evaluation as one part;
   1, as many parts as there can be. */
typedef struct cell {
    const kernels *kernels;
    uint32_t n_threads;
    company company;
    size_t piece;
} cell;

typedef struct subject {
    const char *name;
    lnt_model *model;
    lnt_context_options options; /* what is the same in all cells */
    bool whole; /* sequences are taken whole */
    bool row_a_token;
    size_t width; /* of the output */
    size_t lengths[SEQUENCES], longest, n_tokens;
    int32_t *ids[SEQUENCES];
    uint8_t *segments[SEQUENCES];
    float *pixels[SEQUENCES];
    size_t at[SEQUENCES + 1]; /* where the rows of each begin in an answer, in floats */
    float *reference, *answer;
} subject;

/* What this process has done. */
static struct totals {
    uint64_t models, cells, floats;
} total;

/* ---- random numbers ---- */

static uint64_t random_at;
static inline uint64_t draw(void) { return mixed(random_at++); }
static inline uint32_t draw_between(uint32_t low, uint32_t high) { return low + (uint32_t)(draw() % (high - low + 1)); }
static inline bool draw_bool(void) { return draw() & 1; }
static inline float draw_normal(void) {
    float sum = 0;
    for (int i = 0; i < 4; i++) sum += (float)(int32_t)(draw() >> 32) * 0x1p-31f;
    return sum;
}

static inline void draw_ids(int32_t *ids, size_t n, uint32_t vocab, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ids[i] = (int32_t)((seed >> 8) % vocab);
    }
}

/* ---- evaluating ---- */

static inline lnt_context *context_of_cell(const subject *s, const cell *c, lnt_error *err) {
    static const uint32_t FEW[] = {3, 5, 16, 33, 512};
    lnt_context_options o = s->options;
    o.n_threads = c->n_threads;
    o.n_sequences = SEQUENCES;
    o.n_outputs = (uint32_t)s->n_tokens;
    if (s->whole) {
        o.n_batch = c->piece == WHOLE ? (uint32_t)s->n_tokens : 1;
        if (!s->pixels[0]) o.n_ctx = (uint32_t)s->longest;
    } else if (c->company == SHUFFLED) {
        o.n_batch = FEW[draw() % COUNT(FEW)];
    }
    lnt_context *context = lnt_context_new(s->model, &o, err);
    if (context) context->kernels = c->kernels;
    return context;
}

/* The sequences that the next evaluation takes, in its order; their number. */
static inline size_t choose(const subject *s, company company, const size_t *done, uint32_t *chosen) {
    size_t n = 0;
    for (uint32_t i = 0; i < SEQUENCES; i++)
        if (done[i] < s->lengths[i] && !(company == ALONE && n)) chosen[n++] = i;
    if (company != SHUFFLED) return n;
    for (size_t i = n; i > 1; i--) {
        size_t k = draw() % i;
        uint32_t last = chosen[i - 1];
        chosen[i - 1] = chosen[k], chosen[k] = last;
    }
    return n ? 1 + draw() % n : 0;
}

/* Copies the rows of an evaluation to their places; false: there are more or fewer than expected. */
static inline bool take_rows(const subject *s, const lnt_context *context, const lnt_span *spans, size_t n, size_t *done, float *answer) {
    size_t row = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t q = spans[i].sequence;
        size_t tokens = s->pixels[q] ? s->lengths[q] : spans[i].n_ids, rows = s->row_a_token ? tokens : 1, first = s->row_a_token ? done[q] : 0;
        for (size_t r = 0; r < rows && row < lnt_output_rows(context); r++, row++)
            memcpy(answer + s->at[q] + (first + r) * s->width, lnt_output(context, row), s->width * sizeof *answer);
        done[q] += tokens;
    }
    return row == lnt_output_rows(context);
}

/* The answer of a cell; false and an error if there is none. By any thread, but SHUFFLED by one at a time. */
static inline bool evaluate_cell(const subject *s, const cell *c, float *answer, lnt_error *err) {
    size_t done[SEQUENCES] = {0}, n, piece = s->whole || c->piece == WHOLE ? s->longest : c->piece;
    uint32_t chosen[SEQUENCES];
    lnt_context *context = context_of_cell(s, c, err);
    bool ok = context && lnt_context_threads(context) == c->n_threads;
    while (ok && (n = choose(s, c->company, done, chosen)) > 0) {
        lnt_span spans[SEQUENCES];
        for (size_t i = 0; i < n; i++) {
            uint32_t q = chosen[i];
            size_t left = s->lengths[q] - done[q];
            spans[i] = (lnt_span){.sequence = q, .ids = s->ids[q] ? s->ids[q] + done[q] : NULL, .n_ids = s->pixels[q] ? 0 : left < piece ? left : piece,
                                  .segments = s->segments[q], .all_outputs = s->row_a_token, .pixels = s->pixels[q]};
        }
        ok = !lnt_eval(context, spans, n, err) && take_rows(s, context, spans, n, done, answer);
    }
    lnt_context_free(context);
    return ok;
}

/* Whether the cell gives the reference's bits. */
static inline bool agrees(const subject *s, const cell *c) {
    memset(s->answer, 0xff, s->at[SEQUENCES] * sizeof *s->answer);
    lnt_error err = {"fewer threads or other rows than expected"};
    ck_assert_msg(evaluate_cell(s, c, s->answer, &err), "%s: %s", s->name, err.text);
    total.cells++;
    total.floats += s->at[SEQUENCES];
    return !memcmp(s->answer, s->reference, s->at[SEQUENCES] * sizeof *s->answer);
}

/* ---- subjects ---- */

static inline void give_inputs(subject *s) {
    lnt_info info;
    lnt_model_info(s->model, &info);
    size_t n_pixels = (size_t)info.n_channels * (s->options.image_height ? s->options.image_height : info.image_height) *
                      (s->options.image_width ? s->options.image_width : info.image_width);
    for (uint32_t q = 0; q < SEQUENCES; q++) {
        if (info.n_channels) {
            s->lengths[q] = lnt_image_tokens(s->model, s->options.image_height, s->options.image_width);
            s->pixels[q] = golden_pixels(q, n_pixels);
        } else {
            s->ids[q] = malloc(s->lengths[q] * sizeof **s->ids);
            draw_ids(s->ids[q], s->lengths[q], info.vocab_size, q + 1);
            if (info.n_segments) s->segments[q] = malloc(s->lengths[q]);
            for (size_t i = 0; info.n_segments && i < s->lengths[q]; i++) s->segments[q][i] = (uint8_t)(i * info.n_segments / s->lengths[q]);
        }
        s->n_tokens += s->lengths[q];
        if (s->lengths[q] > s->longest) s->longest = s->lengths[q];
    }
}

/* Sequences of these lengths (an image has its own), and the answer that every cell must give. */
static inline subject subject_of(const char *name, lnt_model *model, const lnt_context_options *options, const size_t lengths[SEQUENCES]) {
    subject s = {.name = name, .model = model, .options = *options, .whole = !model->cached};
    const graph_value *output = &model->graph.values[model_output(model, options->output, NULL)];
    s.row_a_token = output->rows == ROWS_OUTPUTS;
    s.width = output->width;
    memcpy(s.lengths, lengths, sizeof s.lengths);
    give_inputs(&s);
    for (size_t q = 0; q < SEQUENCES; q++) s.at[q + 1] = s.at[q] + (s.row_a_token ? s.lengths[q] : 1) * s.width;
    s.reference = malloc(s.at[SEQUENCES] * sizeof *s.reference);
    s.answer = malloc(s.at[SEQUENCES] * sizeof *s.answer);
    lnt_error err = {""};
    ck_assert_msg(evaluate_cell(&s, &(cell){kernels_level("scalar"), 1, ALONE, WHOLE}, s.reference, &err), "%s: %s", name, err.text);
    for (size_t i = 0; i < s.at[SEQUENCES]; i++) ck_assert_msg(s.reference[i] - s.reference[i] == 0, "%s: number %zu is not finite", name, i);
    total.models++;
    return s;
}

static inline void free_subject(subject *s) {
    for (size_t q = 0; q < SEQUENCES; q++) {
        free(s->ids[q]);
        free(s->segments[q]);
        free(s->pixels[q]);
    }
    free(s->reference);
    free(s->answer);
    lnt_close(s->model);
}

/* A sequence that is taken whole and alone is not cut, and no two sizes of parts cut it differently. */
static inline bool is_way(const subject *s, company company, size_t piece) { return !s->whole || piece == WHOLE || (piece == 1 && company != ALONE); }

enum { MAX_CELLS = COUNT(THREADS) * COMPANIES * COUNT(PIECES) };

/* The cells of a level, their number, in any order. */
static inline size_t cells_of(const subject *s, const kernels *level, cell *cells) {
    size_t n = 0;
    for (size_t t = 0; t < COUNT(THREADS); t++)
        for (company company = ALONE; company < COMPANIES; company++)
            for (size_t p = 0; p < COUNT(PIECES); p++)
                if (is_way(s, company, PIECES[p])) cells[n++] = (cell){level, THREADS[t], company, PIECES[p]};
    for (size_t i = n; i > 1; i--) {
        size_t k = draw() % i;
        cell last = cells[i - 1];
        cells[i - 1] = cells[k], cells[k] = last;
    }
    return n;
}

/* At most so many cells of each level have the bits of the reference: of the scalar one, and of the others. */
static inline void expect_one_answer(const subject *s, size_t scalar, size_t others) {
    cell cells[MAX_CELLS];
    for (const char *const *level = kernels_levels(); *level; level++) {
        size_t n = cells_of(s, kernels_level(*level), cells), most = level == kernels_levels() ? scalar : others;
        for (size_t i = 0; i < n && i < most; i++)
            ck_assert_msg(agrees(s, &cells[i]), "%s: other bits at %s, %u threads, %s, pieces of %zu", s->name, *level, cells[i].n_threads,
                          COMPANY_NAMES[cells[i].company], cells[i].piece);
    }
}
#endif
