/* The JSON parser beside jansson's: the same texts are taken, with the same values, and the same refused. */
#include "formats/json.h"
#include "tests/testing.h"
#include <locale.h>

static const char *const TEXTS[] = {
    "{}", "[]", " [ ] ", "{\"a\": [1, -2, 3.5e-3, true, false, null, \"x\"], \"b\": {\"c\": {}}}", "[\"\\u00e9\\ud83d\\ude00\\n\\t\\\\\\/\\\"\\b\\f\\r\", \"\xc3\xa9 \xf0\x9f\x98\x80\"]",
    "[0, -0, 10, 0.5, -0.0, 1E5, 1e+5, 9223372036854775807, -9223372036854775808, 123456789012345678]", "[[[[[[1],2],3],4],5],6]", "{\"\": \"\", \" \": [\"\"]}",
    "[1e-400, 2.2250738585072014e-308, 0.1, 123456.789e3]", "{\"a\": 1, \"a\": 2}", "{\"a\": {\"b\": []}, \"a\": [2, {}]}", "[\"a\\u0000b\"]", "{\"a\\u0000b\": 1}",
    "", " ", "1", "\"a\"", "null", "[", "{", "[1", "[1,", "[1,]", "[,1]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a: 1}", "{1: 1}", "[1 2]", "{\"a\" 1}", "[]]", "[] []",
    "[01]", "[-]", "[+1]", "[.5]", "[1.]", "[1e]", "[1e+]", "[0x1]", "[1a]", "[--1]", "[NaN]", "[Infinity]", "[tru]", "[truex]", "[nul", "[True]", "[9223372036854775808]",
    "[-9223372036854775809]", "[1e400]", "[-1e400]", "[\"a", "[\"a\\", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\ud800\"]", "[\"\\ud800\\u0041\"]", "[\"\\udc00\"]", "[\"\\ud800\\ud800\"]",
    "[\"a\nb\"]", "[\"\t\"]", "[\"\xff\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xe2\x82\"]", "[\"\xc3\"]", "\xef\xbb\xbf[]", "[1]\x01", "{\"a\":1]", "[1}",
    "[\x7f]", "[\"\x7f\"]", "/* */[]", "{\"a\": tr\"ue}", "{\"k\": \"v\", \"l\": \"\\u00E9\\u20ac\"}"};
enum { N = sizeof TEXTS / sizeof *TEXTS, RANDOM = 30000 };

static void compare(const char *text, size_t n, unsigned flags) {
    json_error_t e;
    json_fault fault;
    json_t *theirs = json_loadb(text, n, flags, &e), *ours = json_read(text, n, flags, &fault);
    ck_assert_msg(!theirs == !ours, "flags %u, %.*s: jansson %s (%s), this %s (%s)", flags, (int)n, text, theirs ? "takes it" : "refuses it", theirs ? "" : e.text,
                  ours ? "takes it" : "refuses it", ours ? "" : fault.text);
    ck_assert_msg(json_equal(theirs, ours) || !ours, "flags %u: other values in %.*s", flags, (int)n, text);
    if (!ours) {
        ck_assert(!fault.memory && fault.line >= 1 && fault.column >= 1 && *fault.text);
    }
    json_decref(theirs);
    json_decref(ours);
}

static const unsigned FLAGS[] = {0, JSON_REJECT_DUPLICATES, JSON_ALLOW_NUL, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES};

START_TEST(test_texts) {
    for (size_t i = 0; i < N; i++) compare(TEXTS[i], strlen(TEXTS[i]), FLAGS[_i]);
    compare("[\"a\0b\"]", 7, FLAGS[_i]);
    compare("[1]\0", 4, FLAGS[_i]);
}
END_TEST

