/* fuzz: max_len=2048 weight=1 */
/* A JSON file, read with every kind of getter under names that a mutation finds. */
#include "formats/json.h"
#include "tests/fuzz/fuzz.h"

static void read_values(json_file *f, const json_t *object) {
    static const char *const CHOICES[] = {"gelu", "relu", "tanh", NULL}, *const KNOWN[] = {"d", "e*", NULL};
    lnt_error err;
    int64_t i = 0;
    double d = 0;
    bool b = false;
    const char *s = "";
    size_t choice = 0;
    for (const char *const *key = (const char *const[]){"a", "b", "c", NULL}; *key; key++) {
        if (!json_file_int(f, *key, -5, 1 << 20, &i, &err)) FUZZ_CHECK(i >= -5 && i <= 1 << 20);
        if (!json_file_float(f, *key, -1, 1e30, &d, &err)) FUZZ_CHECK(d >= -1 && d <= 1e30);
        json_file_bool(f, *key, &b, &err);
        json_file_string(f, *key, &s, &err);
        if (!json_file_choice(f, *key, CHOICES, &choice, &err)) FUZZ_CHECK(choice < 3);
        i = 0;
        json_int(f->path, object, *key, INT64_MIN, INT64_MAX, &i, &err);
        json_bool(f->path, object, *key, &b, &err);
        json_text(f->path, object, *key, &s, &err);
        i = 0;
    }
    json_file_require(f, (const char *const[]){"a", "b", NULL}, &err);
    json_file_refuse_unknown(f, KNOWN, &err);
}

/* What jansson's own parser makes of it, which overlooks a NUL behind a number. */
static void compare(const uint8_t *data, size_t size, unsigned flags) {
    json_fault fault;
    json_error_t wrong;
    json_t *ours = json_read(data, size, flags, &fault), *theirs = json_loadb((const char *)data, size, flags, &wrong);
    FUZZ_CHECK(ours || (*fault.text && fault.line > 0 && fault.column > 0 && !fault.memory));
    FUZZ_CHECK(!ours || (theirs && json_equal(ours, theirs)));
    FUZZ_CHECK(ours || !theirs || memchr(data, 0, size));
    json_decref(ours);
    json_decref(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_file f;
    lnt_error err = {""};
    const char *path = fuzz_map(data, size);
    if (!json_file_open(&f, path, &err)) {
        read_values(&f, json_object_get(f.root, "e"));
        json_file_close(&f);
    } else {
        FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    }
    json_decref(json_array_open(path, &err));
    json_decref(json_parse(data, size, "x", "header", &err));
    compare(data, size, JSON_REJECT_DUPLICATES);
    compare(data, size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL);
    return 0;
}
