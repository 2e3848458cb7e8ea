/* What the converter of ViT and DeiT makes of config.json and preprocessor_config.json, what it refuses, and what it
   measures of a smaller file. */
#include "formats/lnt.h"
#include "tests/editing.h"

static const char SET[] = "vit";

/* ---- config.json ---- */

static const acceptance ACCEPTED[] = {
    {{"vit-image", "config.json", "{", "{\"problem_type\": \"single_label_classification\","}, "softmax"},
    {{"vit-image", "config.json", "{", "{\"problem_type\": \"multi_label_classification\","}, "sigmoid"},
    {{"vit-image", "config.json", "{", "{\"problem_type\": \"regression\","}, "identity"},
    {{"vit-image", "config.json", "\"id2label\"", "\"num_labels\": 3, \"task_specific_params\""}, "softmax"},
    {{"vit-grey", "config.json", "\"problem_type\": \"regression\",", ""}, "sigmoid"},
    {{"vit-model", "config.json", "\"architectures\"", "\"architectures\": null, \"_name_or_path\""}, ""},
    {{"vit-model", "config.json", "\"encoder_stride\": 16", "\"hidden_dropout_prob_\": null, \"encoder_stride\": 4, \"torch_dtype\": \"float32\""}, ""},
    {{"vit-model", "config.json", "\"image_size\": 16", "\"image_size\": [16, 16]"}, NULL},
    {{"vit-model", "config.json", "\"image_size\": 16", "\"image_size\": [18, 19]"}, NULL}, /* as many patches */
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": [4, 4]"}, NULL},
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": 4.0"}, NULL},
    {{"vit-model", "config.json", "\"num_channels\": 3,", ""}, NULL},
    {{"vit-model", "config.json", "\"qkv_bias\": true", "\"pruned_heads\": {}"}, NULL},
    {{"vit-model", "config.json", "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 1e-06"}, NULL},
    {{"vit-model", "config.json", "\"pooler_act\": \"relu\"", "\"pooler_act\": \"tanh\""}, NULL},
    {{"deit-image", "config.json", "DeiTForImageClassification", "DeiTForImageClassification\"], \"_name_or_path\": \"x\", \"language\": [\""}, "softmax"},
};

START_TEST(test_accepted_settings) { expect_acceptance(SET, &ACCEPTED[_i], _i); }
END_TEST

