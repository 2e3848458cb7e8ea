/* Linnet: transformer inference on CPUs from one mapped file.

   The short way, from a model file to the next token's logits:

       lnt_error err;
       lnt_model *model = lnt_open("model.lnt", &err);
       lnt_context *ctx = lnt_context_new(model, NULL, &err);
       lnt_span span = {.ids = ids, .n_ids = n};
       lnt_eval(ctx, &span, 1, &err);              // 0, or -1 and one line in err.text
       const float *logits = lnt_output(ctx, 0);   // [vocabulary]
       lnt_context_free(ctx);
       lnt_close(model);

   and from many texts or images to their embeddings, labels or scores: lnt_batcher_new, lnt_batcher_run and
   lnt_batcher_run_images.

   The same model and input give the same bits on every CPU, with any number of threads, in any batch, however a
   prompt is cut into calls. Nothing in a file or in an argument is trusted: a bad one is an error, never a crash.

   Threads: a model is read-only after lnt_open and may be used by any number of threads at once. A context, a
   tokenizer and a sampler belong to one thread at a time. */
#ifndef LINNET_H
#define LINNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LNT_API __attribute__((visibility("default")))
#define LNT_VERSION "0.1.0"

/* Filled when a call fails: one line without newline, "FILE: what is wrong, what was expected". A call that takes
   an lnt_error takes NULL too. */
typedef struct lnt_error {
    char text[512];
} lnt_error;

typedef struct lnt_model lnt_model;
typedef struct lnt_context lnt_context;
typedef struct lnt_tokenizer lnt_tokenizer;
typedef struct lnt_sampler lnt_sampler;
typedef struct lnt_batcher lnt_batcher;
typedef struct lnt_profile lnt_profile;

/* ---- models ---------------------------------------------------------------------------------------------- */

/* Maps a .lnt file read-only and checks its header, table, metadata, tokenizer, graph and directory (hashes and
   every length in them), not the tensor data: lnt_verify does that. NULL on failure. The file must stay as it is
   while the model is open: once it has changed or become shorter, nothing is evaluated any more (one that another takes the
   place of by rename stays as it is). Reading where it has ended kills, unless lnt_guard_files has been called. */
LNT_API lnt_model *lnt_open(const char *path, lnt_error *err);
LNT_API void lnt_close(lnt_model *model);

/* Handles SIGBUS from now on, in the whole process: whoever reads a model, an index or a checkpoint where its file has become
   shorter, or its disk has failed, reads zeros, and the call that used them fails. Other SIGBUS goes to the handler that was
   there before. To be called once, at the program's start; a library should leave it to the program. The signal must not be
   blocked in threads that use Linnet. 0, or -1. */
LNT_API int lnt_guard_files(lnt_error *err);

/* Checks the hash of every section and every tensor, and their sums, pairs and padding (docs/format.md), on which it rests that all
   machines compute the same: 0, or -1 naming the first that differs. */
LNT_API int lnt_verify(const lnt_model *model, lnt_error *err);

/* What a model is. Strings belong to the model. A size that does not apply is 0. */
typedef struct lnt_info {
    const char *architecture; /* "gpt2", "bert", "vit" */
    const char *name;         /* of the checkpoint, may be "" */
    const char *task;         /* what the logits are for: "causal-lm", "masked-lm", "sequence-classification",
                                 "token-classification", "question-answering", "image-classification"; "": the model has none */
    const char *scores;       /* what makes scores of a classifier's logits: "softmax", "sigmoid", "identity"; "" */
    uint32_t vocab_size;      /* ids are below it */
    uint32_t n_ctx;           /* most tokens in one sequence; of a model of images: tokens of an image of its own size */
    uint32_t max_tokens;      /* texts are truncated to these, special tokens included: n_ctx, or less if the checkpoint says so */
    uint32_t width;           /* of the hidden state */
    uint32_t n_layers, n_heads, head_dim;
    uint32_t n_labels;        /* of a classifier */
    uint32_t n_segments;      /* kinds of segment that tokens can belong to */
    uint32_t embedding_width; /* of "embedding" */
    uint32_t n_channels;      /* of the images that the model takes; 0: it takes ids */
    uint32_t image_height, image_width, patch_height, patch_width; /* in pixels */
    uint64_t n_parameters;
    uint64_t file_bytes;
    int32_t bos_id, eos_id, mask_id; /* -1: none */
    bool has_tokenizer;
    bool has_preprocessing; /* it says how pictures become pixel values */
} lnt_info;
LNT_API void lnt_model_info(const lnt_model *model, lnt_info *info);

