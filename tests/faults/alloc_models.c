/* Converting, quantizing, opening, completing, scoring, values of the inside. */
#include "convert/tokenizer.h"
#include "engine/model.h"
#include "engine/tokenizer.h"
#include "formats/kv.h"
#include "formats/npy.h"
#include "tests/faults/alloc_scenarios.h"

static const char TEXT[] = "the cat, it sat on the mat in a hat; and why?";

/* ---- converting ---- */

static int convert(const char *folder, const char *type, bool check, uint64_t *digest, lnt_error *err) {
    lnt_convert_options o = {.type = type, .no_check = !check, .n_threads = 1, .check_path = check && strcmp(folder, "vit") ? FIXTURE("lines.txt") : NULL};
    if (lnt_convert(FIXTURE(folder), OUTPUT("m.lnt"), &o, err)) return -1;
    mix_file(digest, OUTPUT("m.lnt"));
    return 0;
}
static int convert_gpt2(uint64_t *digest, lnt_error *err) { return convert("gpt2", "q8", false, digest, err); }
static int convert_torch(uint64_t *digest, lnt_error *err) { return convert("torch", "f16", false, digest, err); }
static int convert_shards(uint64_t *digest, lnt_error *err) { return convert("shards", "q4", false, digest, err); }
static int convert_sentence(uint64_t *digest, lnt_error *err) { return convert("sentence", "q8", true, digest, err); }
static int convert_masked(uint64_t *digest, lnt_error *err) { return convert("masked", "q4", true, digest, err); }
static int convert_distilbert(uint64_t *digest, lnt_error *err) { return convert("distilbert", "q8", true, digest, err); }
static int convert_vit(uint64_t *digest, lnt_error *err) { return convert("vit", "q8", true, digest, err); }

static int quantize(uint64_t *digest, lnt_error *err) {
    lnt_convert_options o = {.type = "q8", .n_threads = 1, .check_path = FIXTURE("lines.txt")};
    if (lnt_quantize(FIXTURE("sentence.lnt"), OUTPUT("m.lnt"), &o, err)) return -1;
    mix_file(digest, OUTPUT("m.lnt"));
    return 0;
}

/* ---- opening ---- */

static int describe(const lnt_model *m, unsigned flags, lnt_error *err) {
    FILE *out = fopen(OUTPUT("text"), "we");
    if (!out) return snprintf(err->text, sizeof err->text, "no memory for a stream"), -1;
    int rc = lnt_describe(m, flags, out, err);
    fclose(out);
    return rc;
}

static int inspect_and_verify(uint64_t *digest, lnt_error *err) {
    lnt_model *m = lnt_open(FIXTURE("masked.lnt"), err);
    const unsigned all = LNT_DESCRIBE_TENSORS | LNT_DESCRIBE_GRAPH;
    int rc = m && !TRY_AGAIN(lnt_verify(m, err)) && !TRY_AGAIN(describe(m, all, err)) ? 0 : -1;
    if (!rc) mix_file(digest, OUTPUT("text"));
    if (!rc) rc = TRY_AGAIN(describe(m, all | LNT_DESCRIBE_JSON, err));
    if (!rc) mix_file(digest, OUTPUT("text"));
    unlink(OUTPUT("text"));
    lnt_close(m);
    return rc;
}

/* ---- generating ---- */

typedef struct machine {
    lnt_model *model;
    lnt_context *context;
    lnt_tokenizer *tokenizer;
    lnt_sampler *sampler;
    lnt_profile *profile;
} machine;

static int open_machine(machine *all, lnt_context_options o, lnt_error *err) {
    static const int32_t BIAS[] = {5, 7};
    static const float VALUES[] = {-1, 1};
    lnt_sampling sampling = {.temperature = 0.8f, .top_k = 40, .top_p = 0.9f, .min_p = 0.01f, .repeat_penalty = 1.1f, .repeat_last = 16, .seed = 3,
                             .bias_ids = BIAS, .bias_values = VALUES, .n_bias = 2};
    if (!(all->model = lnt_open(LINNET_SOURCE_DIR "/models/shakespeare/shakespeare.lnt", err)) || !(all->profile = lnt_profile_new(err))) return -1;
    o.profile = all->profile;
    return (all->context = lnt_context_new(all->model, &o, err)) && (all->tokenizer = lnt_tokenizer_new(all->model, err)) &&
                   (all->sampler = lnt_sampler_new(all->model, &sampling, err)) ? 0 : -1;
}

static void close_machine(machine *all) {
    lnt_sampler_free(all->sampler);
    lnt_tokenizer_free(all->tokenizer);
    lnt_context_free(all->context);
    lnt_profile_free(all->profile);
    lnt_close(all->model);
}