static const struct refusal {
    edit edit;
    const char *word;
} REFUSALS[] = {
    {{"vit-model", "config.json", "\"gelu\"", "\"quick_gelu\""}, "quick_gelu"},
    {{"vit-model", "config.json", "\"pooler_act\": \"relu\"", "\"pooler_act\": \"mish\""}, "mish"},
    {{"vit-model", "config.json", "{", "{\"rope_theta\": 100,"}, "rope_theta"},
    {{"vit-model", "config.json", "{", "{\"is_decoder\": true,"}, "is_decoder"},
    {{"vit-model", "config.json", "{", "{\"pruned_heads\": {\"0\": [1]},"}, "pruned_heads"},
    {{"vit-model", "config.json", "\"vit\"", "\"beit\""}, "beit"},
    {{"vit-model", "config.json", "\"num_attention_heads\": 3", "\"num_attention_heads\": 5"}, "num_attention_heads"},
    {{"vit-model", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"}, "encoder.layer.2"},
    {{"vit-model", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"}, "encoder.layer.1"},
    {{"vit-model", "config.json", "\"hidden_size\": 36", "\"hidden_size\": 39"}, "patch_embeddings.projection"},
    {{"vit-model", "config.json", "\"intermediate_size\": 44", "\"intermediate_size\": 40"}, "intermediate.dense"},
    {{"vit-model", "config.json", "\"num_channels\": 3", "\"num_channels\": 1"}, "patch_embeddings.projection"},
    {{"vit-model", "config.json", "\"num_channels\": 3", "\"num_channels\": 5"}, "num_channels"},
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": 5"}, "patch_embeddings.projection"},
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": 0"}, "patch_size"},
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": 4.5"}, "patch_size"},
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": true"}, "patch_size"},
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": 17"}, "patch_size"},
    {{"vit-model", "config.json", "\"patch_size\": 4", "\"patch_size\": [4, 4, 4]"}, "patch_size"},
    {{"vit-model", "config.json", "\"patch_size\": 4,", ""}, "patch_size"},
    {{"vit-model", "config.json", "\"image_size\": 16", "\"image_size\": 20"}, "position_embeddings"},
    {{"vit-model", "config.json", "\"image_size\": 16", "\"image_size\": \"16\""}, "image_size"},
    {{"vit-model", "config.json", "\"image_size\": 16", "\"image_size\": 70000"}, "image_size"},
    {{"vit-model", "config.json", "\"image_size\": 16", "\"image_size\": [65535, 65535]"}, "patch_size"},
    {{"vit-model", "config.json", "\"image_size\": 16", "\"image_size\": {\"height\": 16, \"width\": 16}"}, "image_size"},
    {{"vit-model", "config.json", "\"pooler_output_size\": 12", "\"pooler_output_size\": 36"}, "pooler.dense"},
    {{"vit-model", "config.json", "\"qkv_bias\": true", "\"qkv_bias\": false"}, "key.bias"},
    {{"vit-image", "config.json", "\"qkv_bias\": false", "\"qkv_bias\": true"}, "query.bias"},
    {{"vit-model", "config.json", "ViTModel", "ViTForMaskedImageModeling"}, "ViTForMaskedImageModeling"},
    {{"vit-model", "config.json", "ViTModel", "ViTForImageClassificationWithTeacher"}, "ViTForImageClassificationWithTeacher"},
    {{"vit-model", "config.json", "ViTModel", "DeiTModel"}, "DeiTModel"},
    {{"vit-model", "config.json", "\"ViTModel\"", "\"ViTModel\", \"ViTModel\""}, "not one class"},
    {{"vit-model", "config.json", "ViTModel", "ViTForImageClassification"}, "classifier.weight"},
    {{"vit-image", "config.json", "ViTForImageClassification", "ViTModel"}, "classifier"},
    {{"vit-image", "config.json", "\"1\": \"dog\",", ""}, "id2label"},
    {{"vit-image", "config.json", "\"id2label\"", "\"id2label\": {}, \"task_specific_params\""}, "id2label"},
    {{"deit-teacher", "config.json", "WithTeacher", ""}, "classifier"},
    {{"deit-image", "config.json", "DeiTForImageClassification", "DeiTForImageClassificationWithTeacher"}, "cls_classifier"},
    {{"deit-model", "config.json", "\"deit\"", "\"vit\""}, "DeiTModel"},
    {{"vit-model", "config.json", "\"vit\"", "\"deit\""}, "ViTModel"},
};

START_TEST(test_refusals) { expect_refusal(SET, &REFUSALS[_i].edit, REFUSALS[_i].word, _i); }
END_TEST

/* ---- preprocessor_config.json ---- */

/* A golden folder with a preprocessor_config.json. */
static const char *with_preprocessor(const char *golden, const char *json, const char *name) {
    const char *folder = copied_folder(golden_path(SET, golden, "."), name);
    write_file(path_of("%s/preprocessor_config.json", folder), json, strlen(json));
    return folder;
}

static void put_value(const kv_entry *e, char *out, size_t room) {
    const char *name = e->key + strlen("image.");
    size_t at = 0;
    double d;
    if (e->type == KV_BOOL) snprintf(out, room, "%s ", name);
    else if (e->type == KV_STRING) snprintf(out, room, "%s %s ", name, (const char *)e->payload);
    else if (e->type == KV_F64) snprintf(out, room, "%s %.9g ", name, (memcpy(&d, e->payload, sizeof d), d));
    else {
        at += (size_t)snprintf(out, room, "%s", name);
        for (uint64_t i = 0; i < e->count; i++)
            at += (size_t)(e->type == KV_U32S ? snprintf(out + at, room - at, " %u", kv_u32s(e)[i]) : snprintf(out + at, room - at, " %g", (double)kv_f32s(e)[i]));
        snprintf(out + at, room - at, " ");
    }
}