/* A label of a classifier, NULL: there is none of that number. */
LNT_API const char *lnt_label(const lnt_model *model, uint32_t label);
/* What sentence-transformers' prompt of a name puts before a text; name NULL: the default one, "" if there is none.
   NULL: no prompt has that name. */
LNT_API const char *lnt_prompt(const lnt_model *model, const char *name);
/* Names of the prompts, one by one; NULL behind the last. */
LNT_API const char *lnt_prompt_name(const lnt_model *model, size_t i);

typedef enum lnt_describe_flags {
    LNT_DESCRIBE_TENSORS = 1,
    LNT_DESCRIBE_GRAPH = 2,
    LNT_DESCRIBE_JSON = 4,
} lnt_describe_flags;
/* Writes what is in the file to out, for people or as one JSON object. */
LNT_API int lnt_describe(const lnt_model *model, unsigned flags, FILE *out, lnt_error *err);

/* ---- text and ids ---------------------------------------------------------------------------------------- */

/* A tokenizer over the model's vocabulary with its own caches; NULL and an error if the file holds none. The model
   must outlive it. */
LNT_API lnt_tokenizer *lnt_tokenizer_new(const lnt_model *model, lnt_error *err);
LNT_API void lnt_tokenizer_free(lnt_tokenizer *tokenizer);

typedef enum lnt_tokenize_flags {
    LNT_NO_SPECIAL = 1, /* the text of a special token is ordinary text */
    LNT_PLACES = 2,     /* lnt_encode: where tokens stand in their text is wanted */
} lnt_tokenize_flags;

/* Any bytes to ids: *ids points to *n_ids of them inside the tokenizer, until its next call. Bytes that are not
   UTF-8 are tokenized as bytes where the model can (byte-level BPE). Linear in n_bytes. */
LNT_API int lnt_tokenize(lnt_tokenizer *tokenizer, const char *text, size_t n_bytes, unsigned flags,
                         const int32_t **ids, size_t *n_ids, lnt_error *err);

/* Where a token stands in its text, in bytes. begin == end: nowhere, as [CLS]. */
typedef struct lnt_place {
    uint32_t begin, end;
    uint32_t text; /* 0: the first, 1: the second */
} lnt_place;

/* What a model sees of a text or a pair of texts. The arrays belong to the tokenizer, until its next call. */
typedef struct lnt_encoding {
    const int32_t *ids;      /* [n] */
    const uint8_t *segments; /* [n] */
    const lnt_place *places; /* [n]; NULL unless asked for by LNT_PLACES */
    size_t n;
    size_t n_dropped; /* tokens left out to keep to max_tokens */
    size_t n_invalid; /* sequences of bytes that are not UTF-8, read as U+FFFD (by a tokenizer that knows no bytes) */
} lnt_encoding;

/* A text, and unless pair is NULL a second one, with the special tokens that the model wants around them, truncated to
   max_tokens as Hugging Face's "longest_first" does (0: not truncated; less than the special tokens is an error). A
   second text is an error where the model has no place for one. Texts have less than 4 GiB. Linear in their bytes. */
LNT_API int lnt_encode(lnt_tokenizer *tokenizer, const char *text, size_t n_bytes, const char *pair, size_t n_pair_bytes,
                       size_t max_tokens, unsigned flags, lnt_encoding *encoding, lnt_error *err);

/* Ids back to text: the bytes of tokens one behind the other (byte-level BPE gives the same text again), or words with
   spaces between them (WordPiece, which cannot know what was there). *text points to *n_bytes of it inside the tokenizer,
   until its next call. An id outside the vocabulary is an error. */
LNT_API int lnt_detokenize(lnt_tokenizer *tokenizer, const int32_t *ids, size_t n_ids, const char **text, size_t *n_bytes,
                           lnt_error *err);

/* The bytes of one id (they may be part of a character): a pointer into the model, and their number in *n_bytes.
   NULL if the id is outside the vocabulary or the file holds no tokenizer. */
LNT_API const char *lnt_token_bytes(const lnt_model *model, int32_t id, size_t *n_bytes);
LNT_API bool lnt_token_is_special(const lnt_model *model, int32_t id);

