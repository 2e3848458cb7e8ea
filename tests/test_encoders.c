/* BERT and its family against transformers and sentence-transformers in float32 (tests/golden/encoders.py made the
   expectations): all outputs of every head, hidden states and attention, poolings and the modules behind them, what the
   metadata say, and what the converter refuses. */
#include "tests/editing.h"

static const char SET[] = "encoders";
static const char *const CASES[] = {
    "bert-model",       "bert-masked",       "bert-masked-untied", "bert-pretraining-old",     "bert-next-sentence", "bert-text",
    "bert-text-many",   "bert-text-one",     "bert-tokens",        "bert-answer",              "distilbert-model",   "distilbert-masked",
    "distilbert-masked-untied", "distilbert-text", "distilbert-tokens", "distilbert-answer",   "roberta-model",      "roberta-masked",
    "roberta-masked-untied", "roberta-text", "roberta-tokens",     "roberta-answer",           "xlm-roberta-masked", "camembert-text",
    "sentence",         "sentence-old",      "cross-encoder",
};
enum { N_CASES = sizeof CASES / sizeof *CASES, MAX_SEQUENCES = 16 };

/* ---- texts: the golden sequences of a case ---- */

typedef struct texts {
    int32_t *ids, *lengths;
    uint8_t *segments; /* NULL: none */
    lnt_span spans[MAX_SEQUENCES];
    size_t n, n_tokens;
} texts;

static texts read_texts(const char *name) {
    texts t = {0};
    size_t bytes;
    t.lengths = read_file(golden_path(SET, name, "lengths.i32"), &bytes);
    t.n = bytes / sizeof *t.lengths;
    ck_assert_uint_le(t.n, MAX_SEQUENCES);
    t.ids = read_file(golden_path(SET, name, "ids.i32"), &bytes);
    if (!access(golden_path(SET, name, "segments.u8"), F_OK)) t.segments = read_file(golden_path(SET, name, "segments.u8"), &bytes);
    for (size_t i = 0; i < t.n; t.n_tokens += (size_t)t.lengths[i++])
        t.spans[i] = (lnt_span){.sequence = (uint32_t)i, .ids = t.ids + t.n_tokens, .n_ids = (size_t)t.lengths[i],
                                .segments = t.segments ? t.segments + t.n_tokens : NULL, .all_outputs = true};
    return t;
}

static void free_texts(texts t) {
    free(t.ids);
    free(t.lengths);
    free(t.segments);
}

