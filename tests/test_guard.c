/* Files that change or become shorter while they are mapped: an error, not a signal, and never another answer. */
#include "formats/checkpoint.h"
#include "search/vectors.h"
#include "tests/testing.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

static const char model_path[] = LINNET_SOURCE_DIR "/models/shakespeare/shakespeare.lnt";

/* Last changed long ago, so that a change now shows however coarse the clock of the file system is. */
static const char *copy_of(const char *path, const char *name) {
    size_t n;
    void *bytes = read_file(path, &n);
    const char *copy = path_of("%s/%s", test_folder, name);
    write_file(copy, bytes, n);
    ck_assert_int_eq(utimes(copy, (const struct timeval[2]){{1000000000, 0}, {1000000000, 0}}), 0);
    free(bytes);
    return copy;
}

static void guard_files(void) {
    lnt_error err;
    ck_assert_int_eq(lnt_guard_files(&err), 0);
    ck_assert_int_eq(lnt_guard_files(&err), 0); /* once more is fine */
}

/* ---- models ---- */

typedef struct opened {
    const char *path;
    lnt_model *model;
    lnt_context *context;
    lnt_tokenizer *tokenizer;
    lnt_info info;
} opened;

static opened open_copy(const char *name, uint32_t n_threads) {
    lnt_error err = {""};
    opened o = {.path = copy_of(model_path, name)};
    o.model = lnt_open(o.path, &err);
    ck_assert_msg(o.model != NULL, "%s", err.text);
    o.context = lnt_context_new(o.model, &(lnt_context_options){.n_threads = n_threads}, &err);
    o.tokenizer = lnt_tokenizer_new(o.model, &err);
    ck_assert_msg(o.context && o.tokenizer, "%s", err.text);
    lnt_model_info(o.model, &o.info);
    return o;
}

static void close_copy(opened *o) {
    lnt_context_free(o->context);
    lnt_tokenizer_free(o->tokenizer);
    lnt_close(o->model);
}

static int evaluate(const opened *o, lnt_error *err) {
    static const int32_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    lnt_sequence_truncate(o->context, 0, 0);
    return lnt_eval(o->context, &(lnt_span){.ids = ids, .n_ids = 10}, 1, err);
}

/* The logits of an undisturbed run, to be freed. */
static float *expected(void) {
    opened o = open_copy("expected.lnt", 1);
    size_t n = o.info.vocab_size * sizeof(float);
    float *logits = malloc(n);
    ck_assert_int_eq(evaluate(&o, NULL), 0);
    memcpy(logits, lnt_output(o.context, 0), n);
    close_copy(&o);
    return logits;
}

static bool gives(const opened *o, const float *logits) { return !memcmp(lnt_output(o->context, 0), logits, o->info.vocab_size * sizeof *logits); }

static void expect_refused(const opened *o) {
    lnt_error err;
    const int32_t *ids;
    size_t n;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(evaluate(o, &err), -1);
        CHECK_ERROR(&err, o->path, "changed while it was in use");
        ck_assert_ptr_null(lnt_output(o->context, 0));
    }
    ck_assert_int_eq(lnt_verify(o->model, &err), -1);
    CHECK_ERROR(&err, o->path, "changed while it was in use");
    ck_assert_int_eq(lnt_tokenize(o->tokenizer, "to be or not to be", 18, 0, &ids, &n, &err), 0); /* by what was checked at the start */
    ck_assert_uint_gt(n, 0);
}

START_TEST(cut_off) {
    static const off_t sizes[] = {0, 1, 4096, 1 << 20, 5000000};
    guard_files();
    opened o = open_copy("cut.lnt", 1 + (uint32_t)_i % 3);
    ck_assert_int_eq(truncate(o.path, sizes[_i]), 0);
    expect_refused(&o);
    close_copy(&o);
}
END_TEST

START_TEST(made_longer) {
    opened o = open_copy("longer.lnt", 1);
    ck_assert_int_eq(truncate(o.path, 1 << 24), 0);
    expect_refused(&o);
    close_copy(&o);
}
END_TEST

START_TEST(overwritten) {
    opened o = open_copy("overwritten.lnt", 2);
    int fd = open(o.path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "x", 1, 100), 1);
    close(fd);
    expect_refused(&o);
    close_copy(&o);
}
END_TEST

/* The file that was opened is still there, without a name. */
START_TEST(replaced) {
    lnt_error err;
    float *logits = expected();
    opened o = open_copy("replaced.lnt", 2);
    write_file(path_of("%s/other", test_folder), "other", 5);
    ck_assert_int_eq(rename(path_of("%s/other", test_folder), o.path), 0);
    ck_assert_int_eq(evaluate(&o, &err), 0);
    ck_assert(gives(&o, logits));
    ck_assert_int_eq(lnt_verify(o.model, &err), 0);
    close_copy(&o);
    free(logits);
}
END_TEST

static void *cut_later(void *arg) {
    const opened *o = arg;
    usleep((useconds_t)(rand() % 20000));
    ck_assert_int_eq(truncate(o->path, rand() % 5000000), 0);
    return NULL;
}