/* "resize exact size 16 16 ...": the file's keys that begin with image. but its size. */
static const char *preprocessing_of(const char *path) {
    static char text[1024];
    lnt_file f;
    lnt_error err;
    kv_block m;
    size_t at = 0;
    ck_assert_msg(!lnt_file_open(&f, path, &err), "%s", err.text);
    ck_assert_int_eq(kv_open(&m, f.sections[SECTION_METADATA].bytes, f.sections[SECTION_METADATA].size, path, NULL), 0);
    *text = 0;
    for (kv_entry e; kv_next(&m, &at, &e);)
        if (!strncmp(e.key, "image.", 6) && strcmp(e.key, "image.height") && strcmp(e.key, "image.width"))
            put_value(&e, text + strlen(text), sizeof text - strlen(text));
    lnt_file_close(&f);
    return text;
}

/* What a processor does where its file says nothing, with sizes that fit the folders. */
#define VIT "preprocess resize exact size 16 16 filter bilinear scale 0.00392156863 mean 0.5 0.5 0.5 std 0.5 0.5 0.5 "
#define DEIT "preprocess resize exact size 20 20 filter bicubic crop 12 12 scale 0.00392156863 mean 0.5 0.5 0.5 std 0.5 0.5 0.5 "
#define CLIP_REST "scale 0.00392156863 mean 0.481455 0.457828 0.408211 std 0.26863 0.261303 0.275777 "
#define CLIP "preprocess resize shortest size 20 filter bicubic crop 16 16 " CLIP_REST
#define VIT_REST " filter bilinear scale 0.00392156863 mean 0.5 0.5 0.5 std 0.5 0.5 0.5 "
#define VIT_FIXED "preprocess resize exact size 16 16 filter bilinear "