/* An output of all texts evaluated together, [rows][width]. */
static float *evaluate(const lnt_model *m, const texts *t, const char *output, const char *pooling, size_t *n) {
    lnt_error err;
    lnt_context_options o = {.n_threads = 2, .n_sequences = (uint32_t)t->n, .n_outputs = (uint32_t)t->n_tokens, .output = output, .pooling = pooling};
    lnt_context *c = lnt_context_new(m, &o, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert_msg(!lnt_eval(c, t->spans, t->n, &err), "%s", err.text);
    size_t rows = lnt_output_rows(c), width = lnt_output_width(c);
    float *values = malloc(rows * width * sizeof *values);
    for (size_t r = 0; r < rows; r++) memcpy(values + r * width, lnt_output(c, r), width * sizeof *values);
    ck_assert_ptr_null(lnt_output(c, rows));
    lnt_context_free(c);
    *n = rows * width;
    return values;
}

static double output_distance(const lnt_model *m, const char *name, const char *output, const char *pooling, const char *file) {
    texts t = read_texts(name);
    size_t n;
    float *values = evaluate(m, &t, output, pooling, &n);
    double d = golden_distance(SET, name, file, values, n);
    free(values);
    free_texts(t);
    return d;
}

/* ---- what is computed ---- */

START_TEST(test_outputs) {
    static const char *const OUTPUTS[] = {"logits", "pooled", "next_sentence", "embedding"};
    const char *name = CASES[_i];
    lnt_model *m = golden_model(SET, name, "f32");
    for (int k = 0; k < 4; k++) {
        lnt_error err;
        char file[64];
        snprintf(file, sizeof file, "%s.f32", OUTPUTS[k]);
        if (!access(golden_path(SET, name, file), F_OK)) {
            ck_assert(output_distance(m, name, OUTPUTS[k], NULL, file) <= 1e-4);
            continue;
        }
        ck_assert_ptr_null(lnt_context_new(m, &(lnt_context_options){.output = OUTPUTS[k]}, &err));
        CHECK_ERROR(&err, OUTPUTS[k]);
    }
    lnt_close(m);
}
END_TEST

START_TEST(test_hidden_and_attention) {
    const char *name = CASES[_i];
    lnt_model *m = golden_model(SET, name, "f32");
    texts t = read_texts(name);
    lnt_info info;
    lnt_model_info(m, &info);
    size_t tokens = t.spans[0].n_ids, states = tokens * info.width, maps = info.n_heads * tokens * tokens;
    float *hidden = calloc((info.n_layers + 1) * states, sizeof *hidden), *attention = calloc(info.n_layers * maps, sizeof *attention);
    lnt_context *c = lnt_context_new(m, &(lnt_context_options){.n_outputs = 64}, NULL);
    for (uint32_t i = 0; i <= info.n_layers; i++) ck_assert_int_eq(lnt_tap(c, "hidden", i, hidden + i * states, tokens, NULL), 0);
    for (uint32_t i = 0; i < info.n_layers; i++) ck_assert_int_eq(lnt_tap(c, "attention", i, attention + i * maps, tokens, NULL), 0);
    ck_assert_int_eq(lnt_eval(c, t.spans, 1, NULL), 0);
    ck_assert(golden_distance(SET, name, "hidden.f32", hidden, (info.n_layers + 1) * states) <= 1e-4);
    ck_assert(golden_distance(SET, name, "attention.f32", attention, info.n_layers * maps) <= 1e-5);
    free(hidden);
    free(attention);
    lnt_context_free(c);
    free_texts(t);
    lnt_close(m);
}
END_TEST

/* Each pooling as asked for in a context, and as both spellings of a Pooling module's settings have it. */
static const struct pooling {
    const char *ours, *flag, *name;
} POOLINGS[] = {
    {"first", "cls_token", "cls"},   {"last", "lasttoken", "lasttoken"},
    {"mean", "mean_tokens", "mean"}, {"max", "max_tokens", "max"},
    {"mean_sqrt", "mean_sqrt_len_tokens", "mean_sqrt_len_tokens"}, {"weighted_mean", "weightedmean_tokens", "weightedmean"},
};

START_TEST(test_poolings) {
    static const char MODULES[] = "[{\"idx\": 0, \"name\": \"0\", \"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"},"
                                  " {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", \"type\": \"sentence_transformers.models.Pooling\"}]";
    const struct pooling *p = &POOLINGS[_i];
    char file[64];
    snprintf(file, sizeof file, "embedding-%s.f32", p->ours);
    lnt_model *m = golden_model(SET, "bert-model", "f32");
    ck_assert(output_distance(m, "bert-model", "embedding", p->ours, file) <= 1e-4);
    lnt_close(m);
    for (int old = 0; old < 2; old++) {
        char config[256], name[32];
        snprintf(name, sizeof name, "pooling-%d-%d", _i, old);
        const char *folder = copied_folder(golden_path(SET, "bert-model", "."), name);
        ck_assert_int_eq(mkdir(path_of("%s/1_Pooling", folder), 0777), 0);
        write_file(path_of("%s/modules.json", folder), MODULES, sizeof MODULES - 1);
        snprintf(config, sizeof config, old ? "{\"word_embedding_dimension\": 36, \"pooling_mode_%s\": true}" : "{\"embedding_dimension\": 36, \"pooling_mode\": [\"%s\"]}",
                 old ? p->flag : p->name);
        write_file(path_of("%s/1_Pooling/config.json", folder), config, strlen(config));
        m = converted_folder(folder, path_of("%s/pooling.lnt", test_folder), "f32");
        ck_assert(output_distance(m, "bert-model", "embedding", NULL, file) <= 1e-4);
        lnt_close(m);
    }
}
END_TEST

/* ---- what the metadata say ---- */

