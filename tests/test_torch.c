/* Files of torch.save: archives and pickles that lie, each refused by one line, and thousands of damaged ones. */
#define _GNU_SOURCE
#include "formats/checkpoint.h"
#include "formats/kv.h"
#include "formats/safetensors.h"
#include "formats/torch_zip.h"
#include "tests/testing.h"
#include <time.h>

#define GOLDEN LINNET_SOURCE_DIR "/tests/golden/checkpoints"

/* ---- archives made here ---- */

typedef struct zip {
    buffer out, directory;
    uint16_t n;
    bool wide; /* sizes and offsets in zip64's fields */
} zip;

static void put(buffer *b, uint64_t v, size_t n) { buffer_append(b, &v, n); }

static void zip_add(zip *z, const char *name, const void *bytes, size_t n) {
    size_t at = z->out.size, name_bytes = strlen(name);
    uint32_t size = z->wide ? UINT32_MAX : (uint32_t)n;
    put(&z->out, 0x04034b50, 4);
    for (int i = 0; i < 7; i++) put(&z->out, 0, 2); /* version, flags, method, time, date, crc */
    put(&z->out, n, 4), put(&z->out, n, 4);
    put(&z->out, name_bytes, 2), put(&z->out, 0, 2);
    buffer_append(&z->out, name, name_bytes);
    buffer_append(&z->out, bytes, n);
    buffer *d = &z->directory;
    put(d, 0x02014b50, 4);
    for (int i = 0; i < 8; i++) put(d, 0, 2); /* versions, flags, method, time, date, crc */
    put(d, size, 4), put(d, size, 4);
    put(d, name_bytes, 2), put(d, z->wide ? 32 : 0, 2);
    for (int i = 0; i < 5; i++) put(d, 0, 2); /* comment, disk, attributes */
    put(d, z->wide ? UINT32_MAX : at, 4);
    buffer_append(d, name, name_bytes);
    if (z->wide) {
        put(d, 0x4246, 2), put(d, 0, 2); /* a field of no interest */
        put(d, 1, 2), put(d, 24, 2);
        put(d, n, 8), put(d, n, 8), put(d, at, 8);
    }
    z->n++;
}

static void zip_end(zip *z) {
    uint64_t at = z->out.size, size = z->directory.size, end = at + size;
    buffer *b = &z->out;
    buffer_append(b, z->directory.bytes, size);
    buffer_free(&z->directory);
    if (z->wide) {
        put(b, 0x06064b50, 4), put(b, 44, 8), put(b, 0, 4), put(b, 0, 8);
        put(b, z->n, 8), put(b, z->n, 8), put(b, size, 8), put(b, at, 8);
        put(b, 0x07064b50, 4), put(b, 0, 4), put(b, end, 8), put(b, 1, 4);
    }
    put(b, 0x06054b50, 4), put(b, 0, 4);
    put(b, z->wide ? UINT16_MAX : z->n, 2), put(b, z->wide ? UINT16_MAX : z->n, 2);
    put(b, z->wide ? UINT32_MAX : size, 4), put(b, z->wide ? UINT32_MAX : at, 4);
    put(b, 0, 2);
    ck_assert(!b->failed);
}

/* An archive with a pickle and storage 0, six floats. */
static zip make_archive(const char *pickle, size_t n, bool wide) {
    zip z = {.wide = wide};
    zip_add(&z, "archive/data.pkl", pickle, n);
    zip_add(&z, "archive/byteorder", "little", 6);
    zip_add(&z, "archive/data/0", (const float[]){0, 1, 2, 3, 4, 5}, 24);
    zip_end(&z);
    return z;
}

/* Opens bytes as pytorch_model.bin. */
static checkpoint *open_bytes(const void *bytes, size_t n, lnt_error *err) {
    const char *path = path_of("%s/pytorch_model.bin", test_folder);
    write_file(path, bytes, n);
    return checkpoint_open(test_folder, err);
}

static void refuse(const void *bytes, size_t n, const char *const *words) {
    lnt_error err = {""};
    ck_assert_msg(open_bytes(bytes, n, &err) == NULL, "accepted, expected '%s'", words[0]);
    check_error(&err, words);
    CHECK_ERROR(&err, "pytorch_model.bin: ");
}
#define REFUSE(bytes, n, ...) refuse(bytes, n, (const char *const[]){__VA_ARGS__, NULL})

