/* Many texts and pictures. */
#include "formats/image.h"
#include "tests/faults/alloc_scenarios.h"

/* ---- texts ---- */

enum { TEXTS = 12, ROOM = 512 };

static lnt_text text_at(size_t i, bool pairs) {
    static const char *const TEXT[TEXTS] = {"a cat", "the dog sat", "", "a", "on [MASK] mat", "it was a dark night and rain fell down", "b c d e f g", "who", "[MASK]", "is it",
                                            "lorem ipsum dolor sit amet", "end"};
    return (lnt_text){TEXT[i], strlen(TEXT[i]), pairs ? "is this so" : NULL, pairs ? strlen("is this so") : 0};
}

/* What came of each text. */
typedef struct answers {
    size_t width, n[TEXTS];
    float rows[TEXTS][ROOM];
    lnt_place places[TEXTS];
} answers;

static void collect(void *user, const lnt_text_result *r) {
    answers *a = user;
    a->n[r->index] = 0;
    for (size_t i = 0; i < r->n_rows && (i + 1) * a->width <= ROOM; i++, a->n[r->index] += a->width)
        memcpy(a->rows[r->index] + i * a->width, r->rows[i], a->width * sizeof(float));
    if (r->encoding->places && r->encoding->n) a->places[r->index] = r->encoding->places[r->encoding->n - 1];
}

static int run_texts(lnt_batcher *b, size_t n, bool pairs, uint64_t *digest, lnt_error *err) {
    static answers a;
    lnt_text texts[TEXTS];
    a = (answers){.width = lnt_batcher_width(b)};
    for (size_t i = 0; i < n; i++) texts[i] = text_at(i, pairs);
    int rc = TRY_AGAIN(lnt_batcher_run(b, texts, n, collect, &a, err));
    for (size_t i = 0; i < n; i++) mix(digest, a.rows[i], a.n[i] * sizeof(float));
    mix(digest, a.places, sizeof a.places);
    return rc;
}

/* All at once, and then one, which all threads share. */
static int batch_texts(const char *model, lnt_batcher_options o, bool pairs, uint64_t *digest, lnt_error *err) {
    lnt_model *m = lnt_open(FIXTURE(model), err);
    lnt_batcher *b = m ? lnt_batcher_new(m, &o, err) : NULL;
    int rc = b ? run_texts(b, TEXTS, pairs, digest, err) : -1;
    if (b && run_texts(b, 1, pairs, digest, err)) rc = -1;
    lnt_batcher_free(b);
    lnt_close(m);
    return rc;
}
static int embed(uint64_t *digest, lnt_error *err) { return batch_texts("sentence.lnt", (lnt_batcher_options){.n_threads = 1, .dims = 16, .normalize = true}, false, digest, err); }
static int embed_threads(uint64_t *digest, lnt_error *err) { return batch_texts("sentence.lnt", (lnt_batcher_options){.n_threads = 3, .n_batch = 24}, false, digest, err); }
static int rerank(uint64_t *digest, lnt_error *err) { return batch_texts("cross.lnt", (lnt_batcher_options){.n_threads = 1, .output = "logits"}, true, digest, err); }
static int tag(uint64_t *digest, lnt_error *err) {
    return batch_texts("tokens.lnt", (lnt_batcher_options){.n_threads = 1, .output = "logits", .all_outputs = true, .flags = LNT_PLACES}, false, digest, err);
}
static int fill(uint64_t *digest, lnt_error *err) { return batch_texts("masked.lnt", (lnt_batcher_options){.n_threads = 2, .output = "logits"}, false, digest, err); }

const scenario text_scenarios[] = {
    {"embed", embed, NULL, true}, {"embed, 3 threads", embed_threads, NULL, true}, {"rerank", rerank, NULL, true}, {"tag", tag, NULL, true}, {"fill, 2 threads", fill, NULL, true}, {0}};

/* ---- pictures ---- */

static const char *const PICTURES[] = {"420.jpg", "exif-6.jpg", "progressive-420.jpg", "cmyk.jpg", "rgb8.png", "palette4-interlaced.png", "grey-alpha16.png", "rgba16-interlaced.png",
                                       "raw-100.ppm", "plain-1000.pgm", "raw.pbm", "exif-6.png"};
enum { N_PICTURES = sizeof PICTURES / sizeof *PICTURES, LABELS = 16 };

static const char *picture_path(size_t i) { return path_of("%s/tests/golden/images/%s", LINNET_SOURCE_DIR, PICTURES[i]); }

static int decode(uint64_t *digest, lnt_error *err) {
    lnt_image image;
    for (size_t i = 0; i < N_PICTURES; i++) {
        if (lnt_image_read(picture_path(i), &image, err)) return -1;
        mix(digest, image.pixels, (size_t)3 * image.width * image.height);
        lnt_image_free(&image);
    }
    return 0;
}

/* Scores of each picture; one that could not be read says so, and why. */
typedef struct labelled {
    size_t width, unread;
    float rows[N_PICTURES][LABELS];
    lnt_error why;
} labelled;

static void collect_labels(void *user, const lnt_picture_result *r) {
    labelled *l = user;
    if (r->row) memcpy(l->rows[r->index], r->row, l->width * sizeof(float));
    else __atomic_add_fetch(&l->unread, 1, __ATOMIC_RELAXED), l->why = *r->err;
}

/* One unread picture for want of memory is a failure here: the caller has been told, and can ask again. */
static int run_pictures(lnt_batcher *b, const lnt_picture *pictures, labelled *l, lnt_error *err) {
    *l = (labelled){.width = lnt_batcher_width(b)};
    if (lnt_batcher_run_images(b, pictures, N_PICTURES, collect_labels, l, err)) return -1;
    if (l->unread) *err = l->why;
    return l->unread ? -1 : 0;
}

static int classify_with(lnt_batcher_options o, uint64_t *digest, lnt_error *err) {
    static labelled l;
    static char paths[N_PICTURES][512];
    lnt_picture pictures[N_PICTURES];
    for (size_t i = 0; i < N_PICTURES; i++) pictures[i] = (lnt_picture){.path = strcpy(paths[i], picture_path(i))};
    lnt_model *m = lnt_open(FIXTURE("vit.lnt"), err);
    lnt_batcher *b = m ? lnt_batcher_new(m, &o, err) : NULL;
    int rc = b && !TRY_AGAIN(run_pictures(b, pictures, &l, err)) ? 0 : -1;
    if (b) mix(digest, l.rows, sizeof l.rows);
    lnt_batcher_free(b);
    lnt_close(m);
    return rc;
}
static int classify(uint64_t *digest, lnt_error *err) { return classify_with((lnt_batcher_options){.n_threads = 1, .output = "logits"}, digest, err); }
static int classify_threads(uint64_t *digest, lnt_error *err) {
    return classify_with((lnt_batcher_options){.n_threads = 3, .output = "logits", .image_height = 18, .image_width = 13}, digest, err);
}

const scenario picture_scenarios[] = {{"read pictures", decode, NULL, false}, {"classify pictures", classify, NULL, true}, {"classify pictures, 3 threads", classify_threads, NULL, true}, {0}};