static const struct preprocessing {
    const char *name, *json, *expected;
} PREPROCESSING[] = {
    /* sizes in all spellings */
    {"vit-model", "{\"size\": 16}", VIT},
    {"vit-model", "{\"size\": {\"height\": 16, \"width\": 16}}", VIT},
    {"vit-model", "{\"size\": [16, 16]}", VIT},
    {"vit-odd", "{\"size\": [17, 23]}", "preprocess resize exact size 17 23" VIT_REST},
    {"vit-odd", "{\"size\": {\"width\": 23, \"height\": 17}}", "preprocess resize exact size 17 23" VIT_REST},
    {"vit-model", "{\"size\": {\"shortest_edge\": 16}}", "preprocess resize shortest size 16" VIT_REST},
    {"vit-model", "{\"size\": {\"shortest_edge\": 16, \"longest_edge\": 40}}", "preprocess resize shortest size 16 40" VIT_REST},
    {"vit-model", "{\"size\": {\"longest_edge\": 16}}", "preprocess resize longest size 16" VIT_REST},
    {"vit-model", "{\"size\": 16, \"default_to_square\": false}", "preprocess resize shortest size 16" VIT_REST},
    {"vit-model", "{\"size\": 20, \"crop_size\": 16, \"image_processor_type\": \"CLIPImageProcessor\"}", CLIP},
    {"vit-model", "{\"size\": 20, \"crop_size\": 16, \"feature_extractor_type\": \"CLIPFeatureExtractor\"}", CLIP},
    {"vit-model", "{\"size\": {\"shortest_edge\": 20}, \"crop_size\": {\"height\": 16, \"width\": 16}, \"image_processor_type\": \"BitImageProcessorFast\"}", CLIP},
    {"vit-model", "{\"size\": 16, \"default_to_square\": true, \"do_center_crop\": false, \"image_processor_type\": \"CLIPImageProcessor\"}",
     "preprocess resize exact size 16 16 filter bicubic " CLIP_REST},
    /* whose defaults */
    {"vit-model", "{\"size\": 16, \"image_processor_type\": \"ViTImageProcessorFast\"}", VIT},
    {"vit-model", "{\"size\": 16, \"image_processor_type\": \"ViTImageProcessorPil\"}", VIT},
    {"vit-model", "{\"size\": 16, \"feature_extractor_type\": \"ViTFeatureExtractor\"}", VIT},
    {"vit-model", "{\"size\": 16, \"feature_extractor_type\": \"ConvNextFeatureExtractor\", \"image_processor_type\": \"ViTImageProcessor\"}", VIT},
    {"deit-model", "{\"size\": 20, \"crop_size\": 12}", DEIT},
    {"deit-model", "{\"size\": 20, \"crop_size\": [12, 12], \"feature_extractor_type\": \"DeiTFeatureExtractor\"}", DEIT},
    {"deit-model", "{\"crop_size\": 12}", "preprocess resize exact size 256 256 filter bicubic crop 12 12 scale 0.00392156863 mean 0.5 0.5 0.5 std 0.5 0.5 0.5 "},
    {"deit-image", "{\"size\": 20, \"crop_size\": {\"height\": 8, \"width\": 12}, \"image_processor_type\": \"DeiTImageProcessor\"}",
     "preprocess resize exact size 20 20 filter bicubic crop 8 12 scale 0.00392156863 mean 0.5 0.5 0.5 std 0.5 0.5 0.5 "},
    /* steps */
    {"vit-model", "{\"do_resize\": false}", "preprocess scale 0.00392156863 mean 0.5 0.5 0.5 std 0.5 0.5 0.5 "},
    {"vit-model", "{\"do_resize\": false, \"do_rescale\": false, \"do_normalize\": false}", "preprocess "},
    {"vit-model", "{\"size\": 16, \"do_rescale\": false}", VIT_FIXED "mean 0.5 0.5 0.5 std 0.5 0.5 0.5 "},
    {"vit-model", "{\"size\": 16, \"do_normalize\": false}", VIT_FIXED "scale 0.00392156863 "},
    {"vit-model", "{\"size\": 16, \"rescale_factor\": 0.5, \"do_normalize\": false}", VIT_FIXED "scale 0.5 "},
    {"vit-model", "{\"size\": 18, \"do_center_crop\": true, \"crop_size\": 16, \"do_normalize\": false}",
     "preprocess resize exact size 18 18 filter bilinear crop 16 16 scale 0.00392156863 "},
    {"vit-model", "{\"size\": 16, \"crop_size\": 12, \"do_center_crop\": false}", VIT},
    {"vit-model", "{\"size\": 16, \"image_mean\": 0.25, \"image_std\": [0.5, 2, 1]}", VIT_FIXED "scale 0.00392156863 mean 0.25 0.25 0.25 std 0.5 2 1 "},
    {"vit-model", "{\"size\": 16, \"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225]}",
     VIT_FIXED "scale 0.00392156863 mean 0.485 0.456 0.406 std 0.229 0.224 0.225 "},
    {"vit-grey", "{\"size\": [8, 16], \"image_mean\": [0.5], \"image_std\": 0.25}", "preprocess resize exact size 8 16 filter bilinear scale 0.00392156863 mean 0.5 std 0.25 "},
    {"vit-grey", "{\"size\": [8, 16], \"do_normalize\": false}", "preprocess resize exact size 8 16 filter bilinear scale 0.00392156863 "},
    /* filters */
    {"vit-model", "{\"size\": 16, \"resample\": 0, \"do_normalize\": false}", "preprocess resize exact size 16 16 filter nearest scale 0.00392156863 "},
    {"vit-model", "{\"size\": 16, \"resample\": 1, \"do_normalize\": false}", "preprocess resize exact size 16 16 filter lanczos scale 0.00392156863 "},
    {"vit-model", "{\"size\": 16, \"resample\": 3, \"do_normalize\": false}", "preprocess resize exact size 16 16 filter bicubic scale 0.00392156863 "},
    {"vit-model", "{\"size\": 16, \"resample\": 4, \"do_normalize\": false}", "preprocess resize exact size 16 16 filter box scale 0.00392156863 "},
    {"vit-model", "{\"size\": 16, \"resample\": 5, \"do_normalize\": false}", "preprocess resize exact size 16 16 filter hamming scale 0.00392156863 "},
    /* what says nothing of a picture */
    {"vit-model", "{\"size\": 16, \"resample\": null, \"do_convert_rgb\": null, \"crop_size\": null, \"do_pad\": false, \"pad_size\": null, \"crop_pct\": null}", VIT},
    {"vit-model", "{\"size\": 16, \"data_format\": \"channels_first\", \"input_data_format\": null, \"return_tensors\": \"pt\", \"_processor_class\": \"X\","
                  " \"_valid_processor_keys\": [\"images\"], \"device\": \"cpu\", \"disable_grouping\": true, \"do_convert_rgb\": true}", VIT},
};