/* ---- pickles written by hand ---- */

#define TEXT(n, s) "X" n "\0\0\0" s
#define STORAGE(class, key, elements) \
    "(" TEXT("\7", "storage") "c" class "\n" TEXT("\1", key) TEXT("\3", "cpu") elements "tQ"
#define FLOATS STORAGE("torch\nFloatStorage", "0", "K\6")
#define NO_HOOKS "\x89" "ccollections\nOrderedDict\n)R"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define TENSOR(storage, offset, sizes, strides) REBUILD "(" storage offset sizes strides NO_HOOKS "tR"
#define GOOD TENSOR(FLOATS, "K\0", "K\2K\3\x86", "K\3K\1\x86")
#define STATE(items) "\x80\2}(" items "u."
#define W(tensor) STATE(TEXT("\1", "w") tensor)
#define MINUS_ONE "J\xff\xff\xff\xff"
#define NINE "K\1K\1K\1K\1K\1K\1K\1K\1K\1"
#define HUGE_INT "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"

static void check_good(const zip *z) {
    lnt_error err = {""};
    float values[6];
    checkpoint *c = open_bytes(z->out.bytes, z->out.size, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    const checkpoint_tensor *w = checkpoint_find(c, "w");
    ck_assert(checkpoint_count(c) == 1 && w && w->n_dims == 2 && w->dims[0] == 2 && w->dims[1] == 3);
    ck_assert_int_eq(checkpoint_read_f32(c, w, 0, 6, values, &err), 0);
    for (int i = 0; i < 6; i++) ck_assert(values[i] == (float)i);
    checkpoint_close(c);
}

START_TEST(test_good) {
    static const char PICKLE[] = W(GOOD), PARAMETER[] = W("ctorch._utils\n_rebuild_parameter\n(" GOOD NO_HOOKS "tR");
    zip z = make_archive(PICKLE, sizeof PICKLE - 1, false);
    check_good(&z);
    buffer_free(&z.out);
    z = make_archive(PARAMETER, sizeof PARAMETER - 1, false);
    check_good(&z);
    buffer_free(&z.out);
    z = make_archive(PICKLE, sizeof PICKLE - 1, true);
    check_good(&z);
    buffer_free(&z.out);
}
END_TEST

#define LIE(pickle, ...) {pickle, sizeof pickle - 1, {__VA_ARGS__}}
static const struct lie {
    const char *pickle;
    size_t n;
    const char *words[5];
} LIES[] = {
    LIE("", "cut off"),
    LIE("\x80", "cut off"),
    LIE("\x80\4}.", "protocol 2"),
    LIE("\x80\2", "cut off"),
    LIE("\x80\2.", "after one value"),
    LIE("\x80\2}", "cut off"),
    LIE("\x80\2}}.", "after one value"),
    LIE("\x80\2}.}", "after one value"),
    LIE("\x80\2K\1.", "dictionary of tensors"),
    LIE("\x80\2" GOOD ".", "dictionary of tensors"),
    /* names */
    LIE("\x80\2cos\nsystem\nX\4\0\0\0echo\x85R.", "'os.system' is not allowed"),
    LIE("\x80\2" "c__builtin__\neval\n.", "'__builtin__.eval' is not allowed"),
    LIE("\x80\2" "ccollections\nOrderedDictionary\n.", "'collections.OrderedDictionary' is not allowed"),
    LIE("\x80\2" "ctorch\nFloatStorage", "a name and a line break"),
    LIE("\x80\2" "ctorch.storage\n_load_from_bytes\n.", "'torch.storage._load_from_bytes' is not allowed"),
    /* opcodes that are not data */
    LIE("\x80\2(S'echo'\nios\nsystem\n.", "opcode 0x53"),
    LIE("\x80\2(ios\nsystem\n.", "opcode 0x69 at byte 3"),
    LIE("\x80\2)\x81.", "opcode 0x81"),
    LIE("\x80\2\x82\1.", "opcode 0x82"),
    LIE("\x80\2Pabc\n.", "opcode 0x50"),
    LIE("\x80\2\x8c\1a.", "opcode 0x8c"),
    /* the machine */
    LIE("\x80\2R.", "a value on the stack"),
    LIE("\x80\2(R.", "a value on the stack"),
    LIE("\x80\2}}R.", "something allowed to call"),
    LIE("\x80\2" "ctorch\nFloatStorage\n)R.", "to be named, not called"),
    LIE("\x80\2" "ccollections\nOrderedDict\nK\1\x85R.", "without arguments"),
    LIE("\x80\2" "ctorch\nSize\n)R.", "the tuple of a size"),
    LIE("\x80\2" "ctorch._utils\n_rebuild_parameter\n}NN\x87R.", "the tensor of a parameter"),
    LIE("\x80\2" REBUILD ")R.", "the 6 arguments"),
    LIE("\x80\2u.", "a mark on the stack"),
    LIE("\x80\2}K\1u.", "a mark on the stack"),
    LIE("\x80\2}(K\1u.", "a value for every key"),
    LIE("\x80\2K\1(u.", "a dictionary on the stack"),
    LIE("\x80\2K\1K\2K\3s.", "a dictionary on the stack"),
    LIE("\x80\2}K\1s.", "a dictionary on the stack"),
    LIE("\x80\2K\1K\2" "a.", "a list on the stack"),
    LIE("\x80\2(K\1e.", "a list on the stack"),
    LIE("\x80\2\x85.", "a value on the stack"),
    LIE("\x80\2}K\1\x87.", "a value on the stack"),
    LIE("\x80\2t.", "a mark on the stack"),
    LIE("\x80\2K\1Q.", "a storage's five properties"),
    LIE("\x80\2)Q.", "a storage's five properties"),
    LIE("\x80\2K\1}b.", "a dictionary on the stack"),
    LIE("\x80\2b.", "a value on the stack"),
    LIE("\x80\2h\0.", "remembered before"),
    LIE("\x80\2}q\5h\4.", "remembered before"),
    LIE("\x80\2}r\xff\xff\xff\x7f.", "a value to remember"),
    LIE("\x80\2j\xff\xff\xff\xff.", "remembered before"),
    LIE("\x80\2(q\0.", "a value to remember"),
    LIE("\x80\2q\0.", "a value to remember"),
    LIE("\x80\2X\xff\xff\xff\x7f" "abc", "cut off"),
    LIE("\x80\2X\1\0", "cut off"),
    LIE("\x80\2J\1\0", "cut off"),
    LIE("\x80\2G\0\0", "cut off"),
    LIE("\x80\2\x8a\x09\1\1\1\1\1\1\1\1\1.", "at most 64 bits"),
    LIE("\x80\2\x8a\xff.", "cut off"),
    /* dictionaries */
    LIE(STATE("N" GOOD), "neither text nor a number"),
    LIE(STATE(TEXT("\1", "w") GOOD TEXT("\1", "w") GOOD), "'w'", "stands twice"),
    LIE(STATE(TEXT("\2", "a\0") GOOD), "without NUL"),
    LIE("\x80\2}q\0X\1\0\0\0ah\0s.", "'a'", "stands elsewhere too"),
    LIE("\x80\2}(X\1\0\0\0a}q\0X\1\0\0\0bh\0u.", "'b'", "stands elsewhere too"),
    /* tensors */
    LIE(W(TENSOR("N", "K\0", "K\6\x85", "K\1\x85")), "'w'", "no storage"),
    LIE(W(TENSOR(STORAGE("collections\nOrderedDict", "0", "K\6"), "K\0", "K\6\x85", "K\1\x85")), "'w'", "no storage"),
    LIE(W(TENSOR(STORAGE("torch\nFloatStorage", "0", "N"), "K\0", "K\6\x85", "K\1\x85")), "'w'", "no storage"),
    LIE(W(TENSOR(STORAGE("torch\nFloatStorage", "0", MINUS_ONE), "K\0", "K\6\x85", "K\1\x85")), "'w'", "no storage"),
    LIE(W(TENSOR("((((NNNNtQ", "K\0", "K\6\x85", "K\1\x85")), "a storage's five properties"),
    LIE(W(TENSOR("(NNNNNtQ", "K\0", "K\6\x85", "K\1\x85")), "'w'", "no storage"),
    LIE(W(TENSOR(STORAGE("torch\nFloatStorage", "7", "K\6"), "K\0", "K\6\x85", "K\1\x85")), "'w'", "data/7, which is not"),
    LIE(W(TENSOR(STORAGE("torch\nFloatStorage", "0", "K\7"), "K\0", "K\6\x85", "K\1\x85")), "24 bytes", "expected 7 F32"),
    LIE(W(TENSOR(STORAGE("torch\nDoubleStorage", "0", "K\6"), "K\0", "K\6\x85", "K\1\x85")), "24 bytes", "expected 6 F64"),
    LIE(W(TENSOR(STORAGE("torch\nFloatStorage", "0", HUGE_INT), "K\0", "K\6\x85", "K\1\x85")), "'w'", "24 bytes"),
    LIE(W(TENSOR(FLOATS, MINUS_ONE, "K\6\x85", "K\1\x85")), "'w'", "offset"),
    LIE(W(TENSOR(FLOATS, "K\7", "K\0\x85", "K\1\x85")), "'w'", "begins at element 7", "at most the 6"),
    LIE(W(TENSOR(FLOATS, HUGE_INT, "K\1\x85", "K\1\x85")), "'w'", "begins at element"),
    LIE(W(TENSOR(FLOATS, "K\1", "K\6\x85", "K\1\x85")), "'w'", "reaches element 5", "room for 5"),
    LIE(W(TENSOR(FLOATS, "K\0", "K\2K\3\x86", "K\4K\1\x86")), "'w'", "reaches element 6", "room for 6"),
    LIE(W(TENSOR(FLOATS, "K\0", "K\2\x85", HUGE_INT "\x85")), "'w'", "reaches element"),
    LIE(W(TENSOR(FLOATS, "K\0", "K\5\x85", HUGE_INT "\x85")), "'w'", "2^64"),
    LIE(W(TENSOR(FLOATS, "K\0", HUGE_INT HUGE_INT "\x86", "K\1K\1\x86")), "'w'", "2^63"),
    LIE(W(TENSOR(FLOATS, "K\0", HUGE_INT "\x85", "K\0\x85")), "'w'", "repeats its data"),
    LIE(W(TENSOR(FLOATS, "K\0", "K\7\x85", "K\0\x85")), "'w'", "repeats its data: 7", "6 stored"),
    LIE(W(TENSOR(FLOATS, "K\0", MINUS_ONE "\x85", "K\1\x85")), "'w'", "no shape"),
    LIE(W(TENSOR(FLOATS, "K\0", "K\6\x85", MINUS_ONE "\x85")), "'w'", "no shape"),
    LIE(W(TENSOR(FLOATS, "K\0", "K\6\x85", "K\1K\1\x86")), "'w'", "as many strides"),
    LIE(W(TENSOR(FLOATS, "K\0", "K\6", "K\1\x85")), "'w'", "no shape"),
    LIE(W(TENSOR(FLOATS, "K\0", "N\x85", "K\1\x85")), "'w'", "no shape"),
    LIE(W(TENSOR(FLOATS, "K\0", "(" NINE "t", "(" NINE "t")), "'w'", "at most 8 sizes"),
};

START_TEST(test_lies) {
    zip z = make_archive(LIES[_i].pickle, LIES[_i].n, false);
    refuse(z.out.bytes, z.out.size, LIES[_i].words);
    buffer_free(&z.out);
}
END_TEST

/* Dictionaries 1,000 deep, and 12 that each hold the one before twice: 4,096 if they were unfolded. */
START_TEST(test_deep) {
    buffer b = {0};
    buffer_append(&b, "\x80\2}", 3);
    for (int i = 0; i < 1000; i++) buffer_append(&b, "X\1\0\0\0a}", 7);
    for (int i = 0; i < 1000; i++) buffer_append(&b, "s", 1);
    buffer_append(&b, ".", 1);
    zip z = make_archive((const char *)b.bytes, b.size, false);
    REFUSE(z.out.bytes, z.out.size, "'a.a.a", "more than 16 deep");
    buffer_free(&z.out);
    b.size = 0;
    buffer_append(&b, "\x80\2}(K\0](}q\0", 11);
    unsigned char twice[] = "}q?(K\0h?K\1h?u";
    for (unsigned char i = 0; i < 12; i++) {
        twice[2] = (unsigned char)(i + 1), twice[7] = twice[11] = i;
        buffer_append(&b, twice, sizeof twice - 1);
    }
    buffer_append(&b, "eK\1h\14u.", 7);
    z = make_archive((const char *)b.bytes, b.size, false);
    REFUSE(z.out.bytes, z.out.size, "stands elsewhere too");
    buffer_free(&z.out);
    buffer_free(&b);
}
END_TEST

START_TEST(test_refused_golden) {
    static const char *const FILES[][4] = {{"legacy", "before 1.6", "expected"},
                                           {"command", "system' is not allowed"},
                                           {"negated", "'w'", "negated view"},
                                           {"protocol4", "protocol 2"}};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        size_t n;
        void *bytes = read_file(path_of("%s/refused/%s.bin", GOLDEN, FILES[i][0]), &n);
        refuse(bytes, n, &FILES[i][1]);
        free(bytes);
    }
}
END_TEST