/* ---- images ----------------------------------------------------------------------------------------------- */

/* A picture: RGB, 8 bits a channel, rows from the top. */
typedef struct lnt_image {
    uint32_t width, height;
    uint8_t *pixels; /* [height][width][3] */
} lnt_image;

/* Most pixels of a picture, and most on a side. A larger one is refused by its header. */
#define LNT_IMAGE_MAX_PIXELS 100000000u
#define LNT_IMAGE_MAX_SIDE 65535u

/* Decodes JPEG, PNG, and PPM, PGM and PBM, told apart by their first bytes. What comes out is what Pillow's
   ImageOps.exif_transpose(Image.open(f)).convert("RGB") gives: a JPEG upright by its EXIF orientation, grey repeated, CMYK
   converted, a palette looked up, alpha left out; of 16 bits the high 8. name is what errors call it. A file that is cut
   off or corrupt is an error. lnt_image_free releases the pixels. */
LNT_API int lnt_image_decode(const void *bytes, size_t n_bytes, const char *name, lnt_image *image, lnt_error *err);
LNT_API int lnt_image_read(const char *path, lnt_image *image, lnt_error *err);
LNT_API void lnt_image_free(lnt_image *image);

/* What the model sees of a picture: resized (as Pillow does it, to the bit), cropped, scaled and normalised as its
   checkpoint says, pixels [n_channels][height][width]. height and width 0: the model's own; others take the place of the
   size that the checkpoint resizes or crops to. */
LNT_API int lnt_image_pixels(const lnt_model *model, const lnt_image *image, uint32_t height, uint32_t width, float *pixels,
                             lnt_error *err);
/* The same of a file: a picture, or a .npy file of pixel values as they are, float32 [n_channels][height][width]. */
LNT_API int lnt_pixels_read(const lnt_model *model, const char *path, uint32_t height, uint32_t width, float *pixels,
                            lnt_error *err);

/* Tokens that an image of a size is to the model (0: its own): one a patch, and those before them. 0: it takes no images, or
   none of that size. */
LNT_API uint32_t lnt_image_tokens(const lnt_model *model, uint32_t height, uint32_t width);

/* ---- evaluating ------------------------------------------------------------------------------------------- */

typedef struct lnt_context_options {
    uint32_t n_threads;   /* 0: what affinity and cgroup quota allow, at most the cores */
    uint32_t n_ctx;       /* room per sequence; 0: the model's own */
    uint32_t n_sequences; /* 0: 1 */
    uint32_t n_batch;     /* most tokens evaluated at a time; 0: 512. Longer prompts are cut, with the same result. */
    uint32_t n_outputs;   /* most rows of output kept by one lnt_eval; 0: n_sequences */
    const char *output;   /* "logits", "embedding", "pooled", "next_sentence"; NULL: the first of these that the model has */
    const char *pooling;  /* makes "embedding" by "first", "last", "mean", "max", "mean_sqrt", "weighted_mean" or "second" of a
                             sequence's hidden states; NULL: as the model says */
    uint32_t image_height, image_width; /* of a model of images; 0: its own. For another size its position embeddings are
                                           interpolated (bicubic, as transformers' interpolate_pos_encoding), and n_ctx
                                           is that size's tokens. */
    lnt_profile *profile; /* adds up what evaluations cost (see below); NULL: nothing is measured */
} lnt_context_options;

/* Everything an evaluation needs is allocated here, nothing later. Memory is taken as it is used; a context that could take more than
   the machine has, or a cgroup gives, is an error. options NULL: all defaults. */
LNT_API lnt_context *lnt_context_new(const lnt_model *model, const lnt_context_options *options, lnt_error *err);
LNT_API void lnt_context_free(lnt_context *context);

/* New tokens of one sequence, appended after what the context holds of it. */
typedef struct lnt_span {
    uint32_t sequence; /* < n_sequences */
    const int32_t *ids;
    size_t n_ids;
    const uint8_t *segments; /* [n_ids], each below the model's n_segments; NULL: all 0 */
    /* Whose output is wanted, where the output has a row a token: of the last one, unless one of these says else. */
    const uint32_t *outputs; /* places among ids, ascending */
    size_t n_outputs;
    bool all_outputs, no_outputs;
    const float *pixels; /* of a model of images, instead of ids: [n_channels][height][width], normalised; the context's size */
} lnt_span;