START_TEST(test_preprocessing) {
    const struct preprocessing *p = &PREPROCESSING[_i];
    char name[32];
    snprintf(name, sizeof name, "preprocessing-%d", _i);
    const char *out = path_of("%s/%s.lnt", test_folder, name);
    lnt_model *m = converted_folder(with_preprocessor(p->name, p->json, name), out, "f32");
    lnt_info i;
    lnt_model_info(m, &i);
    ck_assert(i.has_preprocessing);
    lnt_close(m);
    ck_assert_str_eq(preprocessing_of(path_of("%s/%s.lnt", test_folder, name)), p->expected);
}
END_TEST

START_TEST(test_no_preprocessing) {
    lnt_close(golden_model(SET, "vit-many", "f32"));
    ck_assert_str_eq(preprocessing_of(path_of("%s/vit-many-f32.lnt", test_folder)), "");
}
END_TEST

static const struct bad_preprocessing {
    const char *name, *json, *word;
} BAD_PREPROCESSING[] = {
    {"vit-model", "{\"size\": 16, \"crop_pct\": 0.875}", "crop_pct"},
    {"vit-model", "{\"size\": 16, \"size_divisor\": 32}", "size_divisor"},
    {"vit-model", "{\"size\": 16, \"do_pad\": true}", "do_pad"},
    {"vit-model", "{\"size\": 16, \"do_flip_channel_order\": false}", "do_flip_channel_order"},
    {"vit-model", "{\"size\": 16, \"image_processor_type\": \"ConvNextImageProcessor\"}", "ConvNextImageProcessor"},
    {"vit-model", "{\"size\": 16, \"image_processor_type\": \"ViTMAEImageProcessor\"}", "ViTMAEImageProcessor"},
    {"vit-model", "{\"size\": 16, \"feature_extractor_type\": \"BeitFeatureExtractor\"}", "BeitFeatureExtractor"},
    {"vit-model", "{\"size\": 16, \"image_processor_type\": 5}", "image_processor_type"},
    {"vit-model", "{\"size\": 16, \"resample\": 6}", "resample"},
    {"vit-model", "{\"size\": 16, \"resample\": \"bicubic\"}", "resample"},
    {"vit-model", "{\"size\": 16, \"do_resize\": 1}", "do_resize"},
    {"vit-model", "{\"size\": 16, \"rescale_factor\": 0}", "rescale_factor"},
    {"vit-model", "{\"size\": 16, \"rescale_factor\": -1}", "rescale_factor"},
    {"vit-model", "{\"size\": 16, \"image_std\": [0.5, 0, 0.5]}", "image_std"},
    {"vit-model", "{\"size\": 16, \"image_std\": [0.5, 0.5]}", "image_std"},
    {"vit-model", "{\"size\": 16, \"image_mean\": [0.5, 0.5, 0.5, 0.5]}", "image_mean"},
    {"vit-model", "{\"size\": 16, \"image_mean\": \"0.5\"}", "image_mean"},
    {"vit-grey", "{\"size\": [8, 16]}", "image_mean"},
    {"vit-grey", "{\"size\": [8, 16], \"image_mean\": [0.5, 0.5, 0.5]}", "image_mean"},
    {"vit-model", "{\"size\": 224}", "size"},
    {"vit-model", "{}", "224x224"},
    {"vit-model", "{\"size\": {\"height\": 16, \"width\": 18}}", "size"},
    {"vit-model", "{\"size\": {\"height\": 16}}", "size"},
    {"vit-model", "{\"size\": {\"height\": 16, \"width\": 16, \"shortest_edge\": 16}}", "size"},
    {"vit-model", "{\"size\": {\"max_height\": 16, \"max_width\": 16}}", "size"},
    {"vit-model", "{\"size\": {\"shortest_edge\": 0}}", "size"},
    {"vit-model", "{\"size\": {\"longest_edge\": 65536}}", "size"},
    {"vit-model", "{\"size\": {}}", "size"},
    {"vit-model", "{\"size\": -16}", "size"},
    {"vit-model", "{\"size\": [16]}", "size"},
    {"vit-model", "{\"size\": \"16\"}", "size"},
    {"vit-model", "{\"size\": 16, \"do_center_crop\": true}", "crop_size"},
    {"vit-model", "{\"size\": 16, \"do_center_crop\": true, \"crop_size\": 12}", "crop_size"},
    {"vit-model", "{\"size\": 16, \"do_center_crop\": true, \"crop_size\": {\"shortest_edge\": 16}}", "crop_size"},
    {"vit-model", "{\"size\": 16,", "preprocessor_config.json"},
    {"vit-many", "{\"size\": 14}", "num_channels"},
    {"vit-bare", "{\"size\": [6, 8]}", "num_channels"},
};