/* ---- archives that lie ---- */

enum { LOCAL, ENTRY, END, END64, LOCATOR };
static const uint32_t MAGIC[] = {0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50};

/* One field of the n-th record of a kind, changed. */
static const struct zip_lie {
    bool wide;
    int record, nth;
    size_t at, bytes;
    uint64_t value;
    const char *words[4];
} ZIP_LIES[] = {
    {false, END, 0, 0, 4, 0, {"not a zip archive"}},
    {false, END, 0, 20, 2, 1, {"not a zip archive"}},
    {false, END, 0, 10, 2, 2, {"directory's entries"}},
    {false, END, 0, 10, 2, 4, {"another entry in the directory"}},
    {false, END, 0, 10, 2, 60000, {"a directory inside the file"}},
    {false, END, 0, 10, 2, UINT16_MAX, {"a zip64 locator"}},
    {false, END, 0, 12, 4, 1000000, {"a directory inside the file"}},
    {false, END, 0, 16, 4, 1000000, {"a directory inside the file"}},
    {false, END, 0, 16, 4, 0, {"another entry in the directory"}},
    {false, ENTRY, 1, 0, 4, 0, {"another entry in the directory"}},
    {false, ENTRY, 2, 28, 2, 65535, {"whole entries"}},
    {false, ENTRY, 2, 8, 2, 1, {"archive/data/0", "encrypted"}},
    {false, ENTRY, 2, 10, 2, 8, {"archive/data/0", "compressed (method 8)"}},
    {false, ENTRY, 2, 20, 4, 23, {"archive/data/0", "compressed"}},
    {false, ENTRY, 2, 42, 4, 1, {"archive/data/0", "no header"}},
    {false, ENTRY, 2, 42, 4, 100000, {"archive/data/0", "no header"}},
    {false, ENTRY, 2, 42, 4, 0, {"archive/data/0", "another name"}},
    {false, ENTRY, 2, 42, 4, UINT32_MAX, {"archive/data/0", "no header"}},
    {false, LOCAL, 2, 30, 1, 'b', {"archive/data/0", "another name"}},
    {false, LOCAL, 2, 26, 2, 65535, {"archive/data/0", "another name"}},
    {false, LOCAL, 2, 28, 2, 1, {"archive/data/0", "reach past"}},
    {false, ENTRY, 1, 46, 1, 'b', {"brchive/byteorder", "another name"}},
    {true, LOCATOR, 0, 0, 4, 0, {"a zip64 locator"}},
    {true, LOCATOR, 0, 8, 8, 0, {"a zip64 record"}},
    {true, LOCATOR, 0, 8, 8, UINT64_MAX, {"a zip64 record"}},
    {true, END64, 0, 0, 4, 0, {"a zip64 record"}},
    {true, END64, 0, 32, 8, UINT64_MAX, {"a directory inside the file"}},
    {true, END64, 0, 32, 8, UINT64_MAX / 46 + 1, {"a directory inside the file"}},
    {true, END64, 0, 40, 8, UINT64_MAX, {"a directory inside the file"}},
    {true, END64, 0, 48, 8, UINT64_MAX, {"a directory inside the file"}},
    {true, ENTRY, 2, 46 + 14 + 2, 2, 65535, {"archive/data/0", "extra field"}},
    {true, ENTRY, 2, 46 + 14 + 6, 2, 23, {"archive/data/0", "extra field"}},
    {true, ENTRY, 2, 46 + 14 + 4, 2, 2, {"archive/data/0", "no header"}},
    {true, ENTRY, 2, 46 + 14 + 8, 8, UINT64_MAX, {"archive/data/0", "compressed"}},
    {true, ENTRY, 2, 46 + 14 + 24, 8, UINT64_MAX, {"archive/data/0", "no header"}},
};

