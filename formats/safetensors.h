/* One safetensors file: eight bytes of length, a JSON header, the tensors' data without gaps.
   https://huggingface.co/docs/safetensors, "Format". */
#ifndef LNT_FORMATS_SAFETENSORS_H
#define LNT_FORMATS_SAFETENSORS_H
#include "formats/checkpoint.h"
#include "formats/mapped.h"

/* Adds every tensor of a mapped file of at least 8 bytes. */
int safetensors_read(const mapped_file *file, const char *path, checkpoint *into, lnt_error *err);
#endif