START_TEST(test_bad_preprocessing) {
    const struct bad_preprocessing *b = &BAD_PREPROCESSING[_i];
    char name[32];
    snprintf(name, sizeof name, "bad-%d", _i);
    const char *folder = with_preprocessor(b->name, b->json, name), *out = path_of("%s/%s.lnt", test_folder, name);
    lnt_error err;
    ck_assert_msg(lnt_convert(folder, out, &(lnt_convert_options){.type = "f32"}, &err) == -1, "converted with %s", b->json);
    CHECK_ERROR(&err, b->word, folder);
    ck_assert_int_eq(access(out, F_OK), -1);
}
END_TEST

/* ---- what is measured of a smaller file ---- */

typedef struct measured {
    uint64_t images;
    double mean, least, top1; /* top1 -1: missing */
    const char *on;
} measured;

static measured measured_of(const char *path) {
    static char on[256];
    lnt_file f;
    kv_block m;
    measured q = {.top1 = -1, .on = on};
    const char *text = "(nothing)";
    ck_assert_int_eq(lnt_file_open(&f, path, NULL), 0);
    ck_assert_int_eq(kv_open(&m, f.sections[SECTION_METADATA].bytes, f.sections[SECTION_METADATA].size, path, NULL), 0);
    kv_get_u64(&m, "quality.images", &q.images);
    kv_get_f64(&m, "quality.cosine_mean", &q.mean);
    kv_get_f64(&m, "quality.cosine_min", &q.least);
    kv_get_f64(&m, "quality.top1", &q.top1);
    kv_get_string(&m, "quality.text", &text, NULL);
    snprintf(on, sizeof on, "%s", text);
    lnt_file_close(&f);
    return q;
}

static const char *converted_with_check(const char *folder, const char *type, const char *check, bool no_check) {
    const char *out = path_of("%s/measured.lnt", test_folder);
    lnt_error err;
    ck_assert_msg(!lnt_convert(folder, out, &(lnt_convert_options){.type = type, .check_path = check, .no_check = no_check}, &err), "%s", err.text);
    return out;
}