/* Evaluates spans of different sequences together, packed. Afterwards lnt_output gives the rows asked for, span after
   span: of an output with a row a sequence ("embedding", "pooled", a text classifier's "logits") one for each span. A
   model that sees a sequence both ways (an encoder) takes it whole: what the context held of it is forgotten.
   On failure (an id outside the vocabulary, no room in the context) nothing has changed; but if the model's file has,
   this and all later evaluations fail. */
LNT_API int lnt_eval(lnt_context *context, const lnt_span *spans, size_t n_spans, lnt_error *err);

/* Row of the output of the last lnt_eval, lnt_output_width floats; valid until the next one. NULL: there is no such row. */
LNT_API const float *lnt_output(const lnt_context *context, size_t row);
LNT_API size_t lnt_output_rows(const lnt_context *context);
LNT_API uint32_t lnt_output_width(const lnt_context *context);

/* Tokens that the context holds of a sequence, and forgetting all after the first n of them. */
LNT_API size_t lnt_sequence_length(const lnt_context *context, uint32_t sequence);
LNT_API void lnt_sequence_truncate(lnt_context *context, uint32_t sequence, size_t n);
/* Forgets the first n_drop tokens after the first n_keep by evaluating the rest again at their new positions. */
LNT_API int lnt_sequence_shift(lnt_context *context, uint32_t sequence, size_t n_keep, size_t n_drop, lnt_error *err);

/* Copies an intermediate value out of the evaluations that follow, until unset with out NULL. what "hidden" with
   index 0 .. n_layers: [tokens][width], float32; what "attention" with index 0 .. n_layers - 1:
   [heads][tokens][tokens], 0 where a token does not see another. out has room for n_tokens
   tokens of sequence 0, which must be the only one; evaluating more is an error then. A causal model's "hidden"
   n_layers has rows only for tokens whose logits were asked for. */
LNT_API int lnt_tap(lnt_context *context, const char *what, uint32_t index, float *out, size_t n_tokens, lnt_error *err);

LNT_API uint32_t lnt_context_threads(const lnt_context *context);

/* ---- many texts ------------------------------------------------------------------------------------------- */

typedef struct lnt_batcher_options {
    uint32_t n_threads;   /* as lnt_context_options, but no more than there is memory for */
    uint32_t max_tokens;  /* longer texts are truncated; 0: the model's max_tokens */
    uint32_t n_batch;     /* tokens packed together by a thread; 0: what runs fastest */
    const char *output, *pooling; /* as lnt_context_options */
    bool all_outputs;     /* of an output with a row a token: all rows, not only those of mask tokens */
    unsigned flags;       /* of lnt_encode */
    uint32_t dims;        /* an embedding's first so many numbers; 0: all */
    bool normalize;       /* an embedding (its dims) to length 1 */
    uint32_t image_height, image_width; /* as lnt_context_options */
    lnt_profile *profile; /* as lnt_context_options */
} lnt_batcher_options;

/* Texts (or images) through a model as fast as the machine can: tokenized, sorted by length, packed without padding, one batch a
   thread. A text's result has the same bits alone and in any company. */
LNT_API lnt_batcher *lnt_batcher_new(const lnt_model *model, const lnt_batcher_options *options, lnt_error *err);
LNT_API void lnt_batcher_free(lnt_batcher *batcher);
LNT_API uint32_t lnt_batcher_threads(const lnt_batcher *batcher);
/* Floats of a row. */
LNT_API uint32_t lnt_batcher_width(const lnt_batcher *batcher);

typedef struct lnt_text {
    const char *text;
    size_t n_bytes;
    const char *pair; /* NULL: none */
    size_t n_pair_bytes;
} lnt_text;

typedef struct lnt_text_result {
    size_t index; /* of the text in the call */
    const lnt_encoding *encoding;
    size_t n_rows;
    const float *const *rows; /* [n_rows] */
    const uint32_t *tokens;   /* [n_rows] the token that a row belongs to; NULL: the only row is the text's */
} lnt_text_result;

/* Called once for each text, in any order, from any thread, several at a time; what it is given is gone when it returns. */
typedef void lnt_text_listener(void *user, const lnt_text_result *result);
/* 0, or -1 when memory is out or a text is too long to be one (4 GiB). Give it thousands of texts at a time. */
LNT_API int lnt_batcher_run(lnt_batcher *batcher, const lnt_text *texts, size_t n_texts, lnt_text_listener *listener, void *user,
                            lnt_error *err);