static int generate(machine *all, uint64_t *digest, lnt_error *err) {
    lnt_span span = {0};
    int32_t ids[6];
    const char *text;
    size_t n_bytes;
    if (TRY_AGAIN(lnt_tokenize(all->tokenizer, TEXT, strlen(TEXT), 0, &span.ids, &span.n_ids, err)) || TRY_AGAIN(lnt_eval(all->context, &span, 1, err)))
        return -1;
    for (int i = 0; i < 6; i++) {
        ids[i] = lnt_sample(all->sampler, lnt_output(all->context, 0));
        span = (lnt_span){.ids = &ids[i], .n_ids = 1};
        if (TRY_AGAIN(lnt_eval(all->context, &span, 1, err))) return -1;
    }
    if (TRY_AGAIN(lnt_sequence_shift(all->context, 0, 4, 8, err)) || TRY_AGAIN(lnt_detokenize(all->tokenizer, ids, 6, &text, &n_bytes, err))) return -1;
    mix(digest, ids, sizeof ids);
    mix(digest, text, n_bytes);
    return 0;
}

static int complete_with(uint32_t n_threads, uint64_t *digest, lnt_error *err) {
    machine all = {0};
    int rc = open_machine(&all, (lnt_context_options){.n_threads = n_threads, .n_ctx = 48}, err) || generate(&all, digest, err) ? -1 : 0;
    close_machine(&all);
    return rc;
}
static int complete(uint64_t *digest, lnt_error *err) { return complete_with(1, digest, err); }
static int complete_threads(uint64_t *digest, lnt_error *err) { return complete_with(4, digest, err); }

static int score_text(machine *all, uint64_t *digest, lnt_error *err) {
    lnt_span span = {.all_outputs = true};
    lnt_info info;
    lnt_model_info(all->model, &info);
    if (TRY_AGAIN(lnt_tokenize(all->tokenizer, TEXT, strlen(TEXT), LNT_NO_SPECIAL, &span.ids, &span.n_ids, err)) || TRY_AGAIN(lnt_eval(all->context, &span, 1, err)))
        return -1;
    for (size_t i = 0; i + 1 < span.n_ids; i++) {
        double p = lnt_log_probability(lnt_output(all->context, i), info.vocab_size, span.ids[i + 1]);
        mix(digest, &p, sizeof p);
    }
    return 0;
}

static int score(uint64_t *digest, lnt_error *err) {
    machine all = {0};
    int rc = open_machine(&all, (lnt_context_options){.n_threads = 1, .n_ctx = 64, .n_outputs = 64}, err) || score_text(&all, digest, err) ? -1 : 0;
    close_machine(&all);
    return rc;
}

/* ---- values of the inside, in a .npy file ---- */

static int write_hidden(lnt_context *c, uint64_t *digest, lnt_error *err) {
    enum { N = 6, WIDTH = 36, HEADS = 3 };
    static float hidden[N * WIDTH], attention[HEADS * N * N];
    static const int32_t ids[N] = {2, 8, 9, 10, 11, 3};
    lnt_span span = {.ids = ids, .n_ids = N};
    if (lnt_tap(c, "hidden", 1, hidden, N, err) || lnt_tap(c, "attention", 0, attention, N, err) || lnt_eval(c, &span, 1, err)) return -1;
    if (npy_write_f32(OUTPUT("x.npy"), hidden, (const size_t[]){N, WIDTH}, 2, err)) return -1;
    mix_file(digest, OUTPUT("x.npy"));
    mix(digest, attention, sizeof attention);
    return 0;
}

static int output(uint64_t *digest, lnt_error *err) {
    lnt_model *m = lnt_open(FIXTURE("masked.lnt"), err);
    lnt_context *c = m ? lnt_context_new(m, &(lnt_context_options){.n_threads = 1}, err) : NULL;
    int rc = c && !write_hidden(c, digest, err) ? 0 : -1;
    lnt_context_free(c);
    lnt_close(m);
    return rc;
}

/* ---- tokenizers of every kind, from the checkpoint's files to tokens ---- */

static int use_tokenizer(lnt_tokenizer *t, bool pairs, uint64_t *digest, lnt_error *err) {
    static const char *const TEXTS[] = {"", "Plain words, and caf\xc3\xa9s: don't!", "\xe4\xbd\xa0\xe5\xa5\xbd \xff\xfe antidisestablishmentarianism <|endoftext|>[MASK]",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        const char *pair = pairs && i % 2 ? "and its pair" : NULL, *text;
        size_t n_bytes;
        lnt_encoding e;
        if (TRY_AGAIN(lnt_encode(t, TEXTS[i], strlen(TEXTS[i]), pair, pair ? strlen(pair) : 0, 40, LNT_PLACES, &e, err))) return -1;
        mix(digest, e.ids, e.n * sizeof *e.ids);
        mix(digest, e.segments, e.n);
        mix(digest, e.places, e.n * sizeof *e.places);
        if (TRY_AGAIN(lnt_detokenize(t, e.ids, e.n, &text, &n_bytes, err))) return -1;
        mix(digest, text, n_bytes);
    }
    return 0;
}

