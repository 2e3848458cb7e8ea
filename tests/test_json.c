/* Reading of configurations: values in range, defaults, what is missing, wrong or unknown, named with its file. */
#include "formats/json.h"
#include "tests/testing.h"

static json_file f;
static lnt_error err;

static void open_text(const char *text) {
    const char *path = path_of("%s/config.json", test_folder);
    write_file(path, text, strlen(text));
    ck_assert_msg(!json_file_open(&f, path, &err), "%s", err.text);
}
static void close_file(void) { json_file_close(&f); }

START_TEST(test_values) {
    int64_t i = 7;
    double d = 7;
    bool b = true;
    const char *s = "seven";
    size_t choice = 7;
    open_text("{\"int\": -12, \"whole\": 3.0, \"real\": 1e-5, \"no\": false, \"text\": \"a\", "
              "\"null\": null, \"big\": 9223372036854775807}");
    ck_assert(!json_file_int(&f, "int", -12, -12, &i, &err) && i == -12);
    ck_assert(!json_file_int(&f, "whole", 0, 5, &i, &err) && i == 3);
    ck_assert(!json_file_int(&f, "big", 0, INT64_MAX, &i, &err) && i == INT64_MAX);
    ck_assert(!json_file_float(&f, "real", 0, 1, &d, &err) && d == 1e-5);
    ck_assert(!json_file_float(&f, "int", -20, 1, &d, &err) && d == -12);
    ck_assert(!json_file_bool(&f, "no", &b, &err) && !b);
    ck_assert(!json_file_string(&f, "text", &s, &err) && !strcmp(s, "a"));
    ck_assert(!json_file_choice(&f, "text", (const char *const[]){"b", "a", NULL}, &choice, &err) && choice == 1);
    static const char *const ABSENT[] = {"null", "missing"};
    for (int k = 0; k < 2; k++) {
        i = 5, d = 5, b = true, s = "five", choice = 5;
        ck_assert(!json_file_int(&f, ABSENT[k], 0, 1, &i, &err) && i == 5);
        ck_assert(!json_file_float(&f, ABSENT[k], 0, 1, &d, &err) && d == 5);
        ck_assert(!json_file_bool(&f, ABSENT[k], &b, &err) && b);
        ck_assert(!json_file_string(&f, ABSENT[k], &s, &err) && !strcmp(s, "five"));
        ck_assert(!json_file_choice(&f, ABSENT[k], (const char *const[]){"b", NULL}, &choice, &err) && choice == 5);
    }
    close_file();
}
END_TEST

START_TEST(test_wrong_values) {
    int64_t i = 7;
    double d = 7;
    bool b = true;
    const char *s = "seven", *path = path_of("%s/config.json", test_folder);
    size_t choice = 7;
    open_text("{\"n\": -1, \"part\": 1.5, \"text\": \"12\", \"list\": [1, {\"a\": 2}], \"far\": 1e300}");
    ck_assert_int_eq(json_file_int(&f, "n", 1, 1024, &i, &err), -1);
    CHECK_ERROR(&err, path, "'n' is -1, expected a whole number from 1 to 1024");
    ck_assert_int_eq(json_file_int(&f, "part", 1, 1024, &i, &err), -1);
    CHECK_ERROR(&err, path, "'part' is 1.5, expected a whole number from 1 to 1024");
    ck_assert_int_eq(json_file_int(&f, "far", INT64_MIN, INT64_MAX, &i, &err), -1);
    ck_assert_int_eq(json_file_int(&f, "text", 1, 1024, &i, &err), -1);
    CHECK_ERROR(&err, path, "'text' is \"12\", expected a whole number");
    ck_assert_int_eq(json_file_float(&f, "n", 0, 1, &d, &err), -1);
    CHECK_ERROR(&err, path, "'n' is -1, expected a number from 0 to 1");
    ck_assert_int_eq(json_file_float(&f, "list", 0, 1, &d, &err), -1);
    CHECK_ERROR(&err, path, "'list' is [1,{\"a\":2}], expected a number");
    ck_assert_int_eq(json_file_bool(&f, "n", &b, &err), -1);
    CHECK_ERROR(&err, path, "'n' is -1, expected true or false");
    ck_assert_int_eq(json_file_string(&f, "n", &s, &err), -1);
    CHECK_ERROR(&err, path, "'n' is -1, expected a string");
    ck_assert_int_eq(json_file_choice(&f, "text", (const char *const[]){"gelu", "silu", "relu", NULL}, &choice, &err),
                     -1);
    CHECK_ERROR(&err, path, "'text' is \"12\", expected gelu, silu or relu");
    ck_assert_int_eq(json_file_choice(&f, "n", (const char *const[]){"gelu", NULL}, &choice, &err), -1);
    CHECK_ERROR(&err, path, "'n' is -1, expected gelu");
    ck_assert(i == 7 && d == 7 && b && !strcmp(s, "seven") && choice == 7);
    close_file();
}
END_TEST

/* A value of megabytes does not make an error of megabytes, or one that is not a line. */
START_TEST(test_long_values) {
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG);
    bool b = true;
    memset(text, 'x', LONG);
    memcpy(text, "{\"k\":\"\\n", 8);
    memcpy(text + LONG - 3, "\"}", 3);
    open_text(text);
    ck_assert_int_eq(json_file_bool(&f, "k", &b, &err), -1);
    CHECK_ERROR(&err, "'k' is \"\\nxxx", "..., expected true or false");
    free(text);
    close_file();
}
END_TEST