/* An image of one of three kinds: a file, read by the thread that evaluates it (lnt_pixels_read); a file's bytes; pixel
   values. The output must have one row a sequence. */
typedef struct lnt_picture {
    const char *path;    /* also what errors call it */
    const void *bytes;   /* NULL: the file of that path */
    size_t n_bytes;
    const float *pixels; /* [n_channels][height][width], normalised; NULL: path or bytes */
} lnt_picture;

typedef struct lnt_picture_result {
    size_t index;         /* of the picture in the call */
    const float *row;     /* NULL: it could not be read */
    const lnt_error *err; /* why not */
} lnt_picture_result;

/* As lnt_text_listener. */
typedef void lnt_picture_listener(void *user, const lnt_picture_result *result);
/* Reading and resizing runs beside computing. A picture that cannot be read is no failure of the call: the listener is told.
   Give it a hundred pictures or more at a time. 0, or -1 when memory is out. */
LNT_API int lnt_batcher_run_images(lnt_batcher *batcher, const lnt_picture *pictures, size_t n_pictures, lnt_picture_listener *listener,
                                   void *user, lnt_error *err);

/* ---- choosing the next token ------------------------------------------------------------------------------ */

typedef struct lnt_sampling {
    float temperature;    /* 0: greedy */
    uint32_t top_k;       /* 0: all */
    float top_p;          /* 1: all */
    float min_p;          /* 0: all; keeps what is at least min_p times as likely as the likeliest */
    float repeat_penalty; /* 1: none; logits of tokens seen in the last repeat_last are divided (or multiplied if < 0) */
    uint32_t repeat_last; /* window of the penalty, in tokens */
    uint64_t seed;        /* the same seed gives the same tokens on every machine */
    const int32_t *bias_ids; /* logits of these get bias_values added (-INFINITY forbids) */
    const float *bias_values;
    size_t n_bias;
} lnt_sampling;
/* Temperature 1, everything else off, seed 0. */
LNT_API lnt_sampling lnt_sampling_default(void);

LNT_API lnt_sampler *lnt_sampler_new(const lnt_model *model, const lnt_sampling *sampling, lnt_error *err);
LNT_API void lnt_sampler_free(lnt_sampler *sampler);
/* Tells the sampler of a token it did not choose itself (the prompt), for the repetition penalty. */
LNT_API void lnt_sampler_accept(lnt_sampler *sampler, int32_t id);
/* The next token for logits [vocab_size], which stay as they are. Ties go to the lower id. */
LNT_API int32_t lnt_sample(lnt_sampler *sampler, const float *logits);

/* Natural logarithm of the probability of id under softmax(logits[vocab_size]). */
LNT_API double lnt_log_probability(const float *logits, size_t vocab_size, int32_t id);

/* ---- what work costs --------------------------------------------------------------------------------------- */

/* An lnt_profile adds up what the contexts, batchers and indexes have done that were given it, equal work of different layers as one.
   Measuring costs two looks at the clock a step. It may be read and added to from any thread at any time; who it was given to
   must be freed before it. */
LNT_API lnt_profile *lnt_profile_new(lnt_error *err);
LNT_API void lnt_profile_free(lnt_profile *profile);

/* What work can be limited by. */
typedef enum lnt_bound {
    LNT_BOUND_NONE, /* nothing that is said here */
    LNT_BOUND_FP32, /* multiplying and adding floats */
    LNT_BOUND_INT8, /* the same with 8-bit integers */
    LNT_BOUND_INT4, /* and with one side of 4 bits */
    LNT_BOUND_READ, /* reading what at most 4 rows (or queries) are multiplied with: weights, keys and values, vectors */
} lnt_bound;

typedef struct lnt_profile_entry {
    const char *name; /* "linear q8 768 x 3072 gelu_erf", "attention 12 heads of 64", "norm + quantize 768", "tokenize" */
    lnt_bound bound;
    uint64_t calls;  /* of a step: how often it ran, by however many threads */
    uint64_t rows;   /* tokens, texts or pictures worked on */
    uint64_t values; /* numbers made */
    uint64_t operations; /* multiplications and additions: of a linear step 2 * rows * inputs * outputs */
    uint64_t bytes;  /* read, once a call: of weights, keys and values, texts, vectors of an index */
    double seconds;  /* of all threads together, working, */
    double waiting;  /* and at a barrier behind the work, until the others had done their part */
} lnt_profile_entry;