static const struct facts {
    const char *name, *architecture, *task, *scores;
    uint32_t n_labels;
    const char *last_label;
    uint32_t n_segments, n_ctx, max_tokens, embedding_width;
} FACTS[] = {
    {"bert-model", "bert", "", "", 0, NULL, 2, 24, 24, 36},
    {"bert-masked", "bert", "masked-lm", "", 0, NULL, 1, 24, 24, 36},
    {"bert-pretraining-old", "bert", "masked-lm", "", 0, NULL, 2, 24, 24, 36},
    {"bert-text", "bert", "sequence-classification", "softmax", 3, "gut \xc3\xbc", 3, 24, 24, 36},
    {"bert-text-many", "bert", "sequence-classification", "sigmoid", 2, "LABEL_1", 2, 24, 24, 36},
    {"bert-text-one", "bert", "sequence-classification", "identity", 1, "score", 2, 24, 24, 36},
    {"bert-tokens", "bert", "token-classification", "softmax", 5, "I-LOC", 2, 24, 24, 36},
    {"bert-answer", "bert", "question-answering", "", 2, "end", 2, 24, 24, 36},
    {"distilbert-model", "distilbert", "", "", 0, NULL, 0, 20, 20, 40},
    {"roberta-masked", "roberta", "masked-lm", "", 0, NULL, 1, 20, 20, 36},
    {"xlm-roberta-masked", "xlm-roberta", "masked-lm", "", 0, NULL, 1, 20, 20, 36},
    {"camembert-text", "camembert", "sequence-classification", "softmax", 2, "oui", 1, 20, 20, 36},
    {"sentence", "bert", "", "", 0, NULL, 2, 24, 24, 20},
    {"sentence-old", "distilbert", "", "", 0, NULL, 0, 20, 12, 24},
    {"cross-encoder", "bert", "sequence-classification", "identity", 1, "LABEL_0", 2, 24, 24, 36},
};

START_TEST(test_metadata) {
    const struct facts *f = &FACTS[_i];
    lnt_model *m = golden_model(SET, f->name, "f32");
    lnt_info i;
    lnt_model_info(m, &i);
    ck_assert_str_eq(i.architecture, f->architecture);
    ck_assert_str_eq(i.task, f->task);
    ck_assert_str_eq(i.scores, f->scores);
    ck_assert_uint_eq(i.n_labels, f->n_labels);
    if (f->n_labels) ck_assert_str_eq(lnt_label(m, f->n_labels - 1), f->last_label);
    ck_assert_ptr_null(lnt_label(m, f->n_labels));
    ck_assert_uint_eq(i.n_segments, f->n_segments);
    ck_assert_uint_eq(i.n_ctx, f->n_ctx);
    ck_assert_uint_eq(i.max_tokens, f->max_tokens);
    ck_assert_uint_eq(i.embedding_width, f->embedding_width);
    ck_assert_int_eq(i.mask_id, -1);
    lnt_close(m);
}
END_TEST

START_TEST(test_prompts) {
    lnt_model *m = golden_model(SET, "sentence", "f32"), *none = golden_model(SET, "bert-model", "f32");
    ck_assert_str_eq(lnt_prompt(m, NULL), "Frage: ");
    ck_assert_str_eq(lnt_prompt(m, "query"), "Frage: ");
    ck_assert_str_eq(lnt_prompt(m, "document"), "");
    ck_assert_ptr_null(lnt_prompt(m, "passage"));
    ck_assert_ptr_nonnull(lnt_prompt_name(m, 1));
    ck_assert_ptr_null(lnt_prompt_name(m, 2));
    ck_assert_str_eq(lnt_prompt(none, NULL), "");
    ck_assert_ptr_null(lnt_prompt(none, "query"));
    lnt_close(none);
    lnt_close(m);
}
END_TEST

/* ---- settings that change something, or nothing ---- */