START_TEST(test_missing_and_unknown) {
    int64_t i = 0;
    open_text("{\"model_type\": \"x\", \"n_layer\": 2, \"task_a\": {}, \"task_b\": 1, \"unset\": null, \"scale\": 2}");
    ck_assert_int_eq(json_file_require(&f, (const char *const[]){"model_type", NULL}, &err), 0);
    ck_assert_int_eq(json_file_require(&f, (const char *const[]){"model_type", "unset", NULL}, &err), -1);
    CHECK_ERROR(&err, "config.json: 'unset' is missing");
    ck_assert_int_eq(json_file_require(&f, (const char *const[]){"n_head", NULL}, &err), -1);
    CHECK_ERROR(&err, "config.json: 'n_head' is missing");
    ck_assert_int_eq(json_file_refuse_unknown(&f, (const char *const[]){"task_*", NULL}, &err), -1);
    CHECK_ERROR(&err, "config.json: 'n_layer' is not known");
    ck_assert_int_eq(json_file_int(&f, "n_layer", 0, 9, &i, &err), 0);
    ck_assert_int_eq(json_file_refuse_unknown(&f, (const char *const[]){"task_a", NULL}, &err), -1);
    CHECK_ERROR(&err, "config.json: 'task_b' is not known");
    ck_assert_int_eq(json_file_refuse_unknown(&f, (const char *const[]){"task_*", "scal", "scale_", NULL}, &err), -1);
    CHECK_ERROR(&err, "config.json: 'scale' is not known");
    ck_assert_int_eq(json_file_refuse_unknown(&f, (const char *const[]){"task_*", "scale", NULL}, &err), 0);
    ck_assert_ptr_nonnull(json_file_get(&f, "scale"));
    ck_assert_int_eq(json_file_refuse_unknown(&f, (const char *const[]){"task_*", NULL}, &err), 0);
    close_file();
}
END_TEST

/* tokenizer_config.json has int(1e30) for "no limit". */
START_TEST(test_integers_beyond_64_bits) {
    int64_t i = 0;
    double d = 0;
    open_text("{\"model_max_length\": 1000000000000000019884624838656, \"n\": 12}");
    ck_assert(!json_file_int(&f, "n", 1, 100, &i, &err) && i == 12);
    ck_assert(!json_file_float(&f, "model_max_length", 0, 1e31, &d, &err) && d == 1e30);
    ck_assert_int_eq(json_file_int(&f, "model_max_length", 0, INT64_MAX, &i, &err), -1);
    CHECK_ERROR(&err, "'model_max_length' is 1", "whole number");
    close_file();
}
END_TEST

static const struct lie {
    const char *text, *words[3];
} LIES[] = {
    {"", {"0 bytes", "a JSON file of at least 1"}},
    {"[]", {"not a JSON object"}},
    {"12", {"line 1"}},
    {"{\"a\": 1,\n \"a\": 2}", {"line 2", "duplicate"}},
    {"{\"a\": 1,\n \"b\": }", {"line 2", "unexpected token"}},
    {"{\"a\": 1} {}", {"line 1", "end of file expected"}},
    {"{\"a\": NaN}", {"line 1", "invalid token"}},
    {"{\"a\": 1e400}", {"line 1", "real number overflow"}},
};

START_TEST(test_lies) {
    const char *path = path_of("%s/config.json", test_folder);
    write_file(path, LIES[_i].text, strlen(LIES[_i].text));
    ck_assert_int_eq(json_file_open(&f, path, &err), -1);
    CHECK_ERROR(&err, path);
    check_error(&err, LIES[_i].words);
}
END_TEST

START_TEST(test_arrays) {
    const char *path = path_of("%s/list.json", test_folder);
    write_file(path, "[1, {}]", 7);
    json_t *list = json_array_open(path, &err);
    ck_assert_uint_eq(json_array_size(list), 2);
    json_decref(list);
    write_file(path, "{}", 2);
    ck_assert_ptr_null(json_array_open(path, &err));
    CHECK_ERROR(&err, path, "array");
}
END_TEST

START_TEST(test_no_file) {
    const char *path = path_of("%s/large.json", test_folder);
    ck_assert_int_eq(json_file_open(&f, path_of("%s/none.json", test_folder), &err), -1);
    CHECK_ERROR(&err, "none.json: No such file");
    ck_assert_int_eq(json_file_open(&f, test_folder, &err), -1);
    CHECK_ERROR(&err, "is a directory");
    write_file(path, "{}", 2);
    ck_assert_int_eq(truncate(path, JSON_FILE_MAX + 1), 0);
    ck_assert_int_eq(json_file_open(&f, path, &err), -1);
    CHECK_ERROR(&err, path, "expected a JSON file of at most");
    char name[5000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    ck_assert_int_eq(json_file_open(&f, name, &err), -1);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("json");
    tcase_add_test(t, test_values);
    tcase_add_test(t, test_wrong_values);
    tcase_add_test(t, test_long_values);
    tcase_add_test(t, test_missing_and_unknown);
    tcase_add_test(t, test_integers_beyond_64_bits);
    tcase_add_loop_test(t, test_lies, 0, sizeof LIES / sizeof *LIES);
    tcase_add_test(t, test_arrays);
    tcase_add_test(t, test_no_file);
    int rc = run_suite("json", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
