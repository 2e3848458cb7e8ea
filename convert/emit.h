/* A source into a .lnt file of given types. */
#ifndef LNT_CONVERT_EMIT_H
#define LNT_CONVERT_EMIT_H
#include "convert/quality.h"
#include "convert/source.h"

typedef struct emit_types {
    tensor_type layers, head; /* head: the embedding of tokens or patches, and what makes the logits */
} emit_types;

/* NULL head_name: f32 and f16 as the layers, q8 for q8 and q4 (docs/quantization.md has the measurement). */
int emit_parse_types(const char *name, const char *head_name, emit_types *types, lnt_error *err);
/* Writes everything and seals the file. With room for `measured` in the metadata, if it is not NULL. */
lnt_writer *emit(source *s, const char *out_path, emit_types types, const quality *measured, const lnt_convert_options *options, lnt_error *err);
/* Puts what was measured into the sealed file. */
int emit_quality(lnt_writer *writer, const source *s, emit_types types, const quality *measured, const lnt_convert_options *options, lnt_error *err);
#endif
