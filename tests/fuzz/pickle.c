/* fuzz: max_len=4096 weight=2 */
/* The pickle of a checkpoint as bytes: what torch_pickle_read tells of tensors lies inside it. */
#include "formats/torch_pickle.h"
#include "tests/fuzz/fuzz.h"

typedef struct bytes {
    const unsigned char *at;
    size_t n;
} bytes;

static int check(void *user, const torch_tensor *t, lnt_error *err) {
    const bytes *b = user;
    const unsigned char *key = (const unsigned char *)t->key;
    (void)err;
    FUZZ_CHECK(strlen(t->name) < 512 && t->n_dims <= CHECKPOINT_MAX_DIMS && t->dtype < CHECKPOINT_DTYPES);
    FUZZ_CHECK(key >= b->at && t->key_bytes <= b->n && key <= b->at + b->n - t->key_bytes);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lnt_error err = {""};
    if (torch_pickle_read(data, size, "pickle", check, &(bytes){data, size}, &err)) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    return 0;
}
