/* What every family's converter does with a checkpoint folder: its config.json, its tensors by name and shape, nothing
   left over. The first failure is kept and makes the calls that follow do nothing, so that it is checked once. */
#ifndef LNT_CONVERT_FAMILY_H
#define LNT_CONVERT_FAMILY_H
#include "convert/source.h"
#include "convert/tokenizer.h"
#include "formats/json.h"

typedef struct family {
    source *s;
    const char *folder;
    json_file config;
    checkpoint *checkpoint;
    const char *prefix; /* before the checkpoint's names of all tensors but those asked for with a leading '/' */
    const char *label;  /* before their names in the .lnt file, where there is no prefix; "" unless set */
    bool *used;         /* tensors of the checkpoint */
    lnt_error *err;
    bool failed;
} family;

/* Opens config.json and the checkpoint of a folder. */
void family_open(family *f, source *s, const char *folder, lnt_error *err);
/* Opens FOLDER/NAME if it is there; *found says so. 0, or -1. */
int family_file(json_file *file, const char *folder, const char *name, bool *found, lnt_error *err);
/* 0, or -1. */
int family_close(family *f);

/* Settings of config.json; a missing one leaves *out as it is. */
void family_int(family *f, const char *key, int64_t min, int64_t max, int64_t *out);
void family_float(family *f, const char *key, double min, double max, double *out);
void family_bool(family *f, const char *key, bool *out);
/* The setting must be `expected` or missing: the other value is refused by name. */
void family_expect_bool(family *f, const char *key, bool expected);
void family_expect_string(family *f, const char *key, const char *expected);
/* The setting must be an empty object or list, or missing. */
void family_expect_empty(family *f, const char *key);
/* heads, named by key, must divide the width named by of. */
void family_expect_divisor(family *f, const char *key, int64_t heads, const char *of, int64_t width);
/* An activation by its name in transformers. */
void family_activation(family *f, const char *key, int *out);
void family_require(family *f, const char *const *keys);
/* The class that config.json's architectures names, NULL: nothing is said, as for a model without a head. *one is false if
   it is said, but not as one class. */
const char *family_class(family *f, bool *one);
/* Names the first setting that nothing has asked for, unless it is one of ignored or says nothing of the computation. */
void family_refuse_settings(family *f, const char *const *ignored);

bool family_has(const family *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The graph's id of a tensor of the shape [n][k], or [k][n] if transposed. */
int32_t family_matrix(family *f, tensor_layout layout, uint64_t n, uint64_t k, bool transposed, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The same of a tensor of the shape dims that holds n * k elements in this order. */
int32_t family_reshaped(family *f, tensor_layout layout, uint64_t n, uint64_t k, const uint64_t *dims, uint32_t n_dims, const char *format, ...)
    __attribute__((format(printf, 7, 8)));
int32_t family_vector(family *f, uint64_t n, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The tensor is not needed (a constant that the graph holds otherwise): it counts as known. */
void family_ignore(family *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Two tensors, by their whole names, must hold the same numbers; both count as known. */
void family_expect_same(family *f, const char *name, const char *copy);
/* Names the first tensor that nothing has asked for. */
void family_refuse_tensors(family *f);

/* Adds the folder's tokenizer, if it has one, and mask_id to the metadata, if there is such a token. */
void family_tokenizer(family *f, uint32_t vocab_size, tokenizer_facts *facts);
/* Metadata that all models have. vocab_size 0: there are no tokens. */
void family_metadata(family *f, const char *architecture, uint64_t vocab_size, uint64_t n_ctx, uint64_t width, uint64_t n_layers, uint64_t n_heads);
#endif