static const acceptance ACCEPTED[] = {
    {{"bert-text", "config.json", "{", "{\"problem_type\": \"regression\","}, "identity"},
    {{"bert-text", "config.json", "{", "{\"problem_type\": \"single_label_classification\","}, "softmax"},
    {{"cross-encoder", "config.json", "torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Sigmoid"}, "sigmoid"},
    {{"cross-encoder", "config.json", "\"sbert_ce_default_activation_function\": \"torch.nn.modules.linear.Identity\",", ""}, "sigmoid"},
    {{"cross-encoder", "config.json", "{", "{\"sentence_transformers\": {\"activation_fn\": \"torch.nn.modules.activation.Sigmoid\", \"version\": \"4.0.1\"},"}, "sigmoid"},
    {{"bert-model", "config.json", "{", "{\"position_embedding_type\": \"absolute\","}, NULL},
    {{"bert-model", "config.json", "\"chunk_size_feed_forward\": 0", "\"pruned_heads\": {}, \"chunk_size_feed_forward\": 8, \"classifier_dropout\": 0.2"}, NULL},
    {{"bert-model", "config.json", "{", "{\"pooler_type\": \"first_token_transform\", \"directionality\": \"bidi\", \"gradient_checkpointing\": false,"}, NULL},
    {{"bert-text", "config.json", "\"type_vocab_size\": 3", "\"type_vocab_size\": 3, \"_num_labels\": 3, \"language\": \"english\", \"name\": \"Bert\""}, NULL},
    {{"bert-model", "config.json", "\"architectures\"", "\"architectures\": null, \"_name_or_path\""}, NULL},
    {{"bert-text", "config.json", "\"id2label\"", "\"num_labels\": 3, \"task_specific_params\""}, "softmax"},
    {{"bert-text-many", "config.json", "\"id2label\"", "\"task_specific_params\""}, "sigmoid"}, /* two labels unless said */
    {{"roberta-model", "config.json", "\"is_decoder\": false,", ""}, NULL},
    {{"sentence", "config_sentence_transformers.json", "\"default_prompt_name\": \"query\"", "\"default_prompt_name\": null"}, NULL},
};

START_TEST(test_accepted_settings) { expect_acceptance(SET, &ACCEPTED[_i], _i); }
END_TEST

/* ---- what the converter refuses ---- */

