/* The pickle inside a file that torch.save wrote. It is read as data, nothing in it is run: of pickle's machine only
   the opcodes that the state_dict of a model takes are known, and of all names in Python only those that hold tensors.
   The opcodes are described in CPython's Lib/pickletools.py, protocol 2. */
#ifndef LNT_FORMATS_TORCH_PICKLE_H
#define LNT_FORMATS_TORCH_PICKLE_H
#include "formats/checkpoint.h"

enum { TORCH_PICKLE_MAX = 32 << 20 }; /* bytes; a tensor takes about 200 */

typedef struct torch_tensor {
    const char *name; /* keys of nested dictionaries, joined by dots */
    checkpoint_dtype dtype;
    const char *key; /* of its storage, key_bytes long */
    size_t key_bytes;
    uint64_t storage_elements, offset; /* in elements */
    uint32_t n_dims;
    uint64_t dims[CHECKPOINT_MAX_DIMS], strides[CHECKPOINT_MAX_DIMS]; /* as they stand: checkpoint_add checks them */
} torch_tensor;

/* Calls found for each tensor of a pickled dictionary, and of the dictionaries in it; what is not a tensor is skipped.
   A call that gives -1 (and fills err) ends the reading. */
int torch_pickle_read(const unsigned char *bytes, size_t n, const char *path,
                      int (*found)(void *user, const torch_tensor *t, lnt_error *err), void *user, lnt_error *err);
#endif