/* Entry i, in the order in which they came first; false: there are no more. Its name lives as long as the profile. */
LNT_API bool lnt_profile_get(lnt_profile *profile, size_t i, lnt_profile_entry *entry);
/* Adds to the entry of that name (its first 63 bytes) and bound, which is made if there is none; of more than 255 different ones
   the rest are one, "others". profile NULL: nothing. */
LNT_API void lnt_profile_add(lnt_profile *profile, const lnt_profile_entry *entry);
/* Most threads of any that it measures. */
LNT_API uint32_t lnt_profile_threads(lnt_profile *profile);

/* ---- making model files ------------------------------------------------------------------------------------ */

typedef struct lnt_convert_options {
    const char *type;       /* "f32", "f16", "q8", "q4" */
    const char *head_type;  /* of the vocabulary matrix; NULL: what the type calls for */
    const char *check_path; /* text to measure the loss of q8 and q4 on, for an encoder a text a line; NULL: a built-in one */
    bool no_check;
    uint32_t n_threads;
    /* Called now and then with a part done, 0 .. 1, and what is being done; may be NULL. */
    void (*progress)(void *user, double done, const char *what);
    void *user;
} lnt_convert_options;

/* A Hugging Face checkpoint folder into a .lnt file. It appears whole under out_path, or not at all. */
LNT_API int lnt_convert(const char *folder, const char *out_path, const lnt_convert_options *options, lnt_error *err);
/* An f32 or f16 .lnt file into a smaller one. */
LNT_API int lnt_quantize(const char *in_path, const char *out_path, const lnt_convert_options *options, lnt_error *err);

/* ---- searching a corpus ------------------------------------------------------------------------------------ */

/* An index is a folder: documents with their full text in SQLite, their embeddings in mapped files beside it (docs/index.md).
   One process writes at a time, any number read: each sees what had been committed when it opened. Whatever is cut short
   (a kill, a full disk) leaves what was committed last. An index belongs to one thread at a time; it has threads of its own. */
typedef struct lnt_index lnt_index;

typedef struct lnt_index_options {
    bool write;             /* the index is made if the folder does not hold one */
    const lnt_model *model; /* makes its vectors: must be the one that the index was made with, by hash. NULL: not checked,
                               and nothing can be made or written */
    const char *vectors;    /* of a new one: "f32", "f16", "int8", "binary" (with int8 beside it); NULL: "int8" */
    const char *settings;   /* how documents are made of files, JSON that the caller understands: kept by a new index; one that
                               was made with others is refused. NULL: not checked */
    uint32_t n_threads;     /* as lnt_context_options */
    uint32_t dims;          /* of a new one: an embedding's first so many numbers; 0: all. Of another: not checked if 0 */
    lnt_profile *profile;   /* of searches: as lnt_context_options */
} lnt_index_options;

LNT_API lnt_index *lnt_index_open(const char *folder, const lnt_index_options *options, lnt_error *err);
/* What has not been committed is gone. */
LNT_API void lnt_index_close(lnt_index *index);

typedef struct lnt_index_info {
    const char *model, *model_name, *vectors, *settings; /* the index's until it is closed; model: a hash, hexadecimal */
    uint32_t dims;
    uint64_t n_sources, n_documents;
    uint64_t n_rows;  /* of vectors: those of documents that are gone too, until lnt_index_compact */
    uint64_t document_bytes, vector_bytes; /* on disk */
} lnt_index_info;
LNT_API int lnt_index_get_info(lnt_index *index, lnt_index_info *info, lnt_error *err);

/* Checks hashes of vectors, SQLite's own integrity, the full text against the documents, and that both agree: 0, or -1
   naming the first thing that is wrong. */
LNT_API int lnt_index_check(lnt_index *index, lnt_error *err);

/* A file that documents were made of. */
typedef struct lnt_source {
    const char *path;
    uint64_t bytes;
    int64_t modified;       /* nanoseconds since 1970 */
    unsigned char hash[16]; /* XXH3-128 of its bytes; zeros: not known */
    uint64_t n_records;     /* read from it so far: more than documents, where some had no text */
    uint64_t n_documents;
    bool complete;
} lnt_source;