static int tokenizer_of(const char *name, uint64_t *digest, lnt_error *err) {
    buffer section = {0};
    tokenizer_facts facts;
    kv_block block;
    lnt_model m = {.info = {.vocab_size = 1 << 17, .n_segments = 2}};
    lnt_tokenizer *t = NULL;
    int rc = convert_tokenizer(path_of("%s/tests/golden/tokenizer/%s", LINNET_SOURCE_DIR, name), &section, &facts, err) ? -1 : 0;
    if (!rc && section.failed) rc = (snprintf(err->text, sizeof err->text, "the section is out of memory"), -1);
    if (!rc) rc = kv_open(&block, section.bytes, section.size, "test", err);
    if (!rc) rc = (m.tokenizer = tokenizer_model_load(&block, m.info.vocab_size, "test", err)) ? 0 : -1;
    if (!rc) rc = (t = lnt_tokenizer_new(&m, err)) ? use_tokenizer(t, strcmp(name, "own") != 0, digest, err) : -1;
    lnt_tokenizer_free(t);
    tokenizer_model_free(m.tokenizer);
    buffer_free(&section);
    return rc;
}
static int tokenizer_bpe(uint64_t *digest, lnt_error *err) { return tokenizer_of("own", digest, err); }
static int tokenizer_roberta(uint64_t *digest, lnt_error *err) { return tokenizer_of("roberta", digest, err); }
static int tokenizer_wordpiece(uint64_t *digest, lnt_error *err) { return tokenizer_of("wordpiece", digest, err); }

/* ---- */

static void must(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "we");
    must(f && fputs(text, f) >= 0 && !fclose(f), path);
}

static void copy_checkpoint(const char *set, const char *from, const char *name) {
    const char *command = path_of("cp -R '%s/tests/golden/%s/%s' '%s/%s'", LINNET_SOURCE_DIR, set, from, fixtures, name);
    must(!system(command), command);
}

/* A vocabulary of single letters makes a word of n letters n tokens. */
static void write_letters(const char *name) {
    char text[1024];
    int n = snprintf(text, sizeof text, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (int c = 'a'; c <= 'w'; c++) n += snprintf(text + n, sizeof text - (size_t)n, "%c\n##%c\n", c, c);
    write_text(path_of("%s/%s/vocab.txt", fixtures, name), text);
}

void prepare_checkpoints(void) {
    static const char *const FOLDERS[][3] = {
        {"gpt2", "tied-f16", "gpt2"}, {"gpt2", "torch-tanh", "torch"}, {"gpt2", "sharded-silu", "shards"}, {"encoders", "sentence", "sentence"},
        {"encoders", "bert-masked", "masked"}, {"encoders", "distilbert-masked", "distilbert"}, {"encoders", "cross-encoder", "cross"},
        {"encoders", "bert-tokens", "tokens"}, {"vit", "vit-image", "vit"}};
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        copy_checkpoint(FOLDERS[i][0], FOLDERS[i][1], FOLDERS[i][2]);
        if (!strcmp(FOLDERS[i][0], "encoders")) write_letters(FOLDERS[i][2]);
    }
    write_text(FIXTURE("lines.txt"), "a cat sat\non the mat\nthe end of it\nis this a line\nand so on\n");
    write_text(FIXTURE("vit/preprocessor_config.json"),
               "{\"image_processor_type\": \"ViTImageProcessor\", \"do_resize\": true, \"size\": {\"height\": 13, \"width\": 13}, \"resample\": 2, \"do_rescale\": true, "
               "\"rescale_factor\": 0.00392156862745098, \"do_normalize\": true, \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5]}");
    for (const char *const *name = (const char *const[]){"sentence", "masked", "cross", "tokens", "vit", NULL}; *name; name++) {
        lnt_error err = {""};
        must(!lnt_convert(FIXTURE(*name), path_of("%s/%s.lnt", fixtures, *name), &(lnt_convert_options){.type = "f32"}, &err), err.text);
    }
}

const scenario model_scenarios[] = {
    {"convert gpt2 to q8", convert_gpt2, NULL, false},
    {"convert pickled gpt2 to f16", convert_torch, NULL, false},
    {"convert sharded gpt2 to q4", convert_shards, NULL, false},
    {"convert sentence encoder to q8, measured", convert_sentence, NULL, false},
    {"convert masked bert to q4, measured", convert_masked, NULL, false},
    {"convert distilbert to q8, measured", convert_distilbert, NULL, false},
    {"convert vit to q8, measured", convert_vit, NULL, false},
    {"quantize", quantize, NULL, false},
    {"open, verify, inspect", inspect_and_verify, NULL, false},
    {"complete", complete, NULL, false},
    {"complete, 4 threads", complete_threads, NULL, false},
    {"score", score, NULL, false},
    {"output", output, NULL, false},
    {"tokenizer: byte-level BPE", tokenizer_bpe, NULL, false},
    {"tokenizer: RoBERTa", tokenizer_roberta, NULL, false},
    {"tokenizer: WordPiece", tokenizer_wordpiece, NULL, false},
    {0},
};
