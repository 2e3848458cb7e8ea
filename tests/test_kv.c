/* Lists of strings in key/value blocks: they come back as written, each as a C string, and ends that lie are refused. */
#include "formats/kv.h"
#include "tests/testing.h"

static const char *const STRINGS[] = {"B-PER", "", "gut \xc3\xbc", "a\0b"};
static const size_t SIZES[] = {5, 0, 6, 3};
enum { N = 4, PAYLOAD = 24, BYTES = 4 * (N + 1) + 14 + N }; /* behind the head of 16 bytes and the key's 8 */

static buffer make_block(void) {
    buffer b = {0};
    kv_put_strings(&b, "labels", STRINGS, SIZES, N);
    ck_assert(!b.failed);
    ck_assert_uint_eq(b.size, PAYLOAD + ((BYTES + 7) & ~7u));
    return b;
}

START_TEST(test_strings) {
    buffer b = make_block();
    kv_put_strings(&b, "none", NULL, NULL, 0);
    kv_block block;
    kv_entry e;
    lnt_error err;
    ck_assert_msg(!kv_open(&block, b.bytes, b.size, "block", &err), "%s", err.text);
    ck_assert(kv_find(&block, "labels", KV_STRINGS, &e));
    ck_assert_uint_eq(e.count, N);
    for (size_t i = 0; i < N; i++) {
        size_t n;
        const char *s = kv_string_at(&e, i, &n);
        ck_assert_uint_eq(n, SIZES[i]);
        ck_assert_mem_eq(s, STRINGS[i], n + 1);
    }
    ck_assert(kv_find(&block, "none", KV_STRINGS, &e));
    ck_assert_uint_eq(e.count, 0);
    buffer_free(&b);
}
END_TEST

/* A byte of the payload changed. */
static const struct lie {
    size_t at;
    unsigned char value;
} LIES[] = {
    {0, 1},                 /* the first end is not 0 */
    {4, 0},                 /* a string without room for its terminator */
    {8, 5},                 /* ends that fall */
    {4 * N, 255},           /* an end behind the entry */
    {4 * N, 17},            /* an end that leaves bytes without an owner: what stands before it is no terminator */
    {4 * (N + 1) + 5, 'x'}, /* no terminator */
    {BYTES - 1, 'x'},       /* no last terminator */
};

START_TEST(test_lies) {
    buffer b = make_block();
    kv_block block;
    lnt_error err;
    b.bytes[PAYLOAD + LIES[_i].at] = LIES[_i].value;
    ck_assert_int_eq(kv_open(&block, b.bytes, b.size, "block", &err), -1);
    CHECK_ERROR(&err, "block", "labels");
    buffer_free(&b);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("strings");
    tcase_add_test(t, test_strings);
    tcase_add_loop_test(t, test_lies, 0, sizeof LIES / sizeof *LIES);
    return run_suite("kv", (TCase *const[]){t, NULL});
}