static unsigned char *find_record(zip *z, int record, int nth) {
    for (size_t at = 0; at + 4 <= z->out.size; at++)
        if (!memcmp(z->out.bytes + at, &MAGIC[record], 4) && nth-- == 0) return z->out.bytes + at;
    ck_abort_msg("there is no such record");
    return NULL;
}

START_TEST(test_zip_lies) {
    static const char PICKLE[] = W(GOOD);
    const struct zip_lie *lie = &ZIP_LIES[_i];
    zip z = make_archive(PICKLE, sizeof PICKLE - 1, lie->wide);
    memcpy(find_record(&z, lie->record, lie->nth) + lie->at, &lie->value, lie->bytes);
    refuse(z.out.bytes, z.out.size, lie->words);
    buffer_free(&z.out);
}
END_TEST

/* A size of which all three fields agree, but not the file. */
START_TEST(test_size_past_the_end) {
    static const char PICKLE[] = W(GOOD);
    zip z = make_archive(PICKLE, sizeof PICKLE - 1, false);
    memcpy(find_record(&z, ENTRY, 2) + 20, (const uint32_t[]){25, 25}, 8);
    REFUSE(z.out.bytes, z.out.size, "archive/data/0", "25 bytes, which reach past the 24");
    buffer_free(&z.out);
}
END_TEST