/* Bytes of the texts changed, left out and put in at random. */
START_TEST(test_edited_texts) {
    static const unsigned char LIKELY[] = "{}[]\",:\\u0019.eE+-tfn \xc3\xa9\xed\xa0";
    uint32_t state = 7;
    unsigned char text[400];
#define DRAW(below) (state = state * 1664525u + 1013904223u, (state >> 8) % (unsigned)(below))
    for (int i = 0; i < RANDOM; i++) {
        const char *from = TEXTS[DRAW(N)];
        size_t n = strlen(from);
        memcpy(text, from, n);
        for (uint32_t edits = 1 + DRAW(4); edits; edits--) {
            size_t at = DRAW(n + 1);
            const unsigned char any = (unsigned char)(1 + DRAW(255)) /* jansson passes by NULs behind numbers */, c = DRAW(4) ? LIKELY[DRAW(sizeof LIKELY - 1)] : any;
            switch (DRAW(3)) {
            case 0:
                if (at < n) text[at] = c;
                break;
            case 1:
                memmove(text + at + 1, text + at, n - at);
                text[at] = c;
                n++;
                break;
            default:
                if (at < n) memmove(text + at, text + at + 1, --n - at);
            }
        }
        compare((const char *)text, n, FLAGS[DRAW(4)]);
    }
}
END_TEST

START_TEST(test_depth) {
    static char text[8200];
    for (int depth = 2047; depth <= 2050; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        json_t *value = json_read(text, 2 * (size_t)depth, 0, NULL);
        ck_assert(!value == (depth > 2048));
        json_decref(value);
        compare(text, 2 * (size_t)depth, 0);
    }
}
END_TEST

/* As many objects as a text may have, and one more. */
START_TEST(test_containers) {
    enum { MOST = 1 << 20 };
    char *text = malloc(3 * MOST + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t extra = 0; extra < 2; extra++) {
        size_t n = 0;
        text[n++] = '[';
        for (size_t i = 0; i < MOST - 1 + extra; i++, n += 3) memcpy(text + n, "{},", 3);
        text[n - 1] = ']';
        json_t *value = json_read(text, n, 0, NULL);
        ck_assert(!value == (extra == 1));
        json_decref(value);
    }
    free(text);
}
END_TEST

START_TEST(test_places) {
    json_fault fault;
    ck_assert_ptr_null(json_read("[1e400]", 7, 0, &fault));
    ck_assert(fault.overflow && fault.line == 1);
    ck_assert_ptr_null(json_read("[9223372036854775808]", 21, 0, &fault));
    ck_assert(fault.overflow);
    ck_assert_ptr_null(json_read("[1e4000,", 8, JSON_DECODE_INT_AS_REAL, &fault));
    ck_assert(fault.overflow);
    ck_assert_ptr_null(json_read("[1e]", 4, 0, &fault));
    ck_assert(!fault.overflow);
    ck_assert_ptr_null(json_read("{\"a\": 1,\n  x}", 13, 0, &fault));
    ck_assert(fault.line == 2 && fault.column == 3);
    ck_assert_ptr_null(json_read("[1,\n\n2,\n]", 9, 0, &fault));
    ck_assert(fault.line == 4 && fault.column == 1);
}
END_TEST

/* A program's locale may write numbers with a comma. */
START_TEST(test_locale) {
    for (const char *const *name = (const char *const[]){"de_DE.UTF-8", "fr_FR.UTF-8", "C", NULL}; *name; name++)
        if (setlocale(LC_NUMERIC, *name)) break;
    json_t *value = json_read("[1.5, 2e3]", 10, 0, NULL);
    ck_assert(json_real_value(json_array_get(value, 0)) == 1.5 && json_real_value(json_array_get(value, 1)) == 2000);
    json_decref(value);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("json texts");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, test_texts, 0, sizeof FLAGS / sizeof *FLAGS);
    tcase_add_test(c, test_edited_texts);
    tcase_add_test(c, test_depth);
    tcase_add_test(c, test_containers);
    tcase_add_test(c, test_places);
    tcase_add_test(c, test_locale);
    return run_suite("json text", (TCase *const[]){c, NULL});
}