/* 1 and *source, whose path lives until the next call; 0: there is none; -1 with err. */
LNT_API int lnt_index_find_source(lnt_index *index, const char *path, lnt_source *source, lnt_error *err);
/* The first source behind a path in the order of strcmp; path "": the first of all. As lnt_index_find_source. */
LNT_API int lnt_index_next_source(lnt_index *index, const char *path, lnt_source *source, lnt_error *err);

/* Piece of a source. */
typedef struct lnt_document {
    int64_t id; /* given by the index */
    const char *path;
    const char *text;
    size_t n_bytes;
    uint64_t line;        /* where it begins in the source, from 1; 0: not known */
    uint64_t begin, end;  /* in bytes, in the source or the record of its line */
    const char *metadata; /* a JSON object; NULL: none */
} lnt_document;

/* Writing. A source is begun (what was indexed of it before goes, unless it is to be continued), gets documents with their
   embeddings [dims] in order, made to length 1 by the index, and is ended. n_records in lnt_index_add counts what has been read of the source with this
   document. All of it is there for readers, and safe, once lnt_index_commit has returned 0; after a failure close the index
   and open it again. */
LNT_API int lnt_index_begin_source(lnt_index *index, const lnt_source *source, bool continued, lnt_error *err);
LNT_API int lnt_index_add(lnt_index *index, const lnt_document *document, const float *vector, uint64_t n_records, lnt_error *err);
LNT_API int lnt_index_end_source(lnt_index *index, const lnt_source *source, lnt_error *err);
LNT_API int lnt_index_remove_source(lnt_index *index, const char *path, lnt_error *err);
/* A source whose bytes are as they were gets its new time. */
LNT_API int lnt_index_touch_source(lnt_index *index, const lnt_source *source, lnt_error *err);
LNT_API int lnt_index_commit(lnt_index *index, lnt_error *err);
/* Writes the vectors anew without the rows of documents that are gone, and commits. */
LNT_API int lnt_index_compact(lnt_index *index, lnt_error *err);

typedef struct lnt_query {
    const char *text; /* for "text" and "hybrid": any text, whose words are looked for; no syntax */
    size_t n_bytes;
    const float *vector; /* for "dense" and "hybrid": its embedding [dims], of any length */
} lnt_query;

typedef struct lnt_filter {
    const char *field, *value; /* documents whose metadata has this value (as text) under this name; "a.b": b in a; "path": the
                                  source's path, which begins with the value */
} lnt_filter;

typedef struct lnt_search_options {
    const char *mode;    /* "dense": exact nearest neighbours by cosine; "text": BM25; "hybrid": both, by reciprocal rank
                            fusion (Cormack et al. 2009, k = 60). NULL: "hybrid" */
    uint32_t top;        /* best documents of each query; 0: 10 */
    uint32_t candidates; /* of each kind that hybrid joins; 0: 100 or ten times top, whichever is more */
    const lnt_filter *filters; /* all must hold */
    size_t n_filters;
} lnt_search_options;

typedef struct lnt_hit {
    int64_t document;
    double score;  /* of the mode: cosine, BM25 (higher is better), or the sum of 1 / (60 + rank) */
    float cosine;  /* NAN: not among the dense candidates */
    double bm25;   /* NAN: not among the text candidates */
} lnt_hit;

/* The best of each query to hits [n_queries][top], their number to n_hits [n_queries]; of equal scores the lower document first.
   Many queries together cost little more than one. */
LNT_API int lnt_index_search(lnt_index *index, const lnt_query *queries, size_t n_queries, const lnt_search_options *options, lnt_hit *hits,
                             size_t *n_hits, lnt_error *err);
/* A document; its strings are the index's until the next call. */
LNT_API int lnt_index_document(lnt_index *index, int64_t id, lnt_document *document, lnt_error *err);

/* ---- the machine ------------------------------------------------------------------------------------------- */

/* The instruction set level in use: "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", on ARM "neon", "dotprod", "i8mm". LINNET_CPU in the
   environment caps it; it is read once, at the first call. */
LNT_API const char *lnt_cpu_level(void);
/* All levels this build and this CPU have, slowest first, NULL-terminated. */
LNT_API const char *const *lnt_cpu_levels(void);
/* Threads a context takes by default: min(affinity, cgroup quota rounded down, cores), at least 1. */
LNT_API uint32_t lnt_default_threads(void);

#ifdef __cplusplus
}
#endif
#endif