static const struct refusal {
    edit edit;
    const char *word;
} REFUSALS[] = {
    {{"bert-model", "config.json", "\"gelu\"", "\"mish\""}, "mish"},
    {{"bert-model", "config.json", "{", "{\"position_embedding_type\": \"relative_key\","}, "relative_key"},
    {{"bert-model", "config.json", "\"is_decoder\": false", "\"is_decoder\": true"}, "is_decoder"},
    {{"bert-model", "config.json", "\"add_cross_attention\": false", "\"add_cross_attention\": true"}, "add_cross_attention"},
    {{"bert-model", "config.json", "{", "{\"pruned_heads\": {\"0\": [1]},"}, "pruned_heads"},
    {{"bert-model", "config.json", "{", "{\"rotary\": true,"}, "rotary"},
    {{"bert-model", "config.json", "{", "{\"auto_map\": {\"AutoModel\": \"x.Y\"},"}, "auto_map"},
    {{"bert-model", "config.json", "\"num_attention_heads\": 3", "\"num_attention_heads\": 5"}, "num_attention_heads"},
    {{"bert-model", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"}, "encoder.layer.2"},
    {{"bert-model", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"}, "encoder.layer.1"},
    {{"bert-model", "config.json", "\"hidden_size\": 36", "\"hidden_size\": 48"}, "word_embeddings"},
    {{"bert-model", "config.json", "\"intermediate_size\": 44", "\"intermediate_size\": 40"}, "intermediate.dense"},
    {{"bert-model", "config.json", "\"vocab_size\": 61", "\"vocab_size\": 60"}, "word_embeddings"},
    {{"bert-model", "config.json", "\"max_position_embeddings\": 24", "\"max_position_embeddings\": 30"}, "position_embeddings"},
    {{"bert-model", "config.json", "\"type_vocab_size\": 2", "\"type_vocab_size\": 3"}, "token_type_embeddings"},
    {{"bert-model", "config.json", "\"type_vocab_size\": 2", "\"type_vocab_size\": 0"}, "token_type_embeddings"},
    {{"bert-model", "config.json", "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": -1"}, "layer_norm_eps"},
    {{"bert-model", "config.json", "\"hidden_size\": 36,", ""}, "hidden_size"},
    {{"bert-model", "config.json", "\"bert\"", "\"mpnet\""}, "mpnet"},
    {{"bert-model", "config.json", "BertModel", "BertForMultipleChoice"}, "BertForMultipleChoice"},
    {{"bert-model", "config.json", "BertModel", "RobertaModel"}, "RobertaModel"},
    {{"bert-model", "config.json", "BertModel", "BertForMaskedLM"}, "cls.predictions"},
    {{"bert-model", "config.json", "BertModel", "BertForNextSentencePrediction"}, "cls.seq_relationship"},
    {{"roberta-model", "config.json", "RobertaModel", "RobertaForPreTraining"}, "RobertaForPreTraining"},
    {{"bert-text", "config.json", "BertForSequenceClassification", "BertModel"}, "classifier"},
    {{"bert-tokens", "config.json", "BertForTokenClassification", "BertForSequenceClassification"}, "pooler.dense"},
    {{"bert-text", "config.json", "\"2\": \"gut", "\"3\": \"gut"}, "id2label"},
    {{"bert-text", "config.json", "\"1\": \"so so\"", "\"1\": 7"}, "id2label"},
    {{"bert-text", "config.json", "\"1\": \"so so\",", ""}, "id2label"},
    {{"bert-text", "config.json", "\"num_attention_heads\": 3", "\"num_attention_heads\": 3, \"num_labels\": 0"}, "num_labels"},
    {{"bert-text", "config.json", "{", "{\"problem_type\": \"ranking\","}, "ranking"},
    {{"bert-masked", "config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"}, "cls.predictions.decoder.weight"},
    {{"bert-masked-untied", "config.json", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true"}, "cls.predictions.decoder.weight"},
    {{"roberta-model", "config.json", "\"pad_token_id\": 1", "\"pad_token_id\": 21"}, "pad_token_id"},
    {{"cross-encoder", "config.json", "torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Softmax"}, "Softmax"},
    {{"cross-encoder", "config.json", "torch.nn.modules.linear.Identity", "mine.Sigmoid"}, "mine.Sigmoid"},
    {{"sentence", "modules.json", "[", "{"}, "modules.json"},
    {{"sentence", "modules.json", "normalize.Normalize", "layer_norm.LayerNorm"}, "LayerNorm"},
    {{"sentence", "modules.json", "sentence_transformers.base.modules.normalize", "custom"}, "custom.Normalize"},
    {{"sentence", "modules.json", "2_Dense", "../2_Dense"}, "module 2"},
    {{"sentence", "modules.json", "2_Dense", "4_Dense"}, "4_Dense"},
    {{"sentence", "modules.json", "pooling.Pooling", "normalize.Normalize"}, "Pooling"},
    {{"sentence", "modules.json", "transformer.Transformer", "bow.BoW"}, "BoW"},
    {{"sentence", "1_Pooling/config.json", "\"cls\"", "[\"cls\", \"max\"]"}, "pooling_mode"},
    {{"sentence", "1_Pooling/config.json", "\"cls\"", "\"median\""}, "median"},
    {{"sentence", "1_Pooling/config.json", "36", "35"}, "embedding_dimension"},
    {{"sentence", "1_Pooling/config.json", "\"include_prompt\": true", "\"include_prompt\": false"}, "include_prompt"},
    {{"sentence", "1_Pooling/config.json", "{", "{\"layers\": 4,"}, "layers"},
    {{"sentence-old", "1_Pooling/config.json", "\"pooling_mode_max_tokens\": false", "\"pooling_mode_max_tokens\": true"}, "pooling_mode_max_tokens"},
    {{"sentence-old", "1_Pooling/config.json", "{", "{\"pooling_mode_median\": true,"}, "pooling_mode_median"},
    {{"sentence", "2_Dense/config.json", "activation.Tanh", "activation.Mish"}, "Mish"},
    {{"sentence", "2_Dense/config.json", "\"in_features\": 36", "\"in_features\": 37"}, "in_features"},
    {{"sentence", "2_Dense/config.json", "\"bias\": true", "\"bias\": false"}, "linear.bias"},
    {{"sentence", "2_Dense/config.json", "{", "{\"use_residual\": true,"}, "use_residual"},
    {{"sentence", "2_Dense/config.json", "sentence_embedding", "token_embeddings"}, "token_embeddings"},
    {{"sentence", "3_Normalize/config.json", "sentence_embedding", "token_embeddings"}, "token_embeddings"},
    {{"sentence", "sentence_bert_config.json", "feature-extraction", "fill-mask"}, "fill-mask"},
    {{"sentence", "sentence_bert_config.json", "last_hidden_state", "pooler_output"}, "pooler_output"},
    {{"sentence", "sentence_bert_config.json", "{", "{\"model_args\": {\"revision\": 1},"}, "model_args"},
    {{"sentence", "config_sentence_transformers.json", "\"default_prompt_name\": \"query\"", "\"default_prompt_name\": \"passage\""}, "passage"},
    {{"sentence", "config_sentence_transformers.json", "\"Frage: \"", "5"}, "query"},
    {{"sentence", "config_sentence_transformers.json", "\"prompts\": {\n  \"document\": \"\",\n  \"query\": \"Frage: \"\n }", "\"prompts\": \"Frage: \""}, "prompts"},
    {{"sentence", "config_sentence_transformers.json", "{", "{\"truncate_dim\": 8,"}, "truncate_dim"},
    {{"sentence-old", "0_Transformer/sentence_distilbert_config.json", "\"max_seq_length\": 12", "\"max_seq_length\": 0"}, "max_seq_length"},
};

START_TEST(test_refusals) { expect_refusal(SET, &REFUSALS[_i].edit, REFUSALS[_i].word, _i); }
END_TEST

/* do_lower_case of sentence-transformers is the tokenizer's, or refused. */
START_TEST(test_lower_case) {
    char vocab[1024];
    int n = snprintf(vocab, sizeof vocab, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (int i = 5; i < 53; i++) n += snprintf(vocab + n, sizeof vocab - (size_t)n, "t%d\n", i);
    const char *folder = copied_folder(golden_path(SET, "sentence-old", "."), _i ? "lower" : "cased");
    write_file(path_of("%s/0_Transformer/vocab.txt", folder), vocab, (size_t)n);
    const char *config = _i ? "{\"do_lower_case\": true, \"model_max_length\": 16}" : "{\"do_lower_case\": false}";
    write_file(path_of("%s/0_Transformer/tokenizer_config.json", folder), config, strlen(config));
    edit_file(path_of("%s/0_Transformer/sentence_distilbert_config.json", folder), "\"do_lower_case\": false", "\"do_lower_case\": true");
    lnt_error err;
    const char *out = path_of("%s/lower.lnt", test_folder);
    ck_assert_int_eq(lnt_convert(folder, out, &(lnt_convert_options){.type = "f32"}, &err), _i ? 0 : -1);
    if (!_i) CHECK_ERROR(&err, "do_lower_case", "sentence_distilbert_config.json");
    if (!_i) return;
    lnt_model *m = lnt_open(out, &err);
    lnt_info info;
    lnt_model_info(m, &info);
    ck_assert_int_eq(info.mask_id, 4);
    ck_assert_uint_eq(info.max_tokens, 12); /* sentence-transformers' limit, not the tokenizer's 16 */
    lnt_close(m);
}
END_TEST

/* ---- trained models, where they are at hand ---- */

static const struct trained {
    const char *name, *output, *file;
    double tolerance;
} TRAINED[] = {{"all-MiniLM-L6-v2", "embedding", "embedding.f32", 1e-5}, {"bert-tiny-toxicity", "logits", "logits.f32", 1e-4}};

START_TEST(test_trained_models) {
    const struct trained *t = &TRAINED[_i];
    const char *shared = getenv("LINNET_SHARED");
    if (!shared) return;
    lnt_model *m = converted_folder(path_of("%s/models/%s", shared, t->name), path_of("%s/%s.lnt", test_folder, t->name), "f32");
    ck_assert(output_distance(m, t->name, t->output, NULL, t->file) <= t->tolerance);
    lnt_close(m);
}
END_TEST

#define LOOP(test, list) tcase_add_loop_test(t, test, 0, (int)(sizeof list / sizeof *list))

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("encoders");
    tcase_set_timeout(t, 120);
    LOOP(test_outputs, CASES);
    LOOP(test_hidden_and_attention, CASES);
    LOOP(test_poolings, POOLINGS);
    LOOP(test_metadata, FACTS);
    tcase_add_test(t, test_prompts);
    LOOP(test_accepted_settings, ACCEPTED);
    LOOP(test_refusals, REFUSALS);
    tcase_add_loop_test(t, test_lower_case, 0, 2);
    LOOP(test_trained_models, TRAINED);
    int rc = run_suite("encoders", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