START_TEST(test_measuring) {
    measured q = measured_of(converted_with_check(golden_path(SET, "vit-many", "."), "q8", NULL, false));
    ck_assert_uint_eq(q.images, 24);
    ck_assert(q.least > 0.99 && q.least <= q.mean && q.mean < 1 && q.top1 > 0.8 && q.top1 <= 1);
    ck_assert_str_eq(q.on, "built in");
    measured four = measured_of(converted_with_check(golden_path(SET, "vit-many", "."), "q4", NULL, false));
    ck_assert(four.mean < q.mean);
    measured model = measured_of(converted_with_check(golden_path(SET, "vit-model", "."), "q8", NULL, false));
    ck_assert(model.images == 24 && model.mean > 0.99 && model.top1 < 0);
    ck_assert_uint_eq(measured_of(converted_with_check(golden_path(SET, "vit-many", "."), "q8", NULL, true)).images, 0);
    ck_assert_uint_eq(measured_of(converted_with_check(golden_path(SET, "vit-many", "."), "f16", NULL, false)).images, 0);
}
END_TEST

/* A picture of the user's, and a folder that holds others too. */
START_TEST(test_measuring_on_pictures) {
    static const char PICTURE[] = "P6 3 2 255\nabcdefghijklmnopqr";
    const char *json = "{\"size\": 16}";
    char folder[256], pictures[256];
    snprintf(folder, sizeof folder, "%s", with_preprocessor("vit-model", json, "pictured"));
    snprintf(pictures, sizeof pictures, "%s/pictures", test_folder);
    ck_assert_int_eq(mkdir(pictures, 0777), 0);
    write_file(path_of("%s/b.ppm", pictures), PICTURE, sizeof PICTURE - 1);
    write_file(path_of("%s/a.PGM", pictures), "P5 4 4 255\n0123456789abcdef", 27);
    write_file(path_of("%s/notes.txt", pictures), "none", 4);
    ck_assert_uint_eq(measured_of(converted_with_check(folder, "q8", NULL, false)).images, 24);
    measured q = measured_of(converted_with_check(folder, "q8", path_of("%s/", pictures), false));
    ck_assert_uint_eq(q.images, 2);
    ck_assert_str_eq(q.on, "pictures");
    q = measured_of(converted_with_check(folder, "q8", path_of("%s/b.ppm", pictures), false));
    ck_assert_uint_eq(q.images, 1);
    ck_assert_str_eq(q.on, "b.ppm");

    static const struct { const char *check, *word; } BAD[] = {{"notes.txt", "notes.txt"}, {"none.png", "none.png"}, {"", "holds no pictures"}};
    ck_assert_int_eq(mkdir(path_of("%s/empty", pictures), 0777), 0);
    for (int i = 0; i < 3; i++) {
        lnt_error err;
        const char *check = i == 2 ? path_of("%s/empty", pictures) : path_of("%s/%s", pictures, BAD[i].check), *out = path_of("%s/bad.lnt", test_folder);
        ck_assert_int_eq(lnt_convert(folder, out, &(lnt_convert_options){.type = "q8", .check_path = check}, &err), -1);
        CHECK_ERROR(&err, BAD[i].word);
        ck_assert_int_eq(access(out, F_OK), -1);
    }
}
END_TEST

#define LOOP(test, list) tcase_add_loop_test(t, test, 0, (int)(sizeof list / sizeof *list))

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("vit settings");
    tcase_set_timeout(t, 60);
    LOOP(test_accepted_settings, ACCEPTED);
    LOOP(test_refusals, REFUSALS);
    LOOP(test_preprocessing, PREPROCESSING);
    tcase_add_test(t, test_no_preprocessing);
    LOOP(test_bad_preprocessing, BAD_PREPROCESSING);
    tcase_add_test(t, test_measuring);
    tcase_add_test(t, test_measuring_on_pictures);
    int rc = run_suite("vit settings", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