/* While it is read, by several threads. */
START_TEST(cut_off_meanwhile) {
    float *logits = expected();
    guard_files();
    srand((unsigned)_i);
    for (int i = 0; i < 5; i++) {
        lnt_error err;
        pthread_t thread;
        opened o = open_copy("meanwhile.lnt", 3);
        ck_assert_int_eq(pthread_create(&thread, NULL, cut_later, &o), 0);
        while (!evaluate(&o, &err)) ck_assert(gives(&o, logits));
        CHECK_ERROR(&err, o.path, "changed while it was in use");
        pthread_join(thread, NULL);
        close_copy(&o);
    }
    free(logits);
}
END_TEST

/* ---- other files ---- */

START_TEST(vectors_cut_off) {
    static const unsigned char id[VECTORS_ID] = "an index";
    enum { WIDTH = 64 };
    lnt_error err;
    float *rows = calloc(VECTORS_GROUP * WIDTH, sizeof *rows);
    const char *path = path_of("%s/v.lnv", test_folder);
    vectors_file f;
    guard_files();
    ck_assert_int_eq(vectors_create(path, VECTORS_F32, WIDTH, id, &err), 0);
    ck_assert_int_eq(vectors_open(&f, path, id, 0, true, &err), 0);
    for (uint64_t g = 0; g < 4; g++) ck_assert_int_eq(vectors_write_group(&f, g, rows, &err), 0);
    ck_assert_int_eq(vectors_commit(&f, 2, &err), 0);
    ck_assert_int_eq(vectors_commit(&f, 4, &err), 0); /* the mapping may move */
    ck_assert_int_eq(vectors_check(&f, &err), 0);
    ck_assert_int_eq(vectors_intact(&f, &err), 0);
    ck_assert_int_eq(truncate(path, VECTORS_HEADER + 100), 0);
    ck_assert_int_eq(vectors_check(&f, &err), -1);
    CHECK_ERROR(&err, path, "became shorter while it was in use");
    ck_assert_int_eq(truncate(path, (off_t)f.map_bytes), 0); /* as long as before, but what was read was not it */
    ck_assert_int_eq(vectors_intact(&f, &err), -1);
    ck_assert_int_eq(vectors_commit(&f, 4, &err), -1);
    vectors_close(&f);
    free(rows);
}
END_TEST

START_TEST(checkpoint_cut_off) {
    lnt_error err;
    float values[16];
    const char *folder = path_of("%s/checkpoint", test_folder);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    const char *path = copy_of(LINNET_SOURCE_DIR "/tests/golden/gpt2/tied-f16/model.safetensors", "checkpoint/model.safetensors");
    guard_files();
    checkpoint *c = checkpoint_open(folder, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert_int_eq(checkpoint_intact(c, &err), 0);
    ck_assert_int_eq(truncate(path, 10), 0);
    for (size_t i = 0; i < checkpoint_count(c); i++)
        if (checkpoint_at(c, i)->n_elements >= 16) checkpoint_read_f32(c, checkpoint_at(c, i), checkpoint_at(c, i)->n_elements - 16, 16, values, &err);
    ck_assert_int_eq(checkpoint_intact(c, &err), -1);
    CHECK_ERROR(&err, path, "changed while it was in use");
    checkpoint_close(c);
}
END_TEST

/* ---- other signals ---- */

static sigjmp_buf back;
static void jump_back(int number) { siglongjmp(back, number); }

/* Reads where a file has ended that is none of ours. */
static void read_beyond(void) {
    const char *path = path_of("%s/own", test_folder);
    write_file(path, "own", 3);
    int fd = open(path, O_RDONLY);
    volatile char *map = mmap(NULL, 1 << 16, PROT_READ, MAP_SHARED, fd, 0);
    (void)map[1 << 15];
}

START_TEST(goes_to_the_handler_before) {
    struct sigaction action = {.sa_handler = jump_back};
    sigaction(SIGBUS, &action, NULL);
    guard_files();
    for (volatile int i = 0; i < 2; i++) {
        int number = sigsetjmp(back, 1);
        if (!number) i ? (void)raise(SIGBUS) : read_beyond();
        ck_assert_int_eq(number ? number : -1, SIGBUS);
    }
}
END_TEST

START_TEST(kills_as_ever) {
    signal(SIGBUS, SIG_DFL);
    guard_files();
    if (_i) raise(SIGBUS);
    else read_beyond();
}
END_TEST

int main(void) {
    TCase *models = tcase_create("models"), *others = tcase_create("other files"), *signals = tcase_create("signals");
    make_test_folder();
    tcase_set_timeout(models, 60);
    tcase_add_loop_test(models, cut_off, 0, 5);
    tcase_add_test(models, made_longer);
    tcase_add_test(models, overwritten);
    tcase_add_test(models, replaced);
    tcase_add_loop_test(models, cut_off_meanwhile, 0, 4);
    tcase_add_test(others, vectors_cut_off);
    tcase_add_test(others, checkpoint_cut_off);
    tcase_add_test(signals, goes_to_the_handler_before);
    tcase_add_loop_test_raise_signal(signals, kills_as_ever, SIGBUS, 0, 2);
    int failed = run_suite("guard", (TCase *const[]){models, others, signals, NULL});
    remove_test_folder();
    return failed;
}
