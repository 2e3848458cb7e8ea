/* The .lnt container, read and written (docs/format.md gives every byte). It knows sections, hashes and the tensor
   directory; what metadata, tokenizer and graph mean is for others. */
#ifndef LNT_FORMATS_LNT_H
#define LNT_FORMATS_LNT_H
#include "formats/kv.h"
#include "formats/mapped.h"
#include "formats/tensor.h"

typedef struct lnt_bytes {
    const unsigned char *bytes;
    size_t size;
} lnt_bytes;

typedef struct lnt_tensor {
    const char *name;
    tensor_type type;
    tensor_layout layout;
    uint64_t n, k; /* rows (outputs) and columns (inputs) */
    uint64_t offset, size; /* in the data section */
    const unsigned char *hash; /* 16 bytes */
    const void *data, *scale, *sum; /* its planes; NULL where the type has none */
} lnt_tensor;

typedef enum lnt_section { SECTION_METADATA, SECTION_TOKENIZER, SECTION_GRAPH, SECTION_TENSORS, SECTION_DATA, SECTIONS } lnt_section;

/* A mapped file whose header, table, directory and the hashes of all sections but the data have been checked. All of these
   are copies, so that they stay as they were checked; the data is the mapping. */
typedef struct lnt_file {
    char *path;
    mapped_file mapped;
    struct lnt_header *header; /* and the section table behind it */
    lnt_bytes sections[SECTIONS];
    const unsigned char *hashes[SECTIONS];
    lnt_tensor *tensors;
    size_t n_tensors;
} lnt_file;

int lnt_file_open(lnt_file *file, const char *path, lnt_error *err);
void lnt_file_close(lnt_file *file);
/* mapped_intact: to be asked before what was made of the data is given out. */
int lnt_file_intact(const lnt_file *file, lnt_error *err);
/* Hashes of every tensor and of the data section. */
int lnt_file_verify(const lnt_file *file, lnt_error *err);
const char *lnt_section_name(lnt_section section);

/* ---- writing ---- */

typedef struct lnt_tensor_spec {
    const char *name;
    tensor_type type;
    tensor_layout layout;
    uint64_t n, k;
} lnt_tensor_spec;

/* A file being written under a temporary name beside `path`. The sizes of everything are known before the data is
   written; tensor bytes come in order, each tensor's planes and padding whole. */
typedef struct lnt_writer lnt_writer;
lnt_writer *lnt_writer_new(const char *path, const buffer *metadata, const buffer *tokenizer, const buffer *graph,
                           const lnt_tensor_spec *tensors, size_t n_tensors, lnt_error *err);
int lnt_writer_append(lnt_writer *writer, const void *bytes, size_t n, lnt_error *err);
/* Completes the file, so that it can be opened under lnt_writer_temporary's name. */
int lnt_writer_seal(lnt_writer *writer, lnt_error *err);
const char *lnt_writer_temporary(const lnt_writer *writer);
/* Puts other metadata of the same size into a sealed file (what was measured on it). */
int lnt_writer_metadata(lnt_writer *writer, const buffer *metadata, lnt_error *err);
/* Syncs and renames. Frees the writer, whatever happens. */
int lnt_writer_commit(lnt_writer *writer, lnt_error *err);
/* Removes the temporary file and frees the writer. NULL is fine. */
void lnt_writer_abandon(lnt_writer *writer);
#endif