static void refuse_entries(const char *const *names, const char *bytes, const char *const *words) {
    zip z = {0};
    for (; *names; names++) zip_add(&z, *names, bytes, strlen(bytes));
    zip_end(&z);
    refuse(z.out.bytes, z.out.size, words);
    buffer_free(&z.out);
}
#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}

START_TEST(test_wrong_entries) {
    refuse_entries(LIST("archive/data/0"), "", LIST("no data.pkl"));
    refuse_entries(LIST("data.pkl", "/data.pk"), "", LIST("no data.pkl"));
    refuse_entries(LIST("a/data.pkl", "b/data.pkl"), "", LIST("data.pkl twice"));
    refuse_entries(LIST("a/data.pkl", "a/data.pkl"), "", LIST("'a/data.pkl' stands twice"));
    refuse_entries(LIST("a/data.pkl", "a/byteorder"), "big", LIST("byteorder is 'big'", "expected little"));
    refuse_entries(LIST(""), "", LIST("no data.pkl"));
    REFUSE("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, "no data.pkl");
    REFUSE("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21, "21 bytes", "at least 22");
}
END_TEST

/* ---- damage ---- */

typedef int reader(const mapped_file *file, const char *path, checkpoint *into, lnt_error *err);

/* Reads a file from memory of exactly its size, so that a step past its end is seen; all its tensors, if it opens. */
static bool read_bytes(reader *read, const unsigned char *bytes, size_t n) {
    lnt_error err = {""};
    checkpoint *c = checkpoint_open(test_folder, &err);
    unsigned char *exact = malloc(n);
    ck_assert(c && exact);
    memcpy(exact, bytes, n);
    bool good = !read(&(mapped_file){.bytes = exact, .size = n}, "x", c, &err);
    ck_assert(good || !strncmp(err.text, "x: ", 3));
    for (size_t i = 0; good && i < checkpoint_count(c); i++) {
        const checkpoint_tensor *t = checkpoint_at(c, i);
        ck_assert_uint_le(t->n_elements, n);
        float *values = malloc((t->n_elements + 1) * sizeof *values);
        int rc = checkpoint_read_f32(c, t, 0, t->n_elements, values, &err);
        ck_assert_int_eq(rc, t->dtype <= CHECKPOINT_F64 ? 0 : -1);
        free(values);
    }
    checkpoint_close(c);
    free(exact);
    return good;
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* A few bytes of [from, to) changed to others, to neighbours, to extremes or to those of another place. */
static void damage(unsigned char *bytes, size_t from, size_t to, uint32_t *random) {
    static const unsigned char EXTREMES[] = {0, 1, 0x7f, 0x80, 0xff, '(', '.', 'R', 'h', 'u'};
    for (uint32_t left = 1 + next_random(random) % 4; left; left--) {
        unsigned char *p = bytes + from + next_random(random) % (to - from);
        switch (next_random(random) % 4) {
        case 0: *p = (unsigned char)next_random(random); break;
        case 1: *p = (unsigned char)(*p + (next_random(random) & 1 ? 1 : 255)); break;
        case 2: *p = EXTREMES[next_random(random) % sizeof EXTREMES]; break;
        default: *p = bytes[from + next_random(random) % (to - from)];
        }
    }
}

static void start_damage(void) { write_file(path_of("%s/model.safetensors", test_folder), "\2\0\0\0\0\0\0\0{}", 10); }

/* 20,000 damaged files, or two seconds of them; some are still good, some are not. */
static void damage_many(reader *read, const unsigned char *bytes, size_t n, size_t from, size_t to) {
    unsigned char *copy = malloc(n);
    uint32_t random = 2463534242u;
    size_t good = 0, bad = 0;
    time_t start = time(NULL);
    while (good + bad < 20000 && time(NULL) - start < 3) {
        memcpy(copy, bytes, n);
        damage(copy, from, to, &random);
        ++*(read_bytes(read, copy, next_random(&random) % 16 ? n : n - next_random(&random) % (n / 2)) ? &good : &bad);
    }
    ck_assert_msg(good > 10 && bad > 100, "%zu good, %zu bad", good, bad);
    free(copy);
}

START_TEST(test_damaged_safetensors) {
    size_t n;
    uint64_t header;
    start_damage();
    unsigned char *bytes = read_file(GOLDEN "/safetensors/model.safetensors", &n);
    memcpy(&header, bytes, sizeof header);
    ck_assert(read_bytes(safetensors_read, bytes, n));
    damage_many(safetensors_read, bytes, n, 8, 8 + header);
    free(bytes);
}
END_TEST

START_TEST(test_damaged_pickle) {
    size_t n;
    start_damage();
    const char *folder = _i ? "torch-views" : "torch-nested";
    unsigned char *bytes = read_file(path_of("%s/%s/pytorch_model.bin", GOLDEN, folder), &n);
    unsigned char *pickle = memmem(bytes, n, "\x80\2", 2), *end = memmem(pickle, n - (size_t)(pickle - bytes), "PK", 2);
    ck_assert(read_bytes(torch_zip_read, bytes, n));
    damage_many(torch_zip_read, bytes, n, (size_t)(pickle - bytes), (size_t)(end - bytes));
    free(bytes);
}
END_TEST

START_TEST(test_damaged_zip) {
    static const char PICKLE[] = W(GOOD);
    zip z = make_archive(PICKLE, sizeof PICKLE - 1, _i);
    start_damage();
    damage_many(torch_zip_read, z.out.bytes, z.out.size, (size_t)(find_record(&z, ENTRY, 0) - z.out.bytes), z.out.size);
    damage_many(torch_zip_read, z.out.bytes, z.out.size, 0, z.out.size);
    buffer_free(&z.out);
}
END_TEST

/* Cut at every byte: never good before the last. */
START_TEST(test_cut) {
    static const char PICKLE[] = W(GOOD);
    zip z = make_archive(PICKLE, sizeof PICKLE - 1, _i);
    start_damage();
    for (size_t n = 22; n < z.out.size; n++)
        ck_assert_msg(!read_bytes(torch_zip_read, z.out.bytes, n), "%zu bytes are enough", n);
    ck_assert(read_bytes(torch_zip_read, z.out.bytes, z.out.size));
    for (size_t n = 2; n < sizeof PICKLE - 1; n++) {
        zip cut = make_archive(PICKLE, n, _i);
        ck_assert_msg(!read_bytes(torch_zip_read, cut.out.bytes, cut.out.size), "%zu bytes of pickle are enough", n);
        buffer_free(&cut.out);
    }
    buffer_free(&z.out);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("torch");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_good);
    tcase_add_loop_test(t, test_lies, 0, sizeof LIES / sizeof *LIES);
    tcase_add_test(t, test_deep);
    tcase_add_test(t, test_refused_golden);
    tcase_add_loop_test(t, test_zip_lies, 0, sizeof ZIP_LIES / sizeof *ZIP_LIES);
    tcase_add_test(t, test_size_past_the_end);
    tcase_add_test(t, test_wrong_entries);
    tcase_add_loop_test(t, test_cut, 0, 2);
    tcase_add_test(t, test_damaged_safetensors);
    tcase_add_loop_test(t, test_damaged_pickle, 0, 2);
    tcase_add_loop_test(t, test_damaged_zip, 0, 2);
    int rc = run_suite("torch", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
