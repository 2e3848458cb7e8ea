/* fuzz: max_len=4096 weight=3 */
/* What the command reads beside models: texts as lines, JSONL, CSV, TSV and whole files, with metadata and in chunks; queries. An
   input is two bytes of choices and the file. */
#define _GNU_SOURCE
#include "cli/queries.h"
#include "cli/records.h"
#include "cli/text.h"
#include "tests/fuzz/fuzz.h"

enum { QUERIES_KIND = 5, KINDS };
enum { CORPUS = 1, SKIP_BAD = 2, CHUNKS = 4, NAMED = 8, PAIRS = 16, NO_HEADER = 32 };
static lnt_model *model __attribute__((used)); /* or a compiler drops it, and leaks are seen */
static lnt_tokenizer *tokenizer;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    lnt_error err;
    (void)argc, (void)argv;
    model = fuzz_shipped("sentences/sentences.lnt");
    if (!(tokenizer = lnt_tokenizer_new(model, &err))) fprintf(stderr, "%s\n", err.text), exit(1);
    return 0;
}

static volatile unsigned seen;

/* Every byte of it is there. */
static void touch(const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) seen += (unsigned char)bytes[i];
}

static void check_record(const record *r, size_t size) {
    io_bytes out = {0};
    FUZZ_CHECK(r->text && r->begin <= r->end + size);
    touch(r->text, r->n_bytes);
    if (r->pair) touch(r->pair, r->n_pair_bytes);
    if (r->metadata) {
        json_error_t wrong;
        json_t *metadata = json_loadb(r->metadata, r->n_metadata, JSON_ALLOW_NUL, &wrong);
        FUZZ_CHECK(json_is_object(metadata));
        json_decref(metadata);
    }
    FUZZ_CHECK(!record_begin_json(&out, r, "x"));
    io_bytes_free(&out);
}

static void read_records(const record_options *o, const char *path, size_t size, uint32_t chunk_tokens) {
    records r;
    record out;
    lnt_error err = {""};
    int got = -1;
    input file = {.path = (char *)(uintptr_t)path, .regular = true, .size = size};
    size_t n = 0;
    if (!records_open_file(&r, o, &file, tokenizer, chunk_tokens, &err))
        while ((got = records_next(&r, &out, &err)) > 0 && n++ < 8 * size + 8) check_record(&out, size);
    FUZZ_CHECK(got <= 0);
    if (got < 0) FUZZ_CHECK(*err.text);
    records_close(&r);
}

static void read_queries(const char *path) {
    queries q;
    finder_options o = {.id_field = "id"};
    finder f = {.options = &o, .info = {.dims = 4}};
    lnt_error err;
    if (!queries_open(&q, &f, path, 2, &err))
        while (queries_next(&q, &err) > 0)
            for (size_t i = 0; i < q.n; i++) touch(q.texts[i].text, q.texts[i].n_bytes), touch(q.ids[i], strlen(q.ids[i]));
    queries_close(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const FORMATS[] = {"lines", "jsonl", "csv", "tsv", "files"};
    if (size < 2) return -1;
    unsigned kind = data[0] % KINDS, choices = data[1];
    const char *path = fuzz_path(data + 2, size - 2);
    if (kind == QUERIES_KIND) return read_queries(path), 0;
    bool table = kind == RECORD_CSV || kind == RECORD_TSV, named = choices & NAMED, no_header = table && choices & NO_HEADER;
    record_options o = {.format = FORMATS[kind], .corpus = choices & CORPUS, .skip_bad = choices & SKIP_BAD, .no_header = no_header};
    if (kind == RECORD_JSONL) o.field = named ? "a.b" : NULL, o.pair_field = choices & PAIRS ? "b" : NULL;
    if (table) o.column = no_header ? "2" : named ? "a" : NULL, o.pair_column = choices & PAIRS ? "1" : NULL;
    read_records(&o, path, size, choices & CHUNKS ? 1 + choices / 64 : 0);
    return 0;
}
