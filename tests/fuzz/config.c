/* fuzz: max_len=8192 weight=5 */
/* The settings of a checkpoint folder beside weights that are good: config.json, tokenizers, sentence-transformers' modules, image
   settings. The input's first line names the folder of tests/golden whose weights they are said to belong to; what follows are the
   files (folder.h). What is converted must be a model that opens. */
#define _GNU_SOURCE
#include "convert/tokenizer.h"
#include "engine/tokenizer.h"
#include "tests/fuzz/folder.h"
#include <sys/stat.h>

enum { MAX_FILES = 8, MOST_TOKENS = 1 << 16 };

/* Folders with weights, and where in them weights are. */
static const struct golden {
    const char *name, *folder, *weights[3];
} GOLDEN[] = {
    {"bert-model", "encoders/bert-model", {"model.safetensors"}},
    {"bert-masked", "encoders/bert-masked", {"model.safetensors"}},
    {"bert-masked-untied", "encoders/bert-masked-untied", {"model.safetensors"}},
    {"bert-tokens", "encoders/bert-tokens", {"model.safetensors"}},
    {"bert-answer", "encoders/bert-answer", {"model.safetensors"}},
    {"bert-next-sentence", "encoders/bert-next-sentence", {"model.safetensors"}},
    {"cross-encoder", "encoders/cross-encoder", {"model.safetensors"}},
    {"distilbert-text", "encoders/distilbert-text", {"model.safetensors"}},
    {"roberta-masked", "encoders/roberta-masked", {"model.safetensors"}},
    {"roberta-text", "encoders/roberta-text", {"model.safetensors"}},
    {"sentence", "encoders/sentence", {"model.safetensors", "2_Dense/model.safetensors"}},
    {"sentence-old", "encoders/sentence-old", {"0_Transformer/model.safetensors", "2_Dense/pytorch_model.bin", "3_Dense/pytorch_model.bin"}},
    {"gpt2-untied", "gpt2/untied-gelu", {"model.safetensors"}},
    {"gpt2-tied", "gpt2/tied-f16", {"model.safetensors"}},
    {"vit-image", "vit/vit-image", {"model.safetensors"}},
    {"vit-grey", "vit/vit-grey", {"model.safetensors"}},
    {"deit-teacher", "vit/deit-teacher", {"model.safetensors"}},
};
enum { N_GOLDEN = sizeof GOLDEN / sizeof *GOLDEN };

static const char *const FILES[] = {
    "config.json", "tokenizer.json", "vocab.json", "merges.txt", "encoder.json", "vocab.bpe", "vocab.txt", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "modules.json", "1_Pooling/config.json", "2_Dense/config.json", "3_Dense/config.json",
    "3_Normalize/config.json", "0_Transformer/config.json", "0_Transformer/sentence_distilbert_config.json", "sentence_bert_config.json",
    "config_sentence_transformers.json", "preprocessor_config.json", NULL};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const char *const FOLDERS[] = {"", "/0_Transformer", "/1_Pooling", "/2_Dense", "/3_Dense", "/3_Normalize"};
    char name[128], to[512];
    (void)argc, (void)argv;
    folder_make();
    for (size_t i = 0; i < N_GOLDEN; i++) {
        for (size_t k = 0; k < sizeof FOLDERS / sizeof *FOLDERS; k++) {
            snprintf(name, sizeof name, "%s%s", GOLDEN[i].name, FOLDERS[k]);
            mkdir(folder_path(name), 0700);
        }
        for (size_t k = 0; k < 3 && GOLDEN[i].weights[k]; k++) {
            snprintf(name, sizeof name, "%s/%s", GOLDEN[i].name, GOLDEN[i].weights[k]);
            snprintf(to, sizeof to, LINNET_SOURCE_DIR "/tests/golden/%s/%s", GOLDEN[i].folder, GOLDEN[i].weights[k]);
            folder_link(name, to);
        }
    }
    return 0;
}

static const char *known_file(const char *name) {
    const char *const *file = FILES;
    while (*file && strcmp(*file, name)) file++;
    return *file;
}

/* Whatever the vocabulary of the weights is. */
static void read_tokenizer(const char *folder) {
    buffer b = {0};
    tokenizer_facts facts;
    lnt_error err = {""};
    kv_block block;
    if (convert_tokenizer(folder, &b, &facts, &err)) FUZZ_CHECK(fuzz_is_error(&err));
    else if (facts.found && !b.failed) {
        FUZZ_CHECK(!kv_open(&block, b.bytes, b.size, folder, &err));
        tokenizer_model *t = tokenizer_model_load(&block, MOST_TOKENS, folder, &err);
        tokenizer_model_free(t);
    }
    buffer_free(&b);
}

static void convert_folder(const char *folder, const char *type) {
    lnt_error err = {""};
    char out[512];
    snprintf(out, sizeof out, "%s/out.lnt", fuzz_folder);
    if (lnt_convert(folder, out, &(lnt_convert_options){.type = type, .no_check = true, .n_threads = 1}, &err)) {
        FUZZ_CHECK(fuzz_is_error(&err));
        return;
    }
    lnt_model *model = lnt_open(out, &err);
    if (!model) fprintf(stderr, "%s\n", err.text);
    FUZZ_CHECK(model);
    lnt_tokenizer_free(lnt_tokenizer_new(model, &err));
    lnt_close(model);
    unlink(out);
}

static const struct golden *find_golden(const folder_part *first) {
    size_t n = first->n;
    while (n && (first->bytes[n - 1] == '\n' || first->bytes[n - 1] == ' ')) n--;
    for (size_t i = 0; i < N_GOLDEN; i++)
        if (strlen(GOLDEN[i].name) == n && !memcmp(GOLDEN[i].name, first->bytes, n)) return &GOLDEN[i];
    return &GOLDEN[n % N_GOLDEN];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *at = data, *end = data + size;
    const char *files[MAX_FILES];
    char name[128];
    size_t n = 0;
    bool settings = false, tokenizer = false;
    folder_part part;
    if (!folder_take_part(&part, &at, end) || *part.name) return -1;
    const struct golden *g = find_golden(&part);
    while (n < MAX_FILES && folder_take_part(&part, &at, end)) {
        if (!(files[n] = known_file(part.name))) continue;
        snprintf(name, sizeof name, "%s/%s", g->name, files[n]);
        settings = settings || strstr(files[n], "config.json") == files[n] || strstr(files[n], "/config.json");
        tokenizer = tokenizer || strstr(files[n], "vocab") || strstr(files[n], "coder.json") || !strcmp(files[n], "tokenizer.json");
        folder_write(name, part.bytes, part.n);
        n++;
    }
    char *folder = strdup(folder_path(g->name));
    if (tokenizer) read_tokenizer(folder);
    if (settings) convert_folder(folder, size % 4 ? "f32" : size % 8 ? "q8" : "q4");
    free(folder);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s/%s", g->name, files[i]);
        folder_delete(name);
    }
    return 0;
}
